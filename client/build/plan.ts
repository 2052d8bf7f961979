/**
 * Plans from a client's side: what a run would do, asked for and put into words.
 *
 * @module
 */

import type { PlannedTaskDescription, PlanTasksResult } from "../../wire/commands.ts";
import { askCooker } from "../connect/query_cooker.ts";
import type { Invocation } from "../invocation.ts";
import { serverPlace } from "../connect/find_server.ts";
import { runInput, type Selection } from "../args/run_input.ts";
import { printable, printableLines } from "../render/printable.ts";
import type { Style } from "../render/style.ts";

/** How many reasons of a task are shown. */
const MAX_REASONS = 20;

/** Asks what a run would do; nothing runs. */
export async function askPlan(
  invocation: Invocation,
  selection: Selection,
): Promise<PlanTasksResult> {
  const { output } = invocation;
  const { values } = selection;
  const say = (text: string): void => {
    if (!values.quiet) output.write("stderr", `simmer: ${printableLines(text)}\n`);
  };
  const input = await runInput(invocation, selection, say);
  const place = serverPlace(invocation, values);
  const reply = await askCooker(
    invocation,
    place,
    (session) => session.call("planTasks", input),
    values,
  );
  return reply as PlanTasksResult;
}

/** What would become of a task, in a line, and because of what, in further ones. */
export function verdictText(task: PlannedTaskDescription, style: Style): string {
  const { green, yellow, cyan, gray } = style;
  const verdicts = {
    cached: green("cached"),
    run: yellow("would run"),
    always: yellow("runs every time"),
  };
  const hidden = task.reasons.length - MAX_REASONS;
  return [
    `${cyan(printable(labelOf(task)))}: ${verdicts[task.verdict]}${
      task.command === undefined ? gray(" (no command)") : gray(`  ${printable(task.command)}`)
    }`,
    ...task.reasons.slice(0, MAX_REASONS).map(({ text }) => `  - ${printable(text)}`),
    ...(hidden > 0 ? [`  - and ${hidden} more`] : []),
    "",
  ].join("\n");
}

/** A task's id as people read it. */
function labelOf({ task, command }: PlannedTaskDescription): string {
  return task === "" ? command ?? "" : task;
}
