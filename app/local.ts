/**
 * Serves a project inside the client's own process, for `--no-server`.
 *
 * @module
 */

import type { Project } from "../project/root.ts";
import {
  ensureRoom,
  ensureState,
  StateError,
  type StatePaths,
  statePaths,
} from "../project/state.ts";
import { systemClock } from "../system/clock.ts";
import { isSystemError, removeTree } from "../system/files/files.ts";
import { LogFile } from "../system/files/log_file.ts";
import { makeTemporaryFolder } from "../system/files/private_folder.ts";
import { type InProcessServer, serveInProcess } from "../server/in_process.ts";
import { taskCooker } from "./project_cooker.ts";

/** State folder of one run. */
interface LocalState {
  readonly paths: StatePaths;
  readonly log: LogFile;
  /** Temporary folder that is removed after the run. */
  readonly temporary?: string;
}

/**
 * Serves a project inside this process. If its state folder cannot be used, as in a read-only
 * checkout, a temporary folder takes its place for this run.
 *
 * @throws {WireError} `projectError` if the project's folder is gone
 */
export function serveLocally(project: Project): InProcessServer {
  const { paths, log, temporary } = localState(project);
  using acquired = new DisposableStack();
  acquired.defer(() => {
    log.close();
    if (temporary !== undefined) removeTree(temporary);
  });
  const server = serveInProcess({
    cooker: taskCooker(
      project,
      { ...paths, isTemporary: temporary !== undefined },
      log,
      { isBrief: true },
    ),
    clock: systemClock,
    log,
    project,
  });
  const state = acquired.move();
  const ended = server.ended.finally(() => state.dispose());
  return { channel: server.channel, ended };
}

function localState({ root }: Project): LocalState {
  const paths = statePaths(root);
  try {
    ensureRoom(paths);
    return { paths, log: openLog(paths) };
  } catch (error) {
    if (!(error instanceof StateError || isSystemError(error))) throw error;
    const temporary = makeTemporaryFolder();
    try {
      const instead = statePaths(temporary);
      ensureState(instead);
      return { paths: instead, log: openLog(instead), temporary };
    } catch (error) {
      removeTree(temporary);
      throw error;
    }
  }
}

function openLog({ localLog }: StatePaths): LogFile {
  return LogFile.open(localLog, { clock: systemClock });
}
