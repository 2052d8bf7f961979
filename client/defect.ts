/**
 * Reports defects of simmer itself: one line for the user, and the details in a file.
 *
 * @module
 */

import { findProject } from "../project/root.ts";
import { ensureState, statePaths } from "../project/state.ts";
import { systemClock } from "../system/clock.ts";
import { workingDirectory } from "../system/environment.ts";
import { LogFile } from "../system/files/log_file.ts";
import { VERSION } from "../wire/hello.ts";

/**
 * Writes the details of a defect to a log file.
 *
 * @param args the command line, without secrets
 * @returns a line that says what happened and where the details are
 */
export function writeCrashReport(error: unknown, args: readonly string[]): string {
  const { message, stack } = error instanceof Error ? error : new Error(String(error));
  const [summary] = message.split("\n", 1);
  const details = `simmer ${VERSION} ${JSON.stringify(args)}: ${stack ?? message}`;
  const path = write(details);
  // Without a file, the location is the minimum that a bug report needs.
  const place = stack?.split("\n").find((line) => line.startsWith("    at "))?.trim();
  return `an error in simmer: ${summary} (${path ?? place ?? "no details"})`;
}

/** Writes the details. Returns the file's path, or `undefined` if no file can be written. */
function write(details: string): string | undefined {
  try {
    const project = findProject(workingDirectory());
    if (project === undefined) return undefined;
    const paths = statePaths(project.root);
    ensureState(paths);
    using log = LogFile.open(paths.localLog, { clock: systemClock });
    log.log("error", details);
    return paths.localLog;
  } catch (error) {
    // Ignores this failure, because the defect itself has to be reported.
    if (error instanceof Error) return undefined;
    throw error;
  }
}
