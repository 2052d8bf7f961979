/**
 * Reads the last lines of a text file. The client shows the end of the server's log with it.
 *
 * @module
 */

import { fileSize } from "./file_size.ts";

/** The number of bytes at the end of a file that are searched for its last lines. */
const WINDOW_BYTES = 256 * 1024;

/**
 * Returns the last lines of a file. A missing file has no lines.
 *
 * @param count the largest number of lines
 * @param from the first byte of interest. A file that has become shorter is read from its
 *   beginning.
 */
export function lastLines(path: string, count: number, from = 0): string[] {
  const size = fileSize(path) ?? 0;
  if (size === 0) return [];
  const begin = Math.max(size < from ? 0 : from, size - WINDOW_BYTES);
  using file = Deno.openSync(path);
  file.seekSync(begin, Deno.SeekMode.Start);
  const buffer = new Uint8Array(size - begin);
  let length = 0;
  while (length < buffer.length) {
    const read = file.readSync(buffer.subarray(length));
    if (read === null) break;
    length += read;
  }
  const lines = new TextDecoder().decode(buffer.subarray(0, length)).split("\n");
  if (lines.at(-1) === "") lines.pop();
  return lines.slice(-count);
}
