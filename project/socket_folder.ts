/**
 * The folder of a server's socket: outside of the project, so that what copies or walks a project
 * meets no socket.
 *
 * A server decides where it is and names the socket in the project's lock file; clients never compute
 * it, as their environment may be another one (cron, ssh, an editor).
 *
 * @module
 */

import { userId, variable } from "../system/environment.ts";
import {
  fileKind,
  isSystemError,
  joinPath,
  listFolder,
  readTextIfPresent,
  removeEmptyFolder,
  removeIfPresent,
  removeTree,
  writeAtomically,
} from "../system/files/files.ts";
import { ensurePrivateFolder, makeTemporaryFolder } from "../system/files/private_folder.ts";
import { isPathTooLong } from "../system/net/unix_path.ts";
import { rootName } from "./root_name.ts";

/** What decides where sockets are. */
interface RuntimePlace {
  /** `$XDG_RUNTIME_DIR`; one that is empty, relative or no folder counts as unset. */
  readonly runtimeDir: string | undefined;
  /** The user's id. */
  readonly uid: number | undefined;
  /** The folder for all users' temporary files; default: `/tmp`. */
  readonly temporary?: string;
}

/** What decides it in this process. */
function runtimePlace(): RuntimePlace {
  return { runtimeDir: variable("XDG_RUNTIME_DIR"), uid: userId() };
}

/** The name of a server's socket in its folder. */
const SOCKET = "server.sock";
/** The file with the project's root, by which a folder is known whose project is gone. */
const PROJECT = "project";
/** Folders of other projects that are looked at when a server starts. */
const MAX_LOOKED_AT = 256;

/** A folder for one server's socket. */
export class SocketFolder implements Disposable {
  /** Where the server listens. */
  readonly socket: string;
  readonly #path: string;

  private constructor(path: string) {
    this.#path = path;
    this.socket = joinPath(path, SOCKET);
  }

  /**
   * Makes the folder, mode 0700. Whoever makes it holds the project's lock.
   *
   * @param root the project's root folder, absolute
   * @throws {Error} what the system says if it can be made nowhere
   */
  static make(root: string, place: RuntimePlace = runtimePlace()): SocketFolder {
    for (const parent of parents(place)) {
      const path = joinPath(parent, rootName(root));
      if (isPathTooLong(joinPath(path, SOCKET))) continue;
      try {
        ensurePrivateFolder(parent);
        removeAbandoned(parent);
        return SocketFolder.#in(path, root);
      } catch (error) {
        // Another user's, full, or read-only: the next place is tried.
        const isTaken = error instanceof Deno.errors.PermissionDenied || isSystemError(error);
        if (!isTaken) throw error;
      }
    }
    const { temporary = TEMPORARY, uid } = place;
    const prefix = `simmer-${uid ?? "user"}-`;
    return SocketFolder.#in(makeTemporaryFolder({ dir: temporary, prefix }), root);
  }

  static #in(path: string, root: string): SocketFolder {
    ensurePrivateFolder(path);
    writeAtomically(joinPath(path, PROJECT), root);
    return new SocketFolder(path);
  }

  /** Removes the folder, unless something else than its server's files is in it. */
  [Symbol.dispose](): void {
    try {
      removeIfPresent(joinPath(this.#path, PROJECT));
      removeEmptyFolder(this.#path);
    } catch (error) {
      // The next server of the project, or of any other one, finds it and clears it.
      if (!isSystemError(error)) throw error;
    }
  }
}

const TEMPORARY = "/tmp";

function parents({ runtimeDir, uid, temporary = TEMPORARY }: RuntimePlace): string[] {
  const isUsable = runtimeDir?.startsWith("/") === true && fileKind(runtimeDir) === "folder";
  return [
    ...(isUsable ? [joinPath(runtimeDir, "simmer")] : []),
    joinPath(temporary, `simmer-${uid ?? "user"}`),
  ];
}

/** Removes the folders of killed servers whose projects are gone. */
function removeAbandoned(parent: string): void {
  for (const name of listFolder(parent).slice(0, MAX_LOOKED_AT)) {
    const folder = joinPath(parent, name);
    const root = readTextIfPresent(joinPath(folder, PROJECT));
    if (root !== undefined && isGone(root)) removeTree(folder);
  }
}

/** Whether nothing is at a path; a disk that cannot be looked at now is something. */
function isGone(path: string): boolean {
  try {
    return fileKind(path) === undefined;
  } catch (error) {
    if (isSystemError(error)) return false;
    throw error;
  }
}
