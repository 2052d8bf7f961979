/**
 * Messages about the processes that a task leaves running in the background.
 *
 * @module
 */

import type { NamedProcess } from "../../system/process/processes.ts";
import { redact } from "../../wire/redact.ts";

/** Limits of a message: number of processes that it names, and length of each command line. */
const MAX_NAMED = 3;
const MAX_COMMAND = 60;

/** Processes that a message names. `undefined` if the platform does not list them. */
type Named = readonly NamedProcess[] | undefined;

/** Returns the message about processes that were ended with the run. */
export function leftoverText(task: string, processes: Named): string {
  const it = processes?.length === 1 ? "it" : "them";
  return `${task} left ${namesOf(processes)} running: ended ${it} with the run; ` +
    "'setsid -f COMMAND' starts a process that stays";
}

/** Returns the message about processes that delay the end of a task. */
export function heldOutputText(task: string, processes: Named): string {
  return `${task} has ended, but its output is held open by ${namesOf(processes)}: waiting for ` +
    "that, as deno task does; a process with redirected output is not waited for";
}

function namesOf(processes: Named): string {
  if (processes === undefined || processes.length === 0) return "background processes";
  const named = processes.slice(0, MAX_NAMED).map(({ pid, command }) => {
    const text = redact(command);
    const short = text.length > MAX_COMMAND ? `${text.slice(0, MAX_COMMAND)}…` : text;
    return `'${short}' (pid ${pid})`;
  });
  const more = processes.length - named.length;
  return more === 0 ? named.join(", ") : `${named.join(", ")} and ${more} more`;
}
