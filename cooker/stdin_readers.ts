/**
 * Which tasks of a graph read the client's stdin.
 *
 * @module
 */

import type { TaskGraph } from "./graph.ts";

/**
 * The requested tasks read stdin if no two of them can run at once: one task with its `pre` and `post`
 * scripts, tasks of which each waits for the one before, or any with one job. Tasks that only stand
 * for dependencies of others read none. Two tasks that read one stream at once would each get parts of
 * it by chance, so in that case none does, and the first one says so.
 *
 * @param jobs tasks at once
 * @returns by a task's index, for those that are concerned
 */
export function stdinReaders(graph: TaskGraph, jobs: number): Map<number, "reads" | "lost"> {
  const requested = graph.flatMap(({ isRequestedStep, definition }, index) =>
    isRequestedStep && definition.command !== undefined ? [index] : []
  );
  const isOrdered = jobs === 1 || requested.every((task, at) => {
    const before = requested[at - 1];
    return before === undefined || leadsTo(graph, before, task);
  });
  if (isOrdered) return new Map(requested.map((index) => [index, "reads"]));
  const [first = 0] = requested;
  return new Map([[first, "lost"]]);
}

/** Whether a task waits for another one. The indices of dependencies are smaller than its own. */
function leadsTo(graph: TaskGraph, before: number, after: number): boolean {
  const open = [after];
  const seen = new Set(open);
  for (let index = open.pop(); index !== undefined; index = open.pop()) {
    for (const dependency of graph[index]?.declared ?? []) {
      if (dependency === before) return true;
      if (dependency < before || seen.has(dependency)) continue;
      seen.add(dependency);
      open.push(dependency);
    }
  }
  return false;
}
