/**
 * Header of a task, as `deno task` prints it.
 *
 * @module
 */

import type { TaskCached, TaskStarted } from "../../wire/events.ts";
import { printable } from "./printable.ts";
import type { Style } from "./style.ts";

/** Formats the header of a task that starts or was cached, with a final newline. */
export function headerText(event: TaskStarted | TaskCached, style: Style): string {
  const { task, command } = event;
  const { green, cyan, gray } = style;
  const what = command === undefined ? gray("(no command)") : printable(command);
  const note = event.type === "TaskCached" ? " (cached, inputs unchanged)" : "";
  return `${green("Task")} ${cyan(printable(task))} ${what}${note}\n`;
}
