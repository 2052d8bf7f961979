/**
 * Converts Python's ints, of any size, and the text form of floats. An int becomes a number if that
 * is exact, and a bigint otherwise.
 *
 * @module
 */

import { PickleError } from "./errors.ts";

/** Returns a number if it is exact, and the bigint otherwise. */
function smallest(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

/**
 * Decodes an int from its two's complement.
 *
 * @param bytes little-endian; an empty array is 0
 */
export function decodeInt(bytes: Uint8Array): number | bigint {
  if (bytes.length === 0) return 0;
  let hex = "0x";
  for (let at = bytes.length - 1; at >= 0; at--) {
    hex += (bytes[at] ?? 0).toString(16).padStart(2, "0");
  }
  return smallest(BigInt.asIntN(bytes.length * 8, BigInt(hex)));
}

/** Encodes an int as its shortest two's complement, little-endian. 0 becomes an empty array. */
export function encodeInt(value: bigint): Uint8Array {
  if (value === 0n) return new Uint8Array();
  // The bits of the magnitude, and one for the sign.
  const bits = (value < 0n ? -value - 1n : value).toString(2).length + 1;
  const length = Math.ceil((value === -1n ? 1 : bits) / 8);
  const hex = BigInt.asUintN(length * 8, value).toString(16).padStart(length * 2, "0");
  return Uint8Array.from(
    { length },
    (_, at) => Number.parseInt(hex.slice((length - at - 1) * 2, (length - at) * 2), 16),
  );
}

/**
 * Parses an int from its decimal digits.
 *
 * @param text a sign, digits, and possibly the `L` of Python 2
 * @throws {PickleError} if the text is not an int, or has more than `maxDigits` digits
 */
export function parseInteger(text: string, maxDigits: number): number | bigint {
  const digits = text.trim().replace(/L$/, "");
  if (digits.length > maxDigits + 1) throw new PickleError(`an int has over ${maxDigits} digits`);
  if (!/^[+-]?[0-9]+$/.test(digits)) throw new PickleError("an int is no int");
  const magnitude = BigInt(digits.replace(/^[+-]/, ""));
  return smallest(digits.startsWith("-") ? -magnitude : magnitude);
}

/**
 * Parses a float from its text.
 *
 * @throws {PickleError} if the text is not a float
 */
export function parseFloatText(text: string): number {
  const word = text.trim().toLowerCase();
  if (/^[+-]?nan$/.test(word)) return NaN;
  if (/^[+-]?inf(inity)?$/.test(word)) return word.startsWith("-") ? -Infinity : Infinity;
  if (!/^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?$/.test(word)) {
    throw new PickleError("a float is no float");
  }
  return Number(word);
}
