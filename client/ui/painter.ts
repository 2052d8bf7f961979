/**
 * Paints frames: writes only the rows that differ from the previous frame, as one synchronised
 * update.
 *
 * @module
 */

import { encodedRow, type Row } from "./text.ts";

/** A picture of the whole screen. */
export interface Frame {
  readonly columns: number;
  /** The rows from the top. Missing ones are empty. */
  readonly rows: readonly Row[];
  /** Number of rows of the screen. */
  readonly height: number;
  /** Position of the cursor, from 0; absent: it is hidden. */
  readonly cursor?: Position;
}

/** Position on the screen, from 0. */
export interface Position {
  readonly x: number;
  readonly y: number;
}

/** Begins and ends an update that the terminal shows at once. Other terminals ignore it. */
const BEGIN = "\x1b[?2026h\x1b[?25l";
const END = "\x1b[?2026l";

/** Remembers what is on the screen. */
export class Painter {
  #shown: readonly string[] | undefined;
  #size = "";
  #cursor = "";

  /** Forgets what is on the screen, so that the next frame is painted completely. */
  forget(): void {
    this.#shown = undefined;
  }

  /** Returns the text that changes the screen into a frame; empty if nothing differs. */
  paint({ columns, height, rows, cursor }: Frame): string {
    const size = `${columns} ${height}`;
    const shown = size === this.#size ? this.#shown : undefined;
    const next = Array.from({ length: height }, (_, at) => encodedRow(rows[at] ?? []));
    const changed = next.flatMap((row, at) =>
      row === shown?.[at] ? [] : [`\x1b[${at + 1};1H\x1b[K${row}`]
    );
    const place = cursor === undefined ? "" : `\x1b[${cursor.y + 1};${cursor.x + 1}H\x1b[?25h`;
    if (shown !== undefined && changed.length === 0 && place === this.#cursor) return "";
    this.#shown = next;
    this.#size = size;
    this.#cursor = place;
    const cleared = shown === undefined ? "\x1b[0m\x1b[2J" : "";
    return `${BEGIN}${cleared}${changed.join("")}${place}${END}`;
  }
}
