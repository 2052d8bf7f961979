/**
 * Files of a project's server in the `.simmer` folder: their paths, creation and access checks.
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
  /** Folder that contains the other paths, mode 0700. */
  readonly dir: string;
  readonly lock: string;
  /** Socket of servers of older versions, inside the project. */
  readonly oldSocket: string;
  /** File that exists while a server that a client starts is not serving yet. */
  readonly starting: string;
  /** Log of the server. */
  readonly log: string;
  /** Log of runs without a server. */
  readonly localLog: string;
  /** Folder of the builds' events. */
  readonly builds: string;
  /** Folder of the tasks' output. */
  readonly logs: string;
  /** Folder of temporary files that test whether file changes are reported. */
  readonly cookies: string;
  /** Folder of outputs that are being restored, until they are complete. */
  readonly staging: string;
  /** Journal of what each task's last success depended on. */
  readonly results: string;
  /** Run times of tasks. */
  readonly durations: string;
}

/** Bytes to test for. A server writes less than this when it starts. */
const ROOM_BYTES = 16 * 1024;

/** Returns the paths of the state of the project at `root`. */
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
    staging: joinPath(dir, "staging"),
    results: joinPath(dir, "results.jsonl"),
    durations: joinPath(dir, "durations.json"),
  };
}

/** Thrown if a project's state cannot be stored in its folder, so that no server can run. */
export class StateError extends Error {
  /** Class name, as `Error.prototype.name` has it. */
  override readonly name: string = "StateError";
}

/**
 * Creates the folders of a project's state: private to the user, and ignored by git.
 *
 * @throws {WireError} `projectError` if the project's folder is gone; it is not created again
 * @throws {StateError} if a folder cannot be created, belongs to another user, or is a symlink
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
 * Checks that a project's state, if it exists, is the user's own. The state of another user's
 * server is not read, and its socket is not connected to. A wrong mode of the user's own folder is
 * corrected.
 *
 * @param socket path of the server's socket, from the lock file; by default, only the state folder
 *   is checked
 * @throws {StateError} if a folder of it belongs to another user, is a symlink, is reached through
 *   another user's symlink, or cannot be accessed
 */
export function checkState(paths: StatePaths, socket = paths.oldSocket): void {
  for (const folder of new Set([paths.dir, parentFolder(socket)])) {
    keeping(paths, () => checkPrivateFolder(folder));
  }
}

/**
 * Reads a part of a project's state.
 *
 * @throws {StateError} if that fails, for example on another user's files in the user's own folder
 */
export function readState<T>(paths: StatePaths, read: () => T): T {
  return keeping(paths, read);
}

/**
 * Prepares the state like {@linkcode ensureState}, and checks that the disk has room. On a full
 * disk, folders can exist to which no file can be added.
 *
 * @throws {WireError} `projectError` if the project's folder is gone
 * @throws {StateError} if state cannot be stored
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
    throw new StateError(`cannot store state in ${dir}: ${reason}`, { cause: error });
  }
}
