/**
 * `simmer why`: explains whether a task would run, and why.
 *
 * @module
 */

import { defineCommand } from "../command.ts";
import { EXIT } from "../errors.ts";
import { askPlan, verdictText } from "../build/plan.ts";
import { styleFor } from "../render/style.ts";
import { SELECTION_OPTIONS } from "../args/run_input.ts";

/** The `simmer why` command. */
export const command = defineCommand({
  name: "why",
  usage: "TASK… [-- ARG…]",
  summary: "Show whether a task would run, and why",
  about: [
    "simmer compares the task with its last successful run here, and shows each input, variable,\n" +
    "command, argument or dependency that differs. Pass the arguments of the planned run, because they\n" +
    "count, too. The output includes the task's dependencies if they would run.",
  ],
  options: SELECTION_OPTIONS,
  words: { min: 1, max: Infinity },
  takesRest: true,
  examples: [["simmer why build", "show why 'simmer run build' would rerun it"]],
}, async (invocation, selection) => {
  const { env, terminal, output } = invocation;
  const { values } = selection;
  const { tasks } = await askPlan(invocation, selection);
  const shown = tasks.filter((task) => task.requested || task.verdict === "run");
  if (values.json) {
    output.write("stdout", shown.map((task) => `${JSON.stringify(task)}\n`).join(""));
    return EXIT.ok;
  }
  const style = styleFor({ color: values.color, env, isTerminal: terminal.stdout });
  output.write("stdout", shown.map((task) => verdictText(task, style)).join(""));
  return EXIT.ok;
});
