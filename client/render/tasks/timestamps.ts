/**
 * Times before the lines of tasks' output.
 *
 * @module
 */

import { concat } from "@std/bytes/concat";
import type { StreamName } from "../../output.ts";

const NEWLINE = 0x0a;
const encoder = new TextEncoder();

/** Puts the time before each line: `2026-01-31T12:00:00.000Z `. */
export class Timestamps {
  /** The streams, by task, whose last line is not complete. */
  readonly #open = new Set<string>();

  /**
   * Returns a piece of output with a time at the beginning of each line.
   *
   * @param time in milliseconds since the Unix epoch
   */
  stamp(task: string, stream: StreamName, bytes: Uint8Array, time: number): Uint8Array {
    const key = `${stream} ${task}`;
    const stamp = encoder.encode(`${new Date(time).toISOString()} `);
    const parts: Uint8Array[] = [];
    for (let start = 0; start < bytes.length;) {
      const found = bytes.indexOf(NEWLINE, start);
      const end = found < 0 ? bytes.length : found + 1;
      if (start > 0 || !this.#open.has(key)) parts.push(stamp);
      parts.push(bytes.subarray(start, end));
      start = end;
    }
    if (bytes.at(-1) === NEWLINE) this.#open.delete(key);
    else if (bytes.length > 0) this.#open.add(key);
    return concat(parts);
  }

  /** Forgets all lines. */
  clear(): void {
    this.#open.clear();
  }
}
