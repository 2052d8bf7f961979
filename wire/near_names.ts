/**
 * Suggestions for mistyped names, at a bounded cost, and user text in messages, at a bounded length.
 *
 * Names arrive from clients and from configuration: up to 16 MiB each, and any number of them. The
 * edit distance takes time in proportion to the product of two lengths.
 *
 * @module
 */

import { distance } from "fastest-levenshtein";

/** Longer names have no near ones, in UTF-16 units. */
export const MAX_NEAR_LENGTH = 128;
/** Further names are not compared. */
export const MAX_CANDIDATES = 20_000;
/** How much of a text a message repeats, in UTF-16 units. */
const MAX_EXCERPT_LENGTH = 200;

/** A name, and how many edits it is away. */
interface NearName {
  readonly name: string;
  readonly edits: number;
}

/**
 * The names that are nearest to a typed one, nearest first; of equally near ones the first.
 *
 * Names longer than {@linkcode MAX_NEAR_LENGTH} and those after the first
 * {@linkcode MAX_CANDIDATES} are not compared.
 *
 * @param most how many at the most
 * @returns nothing if the typed name is longer than {@linkcode MAX_NEAR_LENGTH}
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { nearNames } from "./near_names.ts";
 *
 * assertEquals(nearNames("buidl", ["test", "build"], 1), [{ name: "build", edits: 2 }]);
 * assertEquals(nearNames("x".repeat(1000), ["build"], 1), []);
 * ```
 */
export function nearNames(typed: string, names: readonly string[], most: number): NearName[] {
  if (typed.length > MAX_NEAR_LENGTH || most < 1) return [];
  const lower = typed.toLowerCase();
  const near: NearName[] = [];
  for (const name of names.slice(0, MAX_CANDIDATES)) {
    const farthest = near.length < most ? Infinity : near.at(-1)?.edits ?? Infinity;
    // As many edits as the lengths differ by are needed in any case.
    if (name.length > MAX_NEAR_LENGTH || Math.abs(name.length - typed.length) >= farthest) continue;
    const edits = distance(lower, name.toLowerCase());
    if (edits >= farthest) continue;
    const at = near.findIndex((each) => each.edits > edits);
    near.splice(at < 0 ? near.length : at, 0, { name, edits });
    if (near.length > most) near.pop();
  }
  return near;
}

/** A text as a message repeats it: the beginning of a long one, and how long it is. */
export function excerpt(text: string): string {
  if (text.length <= MAX_EXCERPT_LENGTH) return text;
  return `${text.slice(0, MAX_EXCERPT_LENGTH).toWellFormed()}… (${text.length} characters)`;
}
