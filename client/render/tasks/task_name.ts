/**
 * Names of tasks, as messages show them.
 *
 * @module
 */

import type { TaskQueued } from "../../../wire/events.ts";
import { printable } from "../printable.ts";

/** Returns the name of a task, `package#task` if packages are distinguished, safe to print. */
export function taskName(
  { name, package: owner, label }: Pick<TaskQueued, "name" | "package" | "label">,
): string {
  return printable(label ?? (owner === undefined ? name : `${owner}#${name}`));
}
