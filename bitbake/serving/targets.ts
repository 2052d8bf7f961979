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

/**
 * Finds the task for a target.
 *
 * @param target `demo` or `demo:do_compile`
 * @param task the value of `-c`, or the default
 * @param tasks the tasks of the root and of all members
 * @returns its name, which is `package#task` in a member; `undefined` if there is no such task
 */
export function findTarget(
  target: string,
  task: string,
  tasks: readonly TaskDescription[],
): string | undefined {
  const [item = "", own] = target.split(/:(?=do_)/);
  const wanted = (own ?? task).replace(/^do_/, "");
  const has = (name: string): boolean => tasks.some((each) => each.name === name);
  const names = wanted === DEFAULT_TASK ? [item, `${item}:${wanted}`] : [`${item}:${wanted}`];
  const name = names.find(has);
  return name ?? tasks.find((each) => each.package === item && each.name === wanted)?.task;
}
