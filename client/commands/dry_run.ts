/**
 * `simmer run --dry-run`: lists the tasks that would run and those that are cached.
 *
 * @module
 */

import { EXIT } from "../errors.ts";
import type { Invocation } from "../invocation.ts";
import { askPlan, verdictText } from "../build/plan.ts";
import { styleFor } from "../render/style.ts";
import type { Selection } from "../args/run_input.ts";

/** Prints what a run would do. */
export async function dryRun(invocation: Invocation, selection: Selection): Promise<number> {
  const { env, terminal, output } = invocation;
  const { values } = selection;
  const { tasks } = await askPlan(invocation, selection);
  if (values.json) {
    output.write("stdout", tasks.map((task) => `${JSON.stringify(task)}\n`).join(""));
    return EXIT.ok;
  }
  const style = styleFor({ color: values.color, env, isTerminal: terminal.stdout });
  output.write("stdout", tasks.map((task) => verdictText(task, style)).join(""));
  const cached = tasks.filter((task) => task.verdict === "cached").length;
  if (!values.quiet) {
    output.write("stderr", `simmer: ${tasks.length - cached} would run, ${cached} cached\n`);
  }
  return EXIT.ok;
}
