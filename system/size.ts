/**
 * Sizes in bytes, as people read and write them.
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

/** What a size is written as, for messages. */
export const SIZE_FORM = "a number of bytes, or one with K, M, G or T";

/**
 * The bytes that a size means; `undefined` where it is none.
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

/** A size as people read it: `1.5 GiB`. */
export function sizeText(bytes: number): string {
  if (bytes < 1024) return `${bytes} bytes`;
  const unit = Math.min(4, Math.floor(Math.log2(bytes) / 10));
  return `${(bytes / 1024 ** unit).toFixed(1)} ${" KMGT"[unit]}iB`;
}
