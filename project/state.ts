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
import { userId, variable } from "../system/environment.ts";
import { checkPrivateFolder, ensurePrivateFolder } from "../system/files/private_folder.ts";
import { isPathTooLong } from "../system/net/unix_path.ts";
import { requireFolder } from "./root.ts";

/** Paths of a project's state, all absolute. */
export interface StatePaths {
  /** The folder that holds the rest, mode 0700. */
  readonly dir: string;
  /** The lock file. */
  readonly lock: string;
  /** The socket; outside of `dir` where its path would be too long there. */
  readonly socket: string;
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

/** What decides where a socket goes whose usual path is too long. */
interface ShortPlace {
  /** `$XDG_RUNTIME_DIR`; one that is empty or relative counts as unset. */
  readonly runtimeDir: string | undefined;
  /** The user's id. */
  readonly uid: number | undefined;
}

/** What decides it in this process. */
export function shortPlace(): ShortPlace {
  return { runtimeDir: variable("XDG_RUNTIME_DIR"), uid: userId() };
}

/** What a server writes as it starts takes less. */
const ROOM_BYTES = 16 * 1024;

/** The paths of the state of the project at `root`. */
export function statePaths(root: string, place: ShortPlace): StatePaths {
  const dir = joinPath(root, ".simmer");
  const socket = joinPath(dir, "server.sock");
  return {
    dir,
    lock: joinPath(dir, "lock"),
    socket: isPathTooLong(socket) ? shortSocket(root, place) : socket,
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
    if (!paths.socket.startsWith(`${paths.dir}/`)) {
      ensurePrivateFolder(paths.socket.slice(0, paths.socket.lastIndexOf("/")));
    }
  });
}

/**
 * Checks that a project's state, if there is any, is the user's own. The state of another user's
 * server is not read, and its socket not connected to. A wrong mode of one's own folder is corrected.
 *
 * @param socket where the server listens; default: the usual place
 * @throws {StateError} if a folder of it belongs to another user, is a link, is reached by a link
 *   that another user made, or cannot be looked at
 */
export function checkState(paths: StatePaths, socket = paths.socket): void {
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

function shortSocket(root: string, { runtimeDir, uid }: ShortPlace): string {
  const name = `${rootName(root)}.sock`;
  const inRuntime = runtimeDir?.startsWith("/") === true
    ? joinPath(runtimeDir, "simmer", name)
    : undefined;
  return inRuntime === undefined || isPathTooLong(inRuntime)
    ? joinPath(`/tmp/simmer-${uid ?? "user"}`, name)
    : inRuntime;
}

/**
 * A short name for a root folder, in 16 hexadecimal digits: FNV-1a, which only keeps projects
 * apart, and costs no import.
 */
export function rootName(text: string): string {
  let value = 0xcbf29ce484222325n;
  for (const byte of new TextEncoder().encode(text)) {
    value = BigInt.asUintN(64, (value ^ BigInt(byte)) * 0x100000001b3n);
  }
  return value.toString(16).padStart(16, "0");
}
