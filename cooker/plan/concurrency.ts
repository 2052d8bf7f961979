/**
 * Determines which tasks of a graph may run in parallel with another task. The output lines of
 * these tasks are prefixed.
 *
 * @module
 */

/**
 * Returns for each task true if some other task neither precedes nor follows it.
 *
 * A task never runs in parallel with another one if all tasks before it (in any order that respects
 * the dependencies) lead to it, and all tasks after it come from it. Every task before it leads to
 * it if each of them has a dependent no later than it. Every task after it comes from it if each of
 * them has a dependency no earlier than it. Both are running minima, so this takes time linear in
 * the size of the graph.
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
