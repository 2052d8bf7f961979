/**
 * Defects of simmer itself: one line for the person, the details into a file.
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
 * Writes down what went wrong.
 *
 * @param args the command line, without secrets
 * @returns a line that says what happened and where the details are
 */
export function recordDefect(error: unknown, args: readonly string[]): string {
  const { message, stack } = error instanceof Error ? error : new Error(String(error));
  const [summary] = message.split("\n", 1);
  const details = `simmer ${VERSION} ${JSON.stringify(args)}: ${stack ?? message}`;
  const path = write(details);
  // Without a file, the place is the least that a report needs.
  const place = stack?.split("\n").find((line) => line.startsWith("    at "))?.trim();
  return `an error in simmer: ${summary} (${path ?? place ?? "no details"})`;
}

/** The file that has the details; `undefined` where none can be written. */
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
    // The defect is what is reported, not that its details can't be kept.
    if (error instanceof Error) return undefined;
    throw error;
  }
}
