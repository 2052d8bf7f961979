/**
 * Short names of projects, independent of the characters of their paths.
 *
 * @module
 */

/**
 * Hashes the path of a root folder to 16 hexadecimal digits with FNV-1a. The hash only has to keep
 * projects apart, and FNV-1a needs no import.
 */
export function rootName(text: string): string {
  let value = 0xcbf29ce484222325n;
  for (const byte of new TextEncoder().encode(text)) {
    value = BigInt.asUintN(64, (value ^ BigInt(byte)) * 0x100000001b3n);
  }
  return value.toString(16).padStart(16, "0");
}
