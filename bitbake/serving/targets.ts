/**
 * From BitBake's targets to simmer's tasks.
 *
 * `demo` with the usual task is the task `demo`; another task, by `-c compile demo` or
 * `demo:do_compile`, is the task `demo:compile`, or `compile` in the member that is called `demo`.
 *
 * @module
 */

import type { TaskDescription } from "../../wire/commands.ts";

/** The task of a target that names none. */
export const DEFAULT_TASK = "build";

/** What a target is here. */
export type FoundTarget =
  | { readonly kind: "task"; readonly name: string }
  | { readonly kind: "member"; readonly member: string; readonly name: string };

/**
 * Finds what a target means.
 *
 * @param target `demo` or `demo:do_compile`
 * @param task what `-c` says, or the default
 * @param tasks of the root and of all members
 * @returns `undefined` where there is no such task
 */
export function findTarget(
  target: string,
  task: string,
  tasks: readonly TaskDescription[],
): FoundTarget | undefined {
  const [item = "", own] = target.split(/:(?=do_)/);
  const wanted = (own ?? task).replace(/^do_/, "");
  const has = (name: string): boolean => tasks.some((each) => each.name === name);
  const names = wanted === DEFAULT_TASK ? [item, `${item}:${wanted}`] : [`${item}:${wanted}`];
  const name = names.find(has);
  if (name !== undefined) return { kind: "task", name };
  const isMember = tasks.some((each) => each.package === item && each.name === wanted);
  return isMember ? { kind: "member", member: item, name: wanted } : undefined;
}
