/**
 * Removes the control sequences of terminals from output that a task has written to one.
 *
 * @module
 */

const BELL = 0x07;
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const ESCAPE = 0x1b;
const BACKSLASH = 0x5c;
/** The characters after ESC that begin a sequence with parameters, and a string. */
const CONTROL = 0x5b; // [
const STRINGS: ReadonlySet<number> = new Set([0x50, 0x58, 0x5d, 0x5e, 0x5f]); // P X ] ^ _

/** Part of a sequence that the next byte belongs to. */
type State = "text" | "escape" | "control" | "string" | "end of string";

/** Filters one stream. A sequence may be split between pieces. */
export class EscapeFilter {
  #state: State = "text";
  /** True if the last byte was a carriage return, which is removed before a line feed. */
  #hasReturned = false;

  /**
   * Returns a piece without control sequences, and with the line ends of a file.
   *
   * @example
   * ```ts
   * import { assertEquals } from "@std/assert";
   * import { EscapeFilter } from "./escape_filter.ts";
   *
   * const bytes = new TextEncoder().encode("\x1b[31mred\x1b[0m\r\n");
   * assertEquals(new TextDecoder().decode(new EscapeFilter().filter(bytes)), "red\n");
   * ```
   */
  filter(bytes: Uint8Array): Uint8Array {
    const kept = new Uint8Array(bytes.length + 1);
    let length = 0;
    for (const byte of bytes) {
      const isText = this.#state === "text" && byte !== ESCAPE;
      this.#state = next(this.#state, byte);
      if (!isText) continue;
      if (this.#hasReturned && byte !== LINE_FEED) kept[length++] = CARRIAGE_RETURN;
      this.#hasReturned = byte === CARRIAGE_RETURN;
      if (!this.#hasReturned) kept[length++] = byte;
    }
    return kept.subarray(0, length);
  }
}

function next(state: State, byte: number): State {
  switch (state) {
    case "text":
      return byte === ESCAPE ? "escape" : "text";
    case "escape":
      if (byte === CONTROL) return "control";
      if (STRINGS.has(byte)) return "string";
      // Intermediate bytes, for example of a character set.
      return byte >= 0x20 && byte <= 0x2f ? "escape" : "text";
    case "control":
      return byte >= 0x40 && byte <= 0x7e ? "text" : "control";
    case "string":
      if (byte === BELL) return "text";
      return byte === ESCAPE ? "end of string" : "string";
    case "end of string":
      return byte === BACKSLASH ? "text" : "string";
  }
}
