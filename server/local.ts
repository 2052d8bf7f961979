/**
 * A project's cooker in the client's own process, for `--no-server`.
 *
 * @module
 */

import type { Project } from "../project/root.ts";
import { ensureState, shortPlace, statePaths } from "../project/state.ts";
import { systemClock } from "../system/clock.ts";
import { LogFile } from "../system/log_file.ts";
import { type InProcessServer, serveInProcess } from "./in_process.ts";
import { taskCooker } from "./project_cooker.ts";

/**
 * Serves a project inside this process.
 *
 * @throws {Error} where the state folder can't be made
 */
export function serveLocally(project: Project): InProcessServer {
  const paths = statePaths(project.root, shortPlace());
  ensureState(paths);
  const log = LogFile.open(paths.localLog, { clock: systemClock });
  const server = serveInProcess({
    cooker: taskCooker(project, paths, log),
    clock: systemClock,
    log,
    project,
  });
  return { stream: server.stream, ended: server.ended.finally(() => log.close()) };
}
