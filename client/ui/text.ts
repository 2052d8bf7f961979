/**
 * Text of the full view: pieces with attributes, cut and padded to a number of columns.
 *
 * @module
 */

import truncatedWidth from "fast-string-truncated-width";

/** A piece of text with the parameters of its SGR sequence, such as `1;31`. */
export interface Span {
  /** Text without control characters. */
  readonly text: string;
  /** Parameters of SGR; absent: the terminal's default. */
  readonly sgr?: string;
}

/** Spans that begin at a column. Parts are placed absolutely, whatever widths terminals assume. */
export interface Part {
  /** First column, from 0. */
  readonly column: number;
  /** Number of columns; the spans are cut or padded to it. */
  readonly width: number;
  readonly spans: readonly Span[];
}

/** One row of the screen. */
export type Row = readonly Part[];

/** Printable ASCII, of which each character is one column wide. */
const NARROW = /^[ -~]*$/;
const ELLIPSIS = "…";

const graphemes = new Intl.Segmenter(undefined, { granularity: "grapheme" });

/** Returns the number of columns that a text takes. */
export function widthOf(text: string): number {
  return NARROW.test(text) ? text.length : truncatedWidth(text).width;
}

/** Cuts a text to a number of columns. A text that was cut ends with an ellipsis. */
export function fitting(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  if (width <= 0) return "";
  return `${beginning(text, width - 1)}${ELLIPSIS}`;
}

/** Returns the largest beginning of a text that takes at most `width` columns. */
function beginning(text: string, width: number): string {
  if (NARROW.test(text)) return text.slice(0, Math.max(0, width));
  let [end, taken] = [0, 0];
  // The library truncates one character too late in texts such as "Āx", so it only measures.
  for (const { segment, index } of graphemes.segment(text)) {
    taken += widthOf(segment);
    if (taken > width) break;
    end = index + segment.length;
  }
  return text.slice(0, end);
}

/** Cuts spans to a number of columns, or pads them with blanks. */
export function fittedSpans(spans: readonly Span[], width: number): Span[] {
  const fitted: Span[] = [];
  let left = width;
  for (const [index, span] of spans.entries()) {
    const taken = widthOf(span.text);
    const isCut = taken > left || (taken === left && spans[index + 1] !== undefined &&
      spans.slice(index + 1).some(({ text }) => text !== ""));
    if (isCut) {
      const text = `${beginning(span.text, left - 1)}${left > 0 ? ELLIPSIS : ""}`;
      fitted.push({ ...span, text });
      left -= widthOf(text);
      break;
    }
    fitted.push(span);
    left -= taken;
  }
  const last = fitted.at(-1);
  if (left > 0) fitted.push({ ...(last ?? {}), text: " ".repeat(left) });
  return fitted;
}

/** Encodes spans for a terminal. */
export function encodedSpans(spans: readonly Span[]): string {
  let encoded = "";
  let current: string | undefined;
  for (const { text, sgr = "" } of spans) {
    if (text === "") continue;
    if (sgr !== current) encoded += sgr === "" ? "\x1b[0m" : `\x1b[0;${sgr}m`;
    current = sgr;
    encoded += text;
  }
  return current === undefined || current === "" ? encoded : `${encoded}\x1b[0m`;
}

/** Encodes a row for a terminal, without its position. */
export function encodedRow(row: Row): string {
  return row.map(({ column, width, spans }) =>
    `\x1b[${column + 1}G${encodedSpans(fittedSpans(spans, width))}`
  ).join("");
}
