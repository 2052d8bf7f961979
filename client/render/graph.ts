/**
 * Formats a task graph as a text tree, as Graphviz or Mermaid source, or as JSON.
 *
 * @module
 */

import type { PlannedTaskDescription } from "../../wire/commands.ts";

import { printable } from "./printable.ts";

/** The formats of `simmer graph`. */
export const GRAPH_FORMATS = ["text", "dot", "mermaid", "json"] as const;

/** One of the formats. */
type GraphFormat = typeof GRAPH_FORMATS[number];

/** Formats a graph, with a final newline. */
export function graphText(
  tasks: readonly PlannedTaskDescription[],
  format: GraphFormat,
): string {
  switch (format) {
    case "text":
      return tree(tasks);
    case "dot":
      return dot(tasks);
    case "mermaid":
      return mermaid(tasks);
    case "json":
      return `${JSON.stringify({ tasks })}\n`;
  }
}

/**
 * Formats a tree from the requested tasks to their dependencies. The dependencies of a task are
 * shown only once.
 */
function tree(tasks: readonly PlannedTaskDescription[]): string {
  const known = new Map(tasks.map((task) => [task.task, task]));
  const shown = new Set<string>();
  const lines: string[] = [];
  const open = tasks.filter((task) => task.requested).reverse()
    .map((task) => ({ id: task.task, before: "", below: "" }));
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { id, before, below } = next;
    const dependencies = known.get(id)?.dependencies ?? [];
    const isAgain = shown.has(id) && dependencies.length > 0;
    lines.push(`${before}${printable(id)}${isAgain ? " (see above)" : ""}\n`);
    if (isAgain) continue;
    shown.add(id);
    const branches = dependencies.map((dependency, index) => {
      const isLast = index === dependencies.length - 1;
      return {
        id: dependency,
        before: `${below}${isLast ? "└── " : "├── "}`,
        below: `${below}${isLast ? "    " : "│   "}`,
      };
    });
    open.push(...branches.reverse());
  }
  return lines.join("");
}

function dot(tasks: readonly PlannedTaskDescription[]): string {
  const quoted = (text: string): string => `"${printable(text).replaceAll(/["\\]/g, "\\$&")}"`;
  return [
    "digraph tasks {",
    ...tasks.map(({ task }) => `  ${quoted(task)};`),
    ...edges(tasks).map(([from, to]) => `  ${quoted(from)} -> ${quoted(to)};`),
    "}",
    "",
  ].join("\n");
}

function mermaid(tasks: readonly PlannedTaskDescription[]): string {
  const names = new Map(tasks.map(({ task }, index) => [task, `t${index}`]));
  const text = (task: string): string =>
    printable(task).replaceAll("&", "#amp;").replaceAll('"', "#quot;").replaceAll("<", "#lt;");
  return [
    "flowchart LR",
    ...tasks.map(({ task }) => `  ${names.get(task)}["${text(task)}"]`),
    ...edges(tasks).map(([from, to]) => `  ${names.get(from)} --> ${names.get(to)}`),
    "",
  ].join("\n");
}

/** Returns a pair for each task and each of its dependencies. */
function edges(tasks: readonly PlannedTaskDescription[]): [string, string][] {
  return tasks.flatMap(({ task, dependencies }) =>
    dependencies.map((dependency): [string, string] => [task, dependency])
  );
}
