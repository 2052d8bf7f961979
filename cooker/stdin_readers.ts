/**
 * Which tasks of a graph read the client's stdin.
 *
 * @module
 */

import type { TaskGraph, TaskNode } from "./graph.ts";

/**
 * All tasks read stdin, one after the other, if no two of them can run at once: each waits for the one
 * before, or there is one job. Otherwise the requested tasks do, with their `pre` and `post` scripts,
 * if no two of these can run at once. Two tasks that read one stream at once would each get parts of
 * it by chance, so in that case none does, and the first one says so.
 *
 * @param jobs tasks at once
 * @returns by a task's index, for those that are concerned
 */
export function stdinReaders(graph: TaskGraph, jobs: number): Map<number, "reads" | "lost"> {
  const all = withCommand(graph, () => true);
  if (jobs === 1 || isChain(graph, all)) return new Map(all.map((index) => [index, "reads"]));
  const requested = withCommand(graph, ({ isRequestedStep }) => isRequestedStep);
  if (isChain(graph, requested)) return new Map(requested.map((index) => [index, "reads"]));
  const [first = 0] = requested;
  return new Map([[first, "lost"]]);
}

/** The indices of tasks that run something. */
function withCommand(graph: TaskGraph, isMeant: (node: TaskNode) => boolean): number[] {
  return graph.flatMap((node, index) =>
    isMeant(node) && node.definition.command !== undefined ? [index] : []
  );
}

/** Whether each of some tasks waits for the one before. */
function isChain(graph: TaskGraph, tasks: readonly number[]): boolean {
  return tasks.every((task, at) => {
    const before = tasks[at - 1];
    return before === undefined || leadsTo(graph, before, task);
  });
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
