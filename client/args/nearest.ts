/**
 * Suggestions for mistyped names. Loaded only after a typing error.
 *
 * @module
 */

import { nearNames } from "../../wire/near_names.ts";

/**
 * Finds the name that is nearest to a mistyped one.
 *
 * @returns `undefined` if no name is near, which means that more than two letters and more than a
 *   third of the letters differ
 */
export function nearestName(typed: string, names: readonly string[]): string | undefined {
  const prefixed = names.find((name) => typed.length > 1 && name.startsWith(typed));
  if (prefixed !== undefined) return prefixed;
  const [nearest] = nearNames(typed, names, 1);
  const allowed = Math.max(2, Math.floor(typed.length / 3));
  return nearest !== undefined && nearest.edits <= allowed ? nearest.name : undefined;
}
