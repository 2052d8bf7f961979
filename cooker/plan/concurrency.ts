/**
 * Which tasks of a graph may run beside another one: these have their output lines prefixed.
 *
 * @module
 */

/**
 * Says for each task whether some other one is neither before nor after it.
 *
 * Where all tasks before a task (in any order that respects the dependencies) lead to it, and all
 * after it come from it, it never runs beside another. Every task before it leads to it when each
 * has a dependent no later than it; every task after it comes from it when each has a dependency
 * no earlier than it. Both are running minima, so this takes time linear in the graph.
 *
 * @param dependencies for each task the indices of those that it waits for, all smaller than its
 *   own
 */
export function mayOverlap(dependencies: readonly (readonly number[])[]): boolean[] {
  const count = dependencies.length;
  const nearestDependent = new Array<number>(count).fill(count);
  dependencies.forEach((before, index) => {
    for (const other of before) {
      nearestDependent[other] = Math.min(nearestDependent[other] ?? count, index);
    }
  });
  const overlaps = new Array<boolean>(count).fill(false);
  let latest = 0;
  for (let index = 0; index < count; index++) {
    if (latest > index) overlaps[index] = true;
    latest = Math.max(latest, nearestDependent[index] ?? count);
  }
  let earliest = count;
  for (let index = count - 1; index >= 0; index--) {
    if (earliest < index) overlaps[index] = true;
    const last = (dependencies[index] ?? []).reduce((most, other) => Math.max(most, other), -1);
    earliest = Math.min(earliest, last);
  }
  return overlaps;
}
