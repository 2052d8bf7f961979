/**
 * Python's ints, of any size, as numbers where these are exact and as bigints beyond.
 *
 * @module
 */

import { PickleError } from "./errors.ts";

/** A number where it is exact, else the bigint itself. */
function smallest(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

/**
 * An int from its two's complement.
 *
 * @param bytes little-endian; none: 0
 */
export function decodeInt(bytes: Uint8Array): number | bigint {
  if (bytes.length === 0) return 0;
  let hex = "0x";
  for (let at = bytes.length - 1; at >= 0; at--) {
    hex += (bytes[at] ?? 0).toString(16).padStart(2, "0");
  }
  return smallest(BigInt.asIntN(bytes.length * 8, BigInt(hex)));
}

/** The shortest two's complement of an int, little-endian; none for 0. */
export function encodeInt(value: bigint): Uint8Array {
  if (value === 0n) return new Uint8Array();
  // The bits of the magnitude below, and one for the sign.
  const bits = (value < 0n ? -value - 1n : value).toString(2).length + 1;
  const length = Math.ceil((value === -1n ? 1 : bits) / 8);
  const hex = BigInt.asUintN(length * 8, value).toString(16).padStart(length * 2, "0");
  return Uint8Array.from(
    { length },
    (_, at) => Number.parseInt(hex.slice((length - at - 1) * 2, (length - at) * 2), 16),
  );
}

/**
 * An int from its decimal digits.
 *
 * @param text a sign, digits, and possibly the `L` of Python 2
 * @throws {PickleError} where it is something else, or has more digits than it may
 */
export function parseInteger(text: string, maxDigits: number): number | bigint {
  const digits = text.trim().replace(/L$/, "");
  if (digits.length > maxDigits + 1) throw new PickleError(`an int has over ${maxDigits} digits`);
  if (!/^[+-]?[0-9]+$/.test(digits)) throw new PickleError("an int is no int");
  const magnitude = BigInt(digits.replace(/^[+-]/, ""));
  return smallest(digits.startsWith("-") ? -magnitude : magnitude);
}

/**
 * A float from its text.
 *
 * @throws {PickleError} where it is something else
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
