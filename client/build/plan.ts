/**
 * Client side of plans: requests what a run would do, and formats the answer.
 *
 * @module
 */

import type { PlannedTaskDescription, PlanTasksResult } from "../../wire/commands.ts";
import { queryCooker } from "../connect/query_cooker.ts";
import type { Invocation } from "../invocation.ts";
import { serverPlace } from "../connect/find_server.ts";
import { runInput, type Selection } from "../args/run_input.ts";
import { printable, printableLines } from "../render/printable.ts";
import type { Style } from "../render/style.ts";

/** The maximum number of reasons shown for a task. */
const MAX_REASONS = 20;

/** Requests the plan of a run. Runs nothing. */
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
  const reply = await queryCooker(
    invocation,
    place,
    (session) => session.call("planTasks", input),
    values,
  );
  return reply as PlanTasksResult;
}

/** Formats the verdict on a task in one line, and its reasons in the next ones. */
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
    ...countedLines(task).map((line) => gray(`  ${printable(line)}`)),
    "",
  ].join("\n");
}

/** Returns what counts besides the files and variables that the task itself names. */
function countedLines({ counted, requested }: PlannedTaskDescription): string[] {
  const { variables = [], lockfiles = [] } = requested ? counted ?? {} : {};
  return [
    ...(variables.length === 0 ? [] : [`variables that count: ${variables.join(", ")}`]),
    ...(lockfiles.length === 0
      ? []
      : [`the packages that it depends on count: ${lockfiles.join(", ")}`]),
  ];
}

/** Returns a task's display name. An unnamed task is shown by its command. */
function labelOf({ task, command }: PlannedTaskDescription): string {
  return task === "" ? command ?? "" : task;
}
