/**
 * Names of projects that do not depend on the characters of their paths.
 *
 * @module
 */

/**
 * Makes a short name for a root folder, of 16 hexadecimal digits: FNV-1a, which only keeps projects
 * apart, and costs no import.
 */
export function rootName(text: string): string {
  let value = 0xcbf29ce484222325n;
  for (const byte of new TextEncoder().encode(text)) {
    value = BigInt.asUintN(64, (value ^ BigInt(byte)) * 0x100000001b3n);
  }
  return value.toString(16).padStart(16, "0");
}
