/**
 * Suggestions for mistyped names, at a bounded cost, and excerpts of user text for messages, at a
 * bounded length.
 *
 * Clients and configuration can send any number of names, each of up to 16 MiB. The edit distance
 * takes time in proportion to the product of the two lengths.
 *
 * @module
 */

import { distance } from "fastest-levenshtein";

/** Maximum length of a name that is compared, in UTF-16 units. */
export const MAX_NEAR_LENGTH = 128;
/** Maximum number of names that are compared. */
export const MAX_CANDIDATES = 20_000;
/** Maximum length of user text in a message, in UTF-16 units. */
const MAX_EXCERPT_LENGTH = 200;

/** A name with its edit distance. */
interface NearName {
  readonly name: string;
  readonly edits: number;
}

/**
 * Returns the names nearest to a typed one, nearest first. Of equally near names, the first one
 * wins.
 *
 * Names longer than {@linkcode MAX_NEAR_LENGTH} and those after the first
 * {@linkcode MAX_CANDIDATES} are not compared.
 *
 * @param most maximum number of results
 * @returns an empty list if the typed name is longer than {@linkcode MAX_NEAR_LENGTH}
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
    // The edit distance is at least the difference of the lengths.
    if (name.length > MAX_NEAR_LENGTH || Math.abs(name.length - typed.length) >= farthest) continue;
    const edits = distance(lower, name.toLowerCase());
    if (edits >= farthest) continue;
    const at = near.findIndex((each) => each.edits > edits);
    near.splice(at < 0 ? near.length : at, 0, { name, edits });
    if (near.length > most) near.pop();
  }
  return near;
}

/** Shortens a long text for a message to its beginning and its length. */
export function excerpt(text: string): string {
  if (text.length <= MAX_EXCERPT_LENGTH) return text;
  return `${text.slice(0, MAX_EXCERPT_LENGTH).toWellFormed()}… (${text.length} characters)`;
}
