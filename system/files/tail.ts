/**
 * The end of a text file.
 *
 * @module
 */

import { fileSize } from "./file_size.ts";

/** How many bytes of a file are looked at for its last lines. */
const WINDOW_BYTES = 256 * 1024;

/**
 * The last lines of a file.
 *
 * @param count how many at the most
 * @param from the byte at which what is asked for begins; a file that has become shorter is read
 *   from its beginning
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
