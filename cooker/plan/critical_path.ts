/**
 * Ranks the tasks of a build for the scheduler. Of several tasks that could start, the one with the
 * longest critical path starts first.
 *
 * @module
 */

/**
 * Ranks tasks by their critical paths. The critical path of a task is the longest chain of
 * durations from it to a last task. The longest path has rank 0, and ties keep their order.
 *
 * @param dependencies for each task the indices of those that it waits for, all smaller than its
 *   own
 * @param durations for each task the duration of its last run, in milliseconds; an unknown duration
 *   counts as the average of the known ones
 * @returns for each task its rank; `undefined` if no duration is known
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { criticalPathRank } from "./critical_path.ts";
 *
 * // The second task is short, but a long one waits for it.
 * assertEquals(criticalPathRank([[], [], [1]], [30, 10, 50]), [2, 0, 1]);
 * ```
 */
export function criticalPathRank(
  dependencies: readonly (readonly number[])[],
  durations: readonly (number | undefined)[],
): number[] | undefined {
  const known = durations.filter((duration) => duration !== undefined);
  if (known.length === 0) return undefined;
  const average = known.reduce((sum, duration) => sum + duration, 0) / known.length;
  const remaining = durations.map((duration) => duration ?? average);
  const behind = new Array<number>(dependencies.length).fill(0);
  for (let task = dependencies.length - 1; task >= 0; task--) {
    const whole = (remaining[task] ?? 0) + (behind[task] ?? 0);
    remaining[task] = whole;
    for (const before of dependencies[task] ?? []) {
      behind[before] = Math.max(behind[before] ?? 0, whole);
    }
  }
  const order = dependencies.map((_, task) => task)
    .sort((a, b) => (remaining[b] ?? 0) - (remaining[a] ?? 0) || a - b);
  const rank = new Array<number>(dependencies.length);
  order.forEach((task, place) => rank[task] = place);
  return rank;
}
