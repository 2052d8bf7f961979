/**
 * Escapes text from configuration, arguments and file names, so that a terminal can show it safely.
 *
 * @module
 */

/**
 * Control characters, which can move the cursor or set a terminal's title, and characters that
 * change the direction of text.
 */
const UNSAFE = /[\p{Cc}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

/** Matches texts in which nothing can be unsafe: nearly all, and this check is fast. */
const ORDINARY = /^[ -~]*$/;

const NAMES: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

/** The longest line that an error shows, in UTF-16 units. */
const MAX_LINE_LENGTH = 4096;

/**
 * Replaces unsafe characters in a text by visible escapes.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { printable } from "./printable.ts";
 *
 * assertEquals(printable("a\x1b[2J\nb"), "a\\x1b[2J\\nb");
 * ```
 */
export function printable(text: string): string {
  if (ORDINARY.test(text)) return text;
  return text.replaceAll(UNSAFE, (character) => NAMES[character] ?? codeOf(character));
}

/** Escapes as {@linkcode printable} does, but keeps newlines. */
export function printableLines(text: string): string {
  return text.replaceAll(UNSAFE, (character) => character === "\n" ? "\n" : printable(character));
}

/**
 * Escapes a line of an error as {@linkcode printable} does, and cuts out the middle of a long one.
 */
export function printableLine(text: string): string {
  const line = printable(text);
  if (line.length <= MAX_LINE_LENGTH) return line;
  const half = MAX_LINE_LENGTH / 2;
  return `${line.slice(0, half).toWellFormed()} … ${line.slice(-half).toWellFormed()}`;
}

function codeOf(character: string): string {
  const code = character.charCodeAt(0);
  return code < 0x100
    ? `\\x${code.toString(16).padStart(2, "0")}`
    : `\\u${code.toString(16).padStart(4, "0")}`;
}
