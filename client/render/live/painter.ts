/**
 * Paints rows below the output of a terminal, and removes them before further output.
 *
 * While rows are on the screen, the cursor is at the beginning of the first one. One sequence
 * therefore removes all of them, however many lines they fill: also after the terminal has become
 * narrower and has broken them, and also by a program that has not painted them.
 *
 * @module
 */

import type { Sink, StreamName } from "../../output.ts";
import type { Row } from "./columns.ts";

/** Removes everything from the cursor to the end of the screen. */
export const ERASE_BELOW = "\x1b[J";

/** A synchronized update: the terminal shows its end only. Terminals that do not know it ignore it. */
const BEGIN = "\x1b[?2026h";
const END = "\x1b[?2026l";
/** Position of the cursor, colours and wrapping. */
const SAVE = "\x1b7";
const RESTORE = "\x1b8";
/** Rows that are wider than expected must not fill two lines. */
const NO_WRAP = "\x1b[?7l";
const WRAP = "\x1b[?7h";
const PLAIN = "\x1b[0m";
const ERASE_LINE = "\x1b[K";

/** Size of a terminal, in characters. */
export interface ScreenSize {
  readonly columns: number;
  readonly rows: number;
}

/** Passes output on, and keeps rows below it. The output must end with a complete line. */
export class Painter implements Sink {
  readonly #sink: Sink;
  readonly #movesCursor: boolean;
  #shown: readonly Row[] = [];
  #size: ScreenSize = { columns: 0, rows: 0 };
  #isUpdating = false;

  /**
   * @param sink its stderr must be the terminal
   * @param movesCursor true if the terminal, when it becomes narrower, moves the cursor down by the
   *   lines that it breaks below it
   */
  constructor(sink: Sink, movesCursor: boolean) {
    this.#sink = sink;
    this.#movesCursor = movesCursor;
  }

  /** True if rows are on the screen. */
  get isShown(): boolean {
    return this.#shown.length > 0;
  }

  /** Removes the rows, and writes output. The update of the screen ends with `show` or `clear`. */
  write(stream: StreamName, data: string | Uint8Array): void {
    if (data.length === 0) return;
    if (this.isShown) this.#erase();
    this.#sink.write(stream, data);
  }

  /**
   * Shows rows. Writes only those that have changed.
   *
   * @param rows at least one and fewer than the screen has; each narrower than the screen
   */
  show(rows: readonly Row[], size: ScreenSize): void {
    const isSame = this.#shown.length === rows.length && this.#size.columns === size.columns &&
      this.#size.rows === size.rows;
    const text = isSame ? changes(this.#shown, rows) : this.#toFirstRow(size) + whole(rows);
    this.#shown = rows;
    this.#size = size;
    if (text !== "") this.#write(text);
    this.#close();
  }

  /** Removes the rows. */
  clear(): void {
    if (this.isShown) this.#erase();
    this.#close();
  }

  /** Notes that another program has removed the rows. */
  forget(): void {
    this.#shown = [];
    this.#close();
  }

  /** Returns the text that undoes the terminal's move of the cursor. */
  #toFirstRow({ columns, rows }: ScreenSize): string {
    // A lower screen has lost an unknown number of rows below the cursor.
    const isKnown = this.#movesCursor && rows >= this.#size.rows;
    if (!isKnown || columns >= this.#size.columns) return "";
    const broken = this.#shown.slice(1)
      .reduce((sum, { width }) => sum + Math.max(0, Math.ceil(width / columns) - 1), 0);
    return broken === 0 ? "" : `\x1b[${broken}A`;
  }

  #erase(): void {
    this.#shown = [];
    this.#write(`\r${ERASE_BELOW}`);
  }

  #write(text: string): void {
    this.#sink.write("stderr", this.#isUpdating ? text : `${BEGIN}${text}`);
    this.#isUpdating = true;
  }

  #close(): void {
    if (this.#isUpdating) this.#sink.write("stderr", END);
    this.#isUpdating = false;
  }
}

/** Returns the text that paints all rows. Scrolls first, so that the cursor can be restored. */
function whole(rows: readonly Row[]): string {
  const texts = rows.map(({ text }) => text);
  const room = rows.length > 1 ? `${"\n".repeat(rows.length - 1)}\x1b[${rows.length - 1}A` : "";
  return `\r${ERASE_BELOW}${room}${SAVE}${PLAIN}${NO_WRAP}${texts.join("\r\n")}${WRAP}${RESTORE}`;
}

/** Returns the text that repaints the rows that differ. It is empty if none does. */
function changes(before: readonly Row[], rows: readonly Row[]): string {
  const texts = rows.flatMap(({ text }, index) => {
    if (text === before[index]?.text) return [];
    const down = index > 0 ? `\x1b[${index}B` : "";
    return [`${SAVE}${PLAIN}${down}\r${NO_WRAP}${text}${PLAIN}${ERASE_LINE}${WRAP}${RESTORE}`];
  });
  return texts.join("");
}
