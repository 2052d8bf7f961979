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
  summary: "Say whether a task would run, and because of what",
  about: [
    "The task is compared with its last success here: which input, variable, command, argument or\n" +
    "dependency is different. Give the arguments that the run would be given, for they count too.",
    "The tasks that it depends on are shown where they would run.",
  ],
  options: SELECTION_OPTIONS,
  words: { min: 1, max: Infinity },
  takesRest: true,
  examples: [["simmer why build", "why 'simmer run build' would run it again"]],
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
