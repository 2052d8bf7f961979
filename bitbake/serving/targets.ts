/**
 * Finds simmer's task for a target of BitBake's command line.
 *
 * The target `demo` with the default task is the task `demo`. Another task is given by
 * `-c compile demo` or `demo:do_compile`. It is the task `demo:compile`, or `compile` in the member
 * `demo`.
 *
 * @module
 */

import type { TaskDescription } from "../../wire/commands.ts";

/** The task of a target that names none. */
export const DEFAULT_TASK = "build";

/** The task for a target: in the root, or in a member. */
export type FoundTarget =
  | { readonly kind: "task"; readonly name: string }
  | { readonly kind: "member"; readonly member: string; readonly name: string };

/**
 * Finds the task for a target.
 *
 * @param target `demo` or `demo:do_compile`
 * @param task the value of `-c`, or the default
 * @param tasks the tasks of the root and of all members
 * @returns `undefined` if there is no such task
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
