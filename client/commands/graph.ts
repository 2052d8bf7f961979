/**
 * `simmer graph`: shows the dependency graph of tasks.
 *
 * @module
 */

import { defineCommand } from "../command.ts";
import { EXIT } from "../errors.ts";
import { askPlan } from "../build/plan.ts";
import { GRAPH_FORMATS, graphText } from "../render/graph.ts";
import { SELECTION_OPTIONS } from "../args/run_input.ts";

/** The `simmer graph` command. */
export const command = defineCommand({
  name: "graph",
  usage: "TASK…",
  summary: "Show the task dependency graph",
  about: ["Arrows point from a task to its dependencies."],
  options: [
    ...SELECTION_OPTIONS,
    {
      name: "format",
      kind: "choice",
      choices: GRAPH_FORMATS,
      summary: "output format: a tree, Graphviz, Mermaid or JSON; default: text",
    },
  ],
  words: { min: 1, max: Infinity },
  examples: [[
    "simmer graph build --format dot | dot -Tsvg > build.svg",
    "draw the graph as an SVG image",
  ]],
}, async (invocation, selection) => {
  const { values } = selection;
  const { tasks } = await askPlan(invocation, selection);
  const format = values.format ?? (values.json ? "json" : "text");
  invocation.output.write("stdout", graphText(tasks, format));
  return EXIT.ok;
});
