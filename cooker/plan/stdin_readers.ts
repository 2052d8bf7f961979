/**
 * Assigns the client's stdin to tasks of a graph: decides which tasks may read it.
 *
 * @module
 */

import type { TaskGraph, TaskNode } from "./graph.ts";

/**
 * Decides which tasks inherit the client's stdin.
 *
 * If no two tasks of the graph can overlap (each depends on the one before, or `jobs` is 1), all of
 * them inherit it and read in turn, as under `deno task`. Otherwise, only the requested tasks and
 * their `pre` and `post` scripts inherit it, if no two of those can overlap. If they can, each
 * would read parts of the stream by chance. In that case no task inherits it, and the first one
 * warns.
 *
 * @param jobs the number of tasks that may run at once
 * @returns `"reads"` or `"lost"` by task index; other tasks read an empty stdin
 */
export function stdinReaders(graph: TaskGraph, jobs: number): Map<number, "reads" | "lost"> {
  const all = withCommand(graph, () => true);
  if (jobs === 1 || isChain(graph, all)) return new Map(all.map((index) => [index, "reads"]));
  const requested = withCommand(graph, ({ isRequestedStep }) => isRequestedStep);
  if (isChain(graph, requested)) return new Map(requested.map((index) => [index, "reads"]));
  const [first = 0] = requested;
  return new Map([[first, "lost"]]);
}

/** Returns the indices of the tasks that match and have a command. */
function withCommand(graph: TaskGraph, matches: (node: TaskNode) => boolean): number[] {
  return graph.flatMap((node, index) =>
    matches(node) && node.definition.command !== undefined ? [index] : []
  );
}

/** Returns true if each of the tasks depends on the one before it. */
function isChain(graph: TaskGraph, tasks: readonly number[]): boolean {
  return tasks.every((task, at) => {
    const before = tasks[at - 1];
    return before === undefined || leadsTo(graph, before, task);
  });
}

/**
 * Returns true if a task waits for another one. The indices of dependencies are smaller than its
 * own.
 */
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
