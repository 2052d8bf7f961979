/**
 * Where a project's server keeps its files.
 *
 * @module
 */

import {
  ensureFolder,
  fileKind,
  joinPath,
  parentFolder,
  removeIfPresent,
  writeAtomically,
} from "../system/files/files.ts";
import { checkPrivateFolder, ensurePrivateFolder } from "../system/files/private_folder.ts";
import { requireFolder } from "./root.ts";

/** Paths of a project's state, all absolute. */
export interface StatePaths {
  /** The folder that holds the rest, mode 0700. */
  readonly dir: string;
  /** The lock file. */
  readonly lock: string;
  /** The socket of servers of older versions, which was inside the project. */
  readonly oldSocket: string;
  /** Is there while a server that a client starts is not serving yet. */
  readonly starting: string;
  /** The server's log. */
  readonly log: string;
  /** The log of runs without a server. */
  readonly localLog: string;
  /** The folder of the builds' events. */
  readonly builds: string;
  /** The folder of the tasks' output. */
  readonly logs: string;
  /** The folder in which files appear for a moment, to see whether changes are told of. */
  readonly cookies: string;
  /** The folder of outputs that are being put back, until they are whole. */
  readonly aside: string;
  /** The journal of what the tasks' last successes were made of. */
  readonly results: string;
  /** The file of how long tasks ran. */
  readonly durations: string;
}

/** What a server writes as it starts takes less. */
const ROOM_BYTES = 16 * 1024;

/** The paths of the state of the project at `root`. */
export function statePaths(root: string): StatePaths {
  const dir = joinPath(root, ".simmer");
  return {
    dir,
    lock: joinPath(dir, "lock"),
    oldSocket: joinPath(dir, "server.sock"),
    starting: joinPath(dir, "starting"),
    log: joinPath(dir, "server.log"),
    localLog: joinPath(dir, "local.log"),
    builds: joinPath(dir, "builds"),
    logs: joinPath(dir, "logs"),
    cookies: joinPath(dir, "cookies"),
    aside: joinPath(dir, "aside"),
    results: joinPath(dir, "results.jsonl"),
    durations: joinPath(dir, "durations.json"),
  };
}

/** A project's state can't be kept where it belongs: no server can run. */
export class StateError extends Error {
  /** The class name, as `Error.prototype.name` has it. */
  override readonly name: string = "StateError";
}

/**
 * Makes the folders of a project's state: private to the user, and ignored by git.
 *
 * @throws {WireError} `projectError` where the project's folder is gone: it is not made again
 * @throws {StateError} where a folder can't be made, belongs to somebody else, or is a link
 */
export function ensureState(paths: StatePaths): void {
  requireFolder(parentFolder(paths.dir));
  keeping(paths, () => {
    ensurePrivateFolder(paths.dir);
    for (const folder of [paths.builds, paths.logs]) ensureFolder(folder, 0o700);
    const ignore = joinPath(paths.dir, ".gitignore");
    if (fileKind(ignore) === undefined) writeAtomically(ignore, "*\n", 0o644);
  });
}

/**
 * Checks that a project's state, if there is any, is the user's own. The state of another user's
 * server is not read, and its socket not connected to. A wrong mode of one's own folder is corrected.
 *
 * @param socket where the server listens, as the lock file says; default: none does
 * @throws {StateError} if a folder of it belongs to another user, is a link, is reached by a link
 *   that another user made, or cannot be looked at
 */
export function checkState(paths: StatePaths, socket = paths.oldSocket): void {
  for (const folder of new Set([paths.dir, parentFolder(socket)])) {
    keeping(paths, () => checkPrivateFolder(folder));
  }
}

/**
 * Reads what belongs to a project's state.
 *
 * @throws {StateError} if that cannot be done, as with files of another user in a folder of one's own
 */
export function readState<T>(paths: StatePaths, read: () => T): T {
  return keeping(paths, read);
}

/**
 * As `ensureState`, and makes sure that there is room: on a full disk, folders can be there to which
 * nothing can be added.
 *
 * @throws {WireError} `projectError` where the project's folder is gone
 * @throws {StateError} where state can't be kept
 */
export function ensureRoom(paths: StatePaths): void {
  ensureState(paths);
  keeping(paths, () => {
    const probe = joinPath(paths.dir, "room");
    writeAtomically(probe, " ".repeat(ROOM_BYTES));
    removeIfPresent(probe);
  });
}

function keeping<T>({ dir }: StatePaths, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const reason = error.message.replace(`${dir} `, "it ");
    throw new StateError(`cannot keep state in ${dir}: ${reason}`, { cause: error });
  }
}
