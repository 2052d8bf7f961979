/**
 * Selects the stdin of a task's processes.
 *
 * @module
 */

import { processId } from "../../system/environment.ts";
import type { StdinSource } from "../../system/process/group_process.ts";
import type { GroupSpawner } from "../../system/process/group_spawner.ts";
import type { OutputSink, TaskCommand } from "./executor.ts";

/**
 * Returns the stdin of a command's leader: that of the client if the task reads it, otherwise an
 * empty one. A warning says why a stdin cannot be passed on.
 */
export function stdinOf(
  { name, stdinPid, lostStdinPid, passed }: TaskCommand,
  spawner: GroupSpawner,
  sink: OutputSink,
): StdinSource {
  if (lostStdinPid !== undefined && spawner.hasInput(lostStdinPid)) {
    sink.warn(
      "Cannot pass stdin on: several of the tasks may run in parallel; each reads an empty stdin " +
        "('--jobs 1' runs them one after another)",
    );
  }
  if (stdinPid === undefined) return "empty";
  if (stdinPid === processId()) return "inherited";
  const descriptor = passed?.get(0);
  if (descriptor !== undefined) return { descriptor };
  const source = { fromProcess: stdinPid };
  if (spawner.sharesStdin(source)) return source;
  sink.warn(
    `Cannot pass stdin on to ${name}: the kernel does not let the server open it; the task ` +
      "reads an empty stdin",
  );
  return "empty";
}
