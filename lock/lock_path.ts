/**
 * Shortens the name of a lock file if it is too long for a file name.
 *
 * @module
 */

const MAX_NAME_BYTES = 255;
const encoder = new TextEncoder();

/**
 * Returns the path with a base name of at most 255 bytes. A longer name is cut before its suffix,
 * and never in the middle of a character.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { lockPath } from "@simmer/simmer/lock";
 *
 * const path = lockPath(`/run/${"a".repeat(300)}.lock`);
 * assertEquals(path, `/run/${"a".repeat(250)}.lock`);
 * ```
 */
export function lockPath(path: string): string {
  const slash = path.lastIndexOf("/") + 1;
  const name = path.slice(slash);
  if (encoder.encode(name).length <= MAX_NAME_BYTES) return path;
  const dot = name.lastIndexOf(".");
  const suffix = dot > 0 && name.length - dot <= MAX_NAME_BYTES / 2 ? name.slice(dot) : "";
  const room = MAX_NAME_BYTES - encoder.encode(suffix).length;
  let stem = "";
  let bytes = 0;
  for (const character of name.slice(0, name.length - suffix.length)) {
    bytes += encoder.encode(character).length;
    if (bytes > room) break;
    stem += character;
  }
  return path.slice(0, slash) + stem + suffix;
}
