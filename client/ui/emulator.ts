/**
 * Terminal emulation of one task's output. Only the task that is shown has an emulator.
 *
 * @module
 */

import xterm from "@xterm/headless";
import type { IBufferCell, IMarker } from "@xterm/headless";
import { widthOf } from "./text.ts";
import type { Size } from "./layout.ts";

/** One character of a line, with its columns and attributes. */
export interface Cell {
  readonly text: string;
  /** 1 or 2 columns. */
  readonly width: number;
  /** Parameters of SGR; empty: the terminal's default. */
  readonly sgr: string;
}

/** A line as the program wrote it: rows of the emulator that were wrapped belong together. */
export interface Line {
  /** First row. */
  readonly start: number;
  /** Row behind the last one. */
  readonly end: number;
}

/** A row that stays the same when earlier rows are dropped. */
export interface Mark {
  /** The row; `undefined` if it was dropped. */
  readonly row: number | undefined;
  dispose(): void;
}

/** Options of an {@linkcode Emulator}. */
interface EmulatorOptions extends Size {
  /** True if the output was not processed by a terminal: a newline then also returns. */
  readonly isRaw: boolean;
  /** True if attributes have no colours. */
  readonly isPlain: boolean;
  /** Receives what the terminal answers to the program. */
  readonly answer: (text: string) => void;
}

/** Modes of the program's terminal that decide which bytes keys send. */
export interface KeyModes {
  readonly applicationCursor: boolean;
  readonly applicationKeypad: boolean;
  readonly bracketedPaste: boolean;
}

/** Lines above the screen that are kept. */
const SCROLLBACK = 10_000;
/** Rows of a line from which on it is split, so that a picture is composed in a short time. */
const MAX_LINE_ROWS = 100;
/** Bytes that wait to be parsed, from which on writers should wait. */
const MAX_PENDING = 1024 * 1024;

/** The terminal of a task's output. */
export class Emulator implements Disposable {
  readonly #terminal: InstanceType<typeof xterm.Terminal>;
  readonly #isPlain: boolean;
  readonly #cell: IBufferCell;
  #pending = 0;
  #room: PromiseWithResolvers<void> | undefined;

  constructor({ columns, rows, isRaw, isPlain, answer }: EmulatorOptions) {
    this.#isPlain = isPlain;
    this.#terminal = new xterm.Terminal({
      cols: Math.max(2, columns),
      rows: Math.max(1, rows),
      scrollback: SCROLLBACK,
      convertEol: isRaw,
      allowProposedApi: true,
      logLevel: "off",
    });
    const widths = new CharacterWidths();
    this.#terminal.unicode.register(widths);
    this.#terminal.unicode.activeVersion = widths.version;
    this.#terminal.onData(answer);
    this.#cell = this.#terminal.buffer.active.getNullCell();
  }

  /** True if the program shows the alternate screen, as editors and pagers do. */
  get isAlternate(): boolean {
    return this.#terminal.buffer.active.type === "alternate";
  }

  /** Number of rows, with those above the screen. */
  get rowCount(): number {
    return this.#terminal.buffer.active.length;
  }

  /** First row of the screen. */
  get screenRow(): number {
    return this.#terminal.buffer.active.baseY;
  }

  /** Number of columns. */
  get columns(): number {
    return this.#terminal.cols;
  }

  /** Row and column of the cursor. */
  get cursor(): { readonly row: number; readonly column: number } {
    const { baseY, cursorX, cursorY } = this.#terminal.buffer.active;
    return { row: baseY + cursorY, column: cursorX };
  }

  /** Modes of the keyboard. */
  get keyModes(): KeyModes {
    const { modes } = this.#terminal;
    return {
      applicationCursor: modes.applicationCursorKeysMode,
      applicationKeypad: modes.applicationKeypadMode,
      bracketedPaste: modes.bracketedPasteMode,
    };
  }

  /** Sets how newlines count, as `isRaw` at the beginning. */
  set isRaw(isRaw: boolean) {
    this.#terminal.options.convertEol = isRaw;
  }

  /**
   * Writes output.
   *
   * @returns a promise that resolves when there is room for more, or nothing if there is
   */
  write(bytes: Uint8Array, parsed: () => void): Promise<void> | undefined {
    this.#pending += bytes.length;
    this.#terminal.write(bytes, () => {
      this.#pending -= bytes.length;
      if (this.#pending < MAX_PENDING) {
        this.#room?.resolve();
        this.#room = undefined;
      }
      parsed();
    });
    if (this.#pending < MAX_PENDING) return undefined;
    this.#room ??= Promise.withResolvers();
    return this.#room.promise;
  }

  /** Resolves when everything so far is on the emulator's screen. */
  async settled(): Promise<void> {
    await new Promise<void>((resolve) => this.#terminal.write("", resolve));
  }

  /** Changes the size. */
  resize({ columns, rows }: Size): void {
    const [wide, high] = [Math.max(2, columns), Math.max(1, rows)];
    if (wide !== this.#terminal.cols || high !== this.#terminal.rows) {
      this.#terminal.resize(wide, high);
    }
  }

  /** Returns the line that a row belongs to. A very long line counts as several. */
  lineAt(row: number): Line {
    const { active } = this.#terminal.buffer;
    const at = Math.max(0, Math.min(row, active.length - 1));
    let first = at;
    while (first > 0 && active.getLine(first)?.isWrapped === true) first--;
    const start = at - (at - first) % MAX_LINE_ROWS;
    let end = start + 1;
    while (end - start < MAX_LINE_ROWS && active.getLine(end)?.isWrapped === true) end++;
    return { start, end };
  }

  /** Returns the text of a line without trailing blanks. */
  textOf({ start, end }: Line): string {
    const { active } = this.#terminal.buffer;
    let text = "";
    for (let row = start; row < end; row++) {
      text += active.getLine(row)?.translateToString(row === end - 1) ?? "";
    }
    return text;
  }

  /** Returns the cells of a line, without trailing blanks that have no attributes. */
  cellsOf({ start, end }: Line): Cell[] {
    const cells: Cell[] = [];
    let used = 0;
    for (let row = start; row < end; row++) {
      const line = this.#terminal.buffer.active.getLine(row);
      for (let column = 0; line !== undefined && column < line.length; column++) {
        const cell = line.getCell(column, this.#cell);
        if (cell === undefined || cell.getWidth() === 0) continue;
        const sgr = sgrOf(cell, this.#isPlain);
        const text = cell.isInvisible() !== 0 ? " ".repeat(cell.getWidth()) : cell.getChars();
        cells.push({ text: text === "" ? " " : text, width: cell.getWidth(), sgr });
        if ((text !== "" && text !== " ") || sgr !== "") used = cells.length;
      }
    }
    cells.length = used;
    return cells;
  }

  /** Marks a row of the normal screen. */
  mark(row: number): Mark {
    const marker: IMarker | undefined = this.#terminal.registerMarker(row - this.cursor.row);
    return {
      get row(): number | undefined {
        return marker === undefined || marker.isDisposed ? undefined : marker.line;
      },
      dispose: () => marker?.dispose(),
    };
  }

  [Symbol.dispose](): void {
    this.#room?.resolve();
    this.#terminal.dispose();
  }
}

/** Returns the SGR parameters of a cell. */
function sgrOf(cell: IBufferCell, isPlain: boolean): string {
  if (cell.isAttributeDefault()) return "";
  const codes: string[] = [];
  if (cell.isBold() !== 0) codes.push("1");
  if (cell.isDim() !== 0) codes.push("2");
  if (cell.isItalic() !== 0) codes.push("3");
  if (cell.isUnderline() !== 0) codes.push("4");
  if (cell.isInverse() !== 0) codes.push("7");
  if (cell.isStrikethrough() !== 0) codes.push("9");
  if (isPlain) return codes.join(";");
  if (cell.isFgRGB()) codes.push(`38;2;${rgb(cell.getFgColor())}`);
  else if (cell.isFgPalette()) codes.push(palette(cell.getFgColor(), 30));
  if (cell.isBgRGB()) codes.push(`48;2;${rgb(cell.getBgColor())}`);
  else if (cell.isBgPalette()) codes.push(palette(cell.getBgColor(), 40));
  return codes.join(";");
}

function rgb(color: number): string {
  return `${(color >> 16) & 255};${(color >> 8) & 255};${color & 255}`;
}

/** @param base 30 for the foreground, 40 for the background */
function palette(color: number, base: 30 | 40): string {
  if (color < 8) return `${base + color}`;
  return color < 16 ? `${base + 60 + color - 8}` : `${base + 8};5;${color}`;
}

/** Combining characters, and those that only control others, such as joiners. */
const INVISIBLE = /[\p{M}\p{Cf}]/u;
/** Characters below this have one column each, except for control characters. */
const FIRST_COMBINING = 0x300;

/**
 * Widths of characters by the present Unicode tables. The emulator's own ones are of 2007: they
 * take emoji for one column wide, which terminals show in two.
 */
class CharacterWidths {
  readonly version = "current";
  readonly #known = new Map<number, 0 | 1 | 2>();

  wcwidth(code: number): 0 | 1 | 2 {
    if (code < FIRST_COMBINING) return code < 0x20 || (code >= 0x7f && code < 0xa0) ? 0 : 1;
    let width = this.#known.get(code);
    if (width === undefined) {
      const character = String.fromCodePoint(code);
      width = INVISIBLE.test(character) ? 0 : widthOf(character) > 1 ? 2 : 1;
      this.#known.set(code, width);
    }
    return width;
  }

  /** Returns width and joining of a character, in the emulator's encoding. */
  charProperties(code: number, preceding: number): number {
    const width = this.wcwidth(code);
    const before = (preceding >> 1) & 3;
    const joins = width === 0 && preceding !== 0 && before !== 0;
    return ((joins ? Math.max(width, before) : width) << 1) | (joins ? 1 : 0);
  }
}
