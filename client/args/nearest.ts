/**
 * What was probably meant: loaded only where something was mistyped.
 *
 * @module
 */

import { nearNames } from "../../wire/near_names.ts";

/**
 * The name that is nearest to a mistyped one.
 *
 * @returns `undefined` where none is near: more than a third of the letters, or two, differ
 */
export function nearestName(typed: string, names: readonly string[]): string | undefined {
  const prefixed = names.find((name) => typed.length > 1 && name.startsWith(typed));
  if (prefixed !== undefined) return prefixed;
  const [nearest] = nearNames(typed, names, 1);
  const allowed = Math.max(2, Math.floor(typed.length / 3));
  return nearest !== undefined && nearest.edits <= allowed ? nearest.name : undefined;
}
