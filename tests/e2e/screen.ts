/**
 * A program in a pseudo-terminal, and an emulator that shows its screen as a person sees it.
 *
 * @module
 */

import xterm from "@xterm/headless";
import type { Finished, Project, RunOptions } from "./support.ts";
import { type Running, terminalWords } from "./support.ts";

/** Milliseconds after which a screen that has not come counts as missing. */
const LATE_MS = 30_000;

/** Number of lines above the screen that the emulator keeps. */
const SCROLLBACK = 10_000;

/** Sequences that terminals send for keys. */
export const KEYS = {
  up: "\x1b[A",
  down: "\x1b[B",
  pageUp: "\x1b[5~",
  pageDown: "\x1b[6~",
  enter: "\r",
  escape: "\x1b",
  tab: "\t",
  space: " ",
  backspace: "\x7f",
  interrupt: "\x03",
  suspend: "\x1a",
  end: "\x04",
} as const;

/** Options to start a program. */
export interface ScreenOptions extends Pick<RunOptions, "env" | "folder"> {
  /** Default: 80. */
  readonly columns?: number;
  /** Default: 24. */
  readonly rows?: number;
}

/** Characters next to each other that look the same. */
export interface Run {
  readonly text: string;
  /** First column, from 0. */
  readonly column: number;
  /** Number of columns. Some characters take two. */
  readonly columns: number;
  /** Palette index, RGB value, or `undefined` for the terminal's own colour. */
  readonly foreground: Colour | undefined;
  readonly background: Colour | undefined;
  /** Names of the attributes, such as `bold`. */
  readonly attributes: readonly Attribute[];
}

/** A colour of the palette, from 0 to 255, or one in RGB. */
export type Colour = { readonly index: number } | { readonly rgb: number };

const ATTRIBUTES = {
  bold: "isBold",
  dim: "isDim",
  italic: "isItalic",
  underline: "isUnderline",
  inverse: "isInverse",
  invisible: "isInvisible",
  strikethrough: "isStrikethrough",
} as const;

/** Name of an attribute of characters. */
export type Attribute = keyof typeof ATTRIBUTES;

/** Tests the text of a screen. */
type Condition = string | RegExp | ((text: string) => boolean);

/** A terminal with a program in it. On disposal it is closed, and the program has ended. */
export class Screen implements AsyncDisposable {
  readonly #running: Running;
  readonly #terminal: InstanceType<typeof xterm.Terminal>;
  readonly #collected: Promise<void>;
  #waiting: (() => void)[] = [];
  #isEnded = false;
  #isOpen = true;

  private constructor(running: Running, options: ScreenOptions) {
    this.#running = running;
    this.#terminal = new xterm.Terminal({
      cols: options.columns ?? 80,
      rows: options.rows ?? 24,
      scrollback: SCROLLBACK,
      allowProposedApi: true,
    });
    // Programs ask the terminal for its properties, and wait for the answers.
    this.#terminal.onData((answer) => void this.type(answer));
    this.#collected = this.#collect();
  }

  /** Starts a program in a project's folder. `TERM` is `xterm-256color` unless `env` sets it. */
  static start(
    project: Project,
    program: readonly string[],
    options: ScreenOptions = {},
  ): Screen {
    const { columns = 80, rows = 24, env, folder } = options;
    const words = terminalWords(program, { columns, rows });
    const running = project.startProgram(words, {
      env: { TERM: "xterm-256color", ...env },
      ...(folder === undefined ? {} : { folder }),
    });
    return new Screen(running, options);
  }

  /** The lines of the screen, without blanks at their ends and without empty lines at the end. */
  get text(): string {
    const { active } = this.#terminal.buffer;
    return this.#lines(active.baseY, active.length);
  }

  /** The same for all lines: those that have left the screen, and the screen. */
  get history(): string {
    return this.#lines(0, this.#terminal.buffer.active.length);
  }

  /** The lines of the screen with their colours and attributes. */
  get lines(): readonly (readonly Run[])[] {
    const { active } = this.#terminal.buffer;
    return Array.from({ length: this.#terminal.rows }, (_, at) => {
      const line = active.getLine(active.baseY + at);
      const length = line?.translateToString(true).length ?? 0;
      const runs: { -readonly [Key in keyof Run]: Run[Key] }[] = [];
      for (let column = 0; line !== undefined && column < this.#terminal.cols; column++) {
        const cell = line.getCell(column);
        if (cell === undefined || cell.getWidth() === 0) continue;
        const look = lookOf(cell);
        const isPlain = isSame(look, PLAIN);
        if (column >= length && isPlain) continue;
        const text = cell.getChars() || " ";
        const columns = cell.getWidth();
        const last = runs.at(-1);
        if (last !== undefined && isSame(last, look)) {
          last.text += text;
          last.columns += columns;
        } else runs.push({ text, column, columns, ...look });
      }
      return runs;
    });
  }

  /** Modes that programs have set: of the keyboard, the mouse and the buffer. */
  get modes(): Readonly<Record<string, unknown>> {
    const { synchronizedOutputMode: _, ...modes } = this.#terminal.modes;
    return { ...modes, isAlternate: this.isAlternate };
  }

  /** True if a program shows the alternate screen. */
  get isAlternate(): boolean {
    return this.#terminal.buffer.active.type === "alternate";
  }

  /** Position of the cursor on the screen, from 0. */
  get cursor(): { readonly x: number; readonly y: number } {
    const { cursorX, cursorY } = this.#terminal.buffer.active;
    return { x: cursorX, y: cursorY };
  }

  /** All bytes that the terminal has received, as text. */
  get written(): string {
    return this.#running.stdout.text;
  }

  /** Presses keys. */
  async type(keys: string): Promise<void> {
    // The program may have ended before it read an answer of the terminal: the pipe to it is broken
    // (`BrokenPipe`) or closed (`TypeError`).
    if (this.#isEnded) return;
    try {
      await this.#running.type(keys);
    } catch (error) {
      if (!(error instanceof Deno.errors.BrokenPipe || error instanceof TypeError)) throw error;
    }
  }

  /** Changes the terminal's size. The program gets SIGWINCH. */
  async resize(columns: number, rows: number): Promise<void> {
    this.#terminal.resize(columns, rows);
    await this.type(`\0resize ${columns} ${rows}\n`);
  }

  /** Closes the terminal, as a window that is closed. The program gets SIGHUP. */
  async hangUp(): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    await this.type("\0hangup");
  }

  /**
   * Resolves with the text of the screen when it fulfills a condition: contains a text, matches an
   * expression, or passes a function. Each screen is tested after a piece of output.
   */
  async until(condition: Condition): Promise<string> {
    return await this.#until(condition, () => this.text);
  }

  /** The same for the history. */
  async untilHistory(condition: Condition): Promise<string> {
    return await this.#until(condition, () => this.history);
  }

  /** True if the program has ended and the screen shows its last output. */
  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** Resolves when the screen may have changed, or the program has ended. */
  async changed(): Promise<void> {
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  /** Resolves with the exit code when the program has ended, and the screen shows its last output. */
  async finished(): Promise<number> {
    const { code } = await this.#end();
    return code;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.hangUp();
    await this.#end();
    this.#terminal.dispose();
  }

  async #end(): Promise<Finished> {
    const finished = await this.#running.finished();
    await this.#collected;
    return finished;
  }

  async #until(condition: Condition, textOf: () => string): Promise<string> {
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      this.#wake();
    }, LATE_MS);
    try {
      while (true) {
        const text = textOf();
        if (isFulfilled(condition, text)) return text;
        if (isLate || this.#isEnded) {
          const reason = isLate ? "in time" : "before the program ended";
          throw new Error(`${condition} did not come ${reason}; the screen is:\n${text}`);
        }
        await new Promise<void>((resolve) => this.#waiting.push(resolve));
      }
    } finally {
      clearTimeout(timer);
    }
  }

  async #collect(): Promise<void> {
    const { stdout } = this.#running;
    for (let shown = 0;;) {
      const { length } = stdout.text;
      if (length > shown) {
        const piece = stdout.text.slice(shown, length);
        shown = length;
        await new Promise<void>((resolve) => this.#terminal.write(piece, resolve));
        this.#wake();
      } else if (!await stdout.more(shown)) break;
    }
    this.#isEnded = true;
    this.#wake();
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }

  #lines(from: number, to: number): string {
    const { active } = this.#terminal.buffer;
    const lines: string[] = [];
    for (let at = from; at < to; at++) {
      lines.push(active.getLine(at)?.translateToString(true).trimEnd() ?? "");
    }
    return lines.join("\n").trimEnd();
  }
}

type Cell = NonNullable<
  ReturnType<
    NonNullable<ReturnType<InstanceType<typeof xterm.Terminal>["buffer"]["active"]["getLine"]>>[
      "getCell"
    ]
  >
>;

type Look = Pick<Run, "foreground" | "background" | "attributes">;

function lookOf(cell: Cell): Look {
  const names = Object.keys(ATTRIBUTES) as Attribute[];
  return {
    foreground: colourOf(cell.isFgDefault(), cell.isFgRGB(), cell.getFgColor()),
    background: colourOf(cell.isBgDefault(), cell.isBgRGB(), cell.getBgColor()),
    attributes: names.filter((name) => cell[ATTRIBUTES[name]]() !== 0),
  };
}

/** Look of a character without colours and attributes. */
const PLAIN: Look = { foreground: undefined, background: undefined, attributes: [] };

function isSame(one: Look, other: Look): boolean {
  return JSON.stringify([one.foreground, one.background, one.attributes]) ===
    JSON.stringify([other.foreground, other.background, other.attributes]);
}

function colourOf(isDefault: boolean, isRgb: boolean, value: number): Colour | undefined {
  if (isDefault) return undefined;
  return isRgb ? { rgb: value } : { index: value };
}

function isFulfilled(condition: Condition, text: string): boolean {
  if (typeof condition === "string") return text.includes(condition);
  return condition instanceof RegExp ? condition.test(text) : condition(text);
}
