/**
 * Text by the columns that a terminal needs for it: wide characters need two, and combining ones
 * none.
 *
 * @module
 */

import truncatedWidth from "fast-string-truncated-width";
import type { Paint } from "../style.ts";

/** A part of a row, and its colour. */
export type Segment = readonly [text: string, paint: Paint];

/** A row of the screen. */
export interface Row {
  readonly text: string;
  /** Number of columns. */
  readonly width: number;
}

/** Returns the number of columns of a text without control characters. */
export function columnsOf(text: string): number {
  return truncatedWidth(text).width;
}

/**
 * Joins the segments of a row, and cuts it off if it is too wide.
 *
 * @param columns the most columns, at least 1
 */
export function fitted(segments: readonly Segment[], columns: number): Row {
  let left = columns;
  let row = "";
  for (const [index, [text, paint]] of segments.entries()) {
    const isLast = index === segments.length - 1;
    // A column for the ellipsis, if the row has to be cut off in a later segment.
    const limit = isLast ? left : left - 1;
    const width = columnsOf(text);
    if (width > limit) {
      return { text: `${row}${paint(`${beginning(text, left - 1)}…`)}`, width: columns };
    }
    row += text === "" ? "" : paint(text);
    left -= width;
  }
  return { text: row, width: columns - left };
}

/** Returns the beginning of a text that needs at most a number of columns. */
function beginning(text: string, columns: number): string {
  let start = text.slice(0, truncatedWidth(text, { limit: columns }).index);
  // The library cuts one character too late after some characters.
  while (columnsOf(start) > columns) start = [...start].slice(0, -1).join("");
  return start;
}
