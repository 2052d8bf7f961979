/**
 * What was probably meant: loaded only where something was mistyped.
 *
 * @module
 */

import { closest, distance } from "fastest-levenshtein";

/**
 * The name that is nearest to a mistyped one.
 *
 * @returns `undefined` where none is near: more than a third of the letters, or two, differ
 */
export function nearestName(typed: string, names: readonly string[]): string | undefined {
  if (names.length === 0) return undefined;
  const prefixed = names.find((name) => typed.length > 1 && name.startsWith(typed));
  const name = prefixed ?? closest(typed, [...names]);
  const allowed = Math.max(2, Math.floor(typed.length / 3));
  return prefixed !== undefined || distance(typed, name) <= allowed ? name : undefined;
}
