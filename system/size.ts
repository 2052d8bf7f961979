/**
 * Parses and formats sizes in bytes, such as `1.5G`, for options and messages.
 *
 * @module
 */

const UNITS: Readonly<Record<string, number>> = {
  "": 1,
  k: 1024,
  m: 1024 ** 2,
  g: 1024 ** 3,
  t: 1024 ** 4,
};

/** A description of the form of a size, for error messages. */
export const SIZE_FORM = "a number of bytes, or one with K, M, G or T";

/**
 * Parses a size. Returns its number of bytes, or `undefined` if the text is not a size.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { parseSize } from "./size.ts";
 *
 * assertEquals(parseSize("1.5G"), 1.5 * 1024 ** 3);
 * assertEquals(parseSize("2 apples"), undefined);
 * ```
 */
export function parseSize(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?$/i.exec(text);
  const bytes = Number(match?.[1]) * (UNITS[match?.[2]?.toLowerCase() ?? ""] ?? NaN);
  return Number.isFinite(bytes) ? Math.floor(bytes) : undefined;
}

/** Formats a size for messages, such as `1.5 GiB`. */
export function sizeText(bytes: number): string {
  if (bytes < 1024) return `${bytes} bytes`;
  const unit = Math.min(4, Math.floor(Math.log2(bytes) / 10));
  return `${(bytes / 1024 ** unit).toFixed(1)} ${" KMGT"[unit]}iB`;
}
