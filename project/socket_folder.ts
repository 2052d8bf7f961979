/**
 * Folder of a server's socket. It is outside of the project, so that programs that copy or walk the
 * project meet no socket.
 *
 * The server chooses the folder and names the socket in the project's lock file. Clients never
 * compute the path, because their environment may differ from the server's (cron, ssh, an editor).
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

/** Values that determine the location of sockets. */
interface RuntimePlace {
  /** `$XDG_RUNTIME_DIR`; counts as unset if it is empty, relative or not a folder. */
  readonly runtimeDir: string | undefined;
  readonly uid: number | undefined;
  /** Folder for the temporary files of all users; default: `/tmp`. */
  readonly temporary?: string;
}

/** Returns the values of this process. */
function runtimePlace(): RuntimePlace {
  return { runtimeDir: variable("XDG_RUNTIME_DIR"), uid: userId() };
}

/** File name of a server's socket in its folder. */
const SOCKET = "server.sock";
/** File with the project's root, which identifies a folder after its project has been removed. */
const PROJECT = "project";
/** Maximum number of folders of other projects that a starting server checks. */
const MAX_LOOKED_AT = 256;

/** Folder of one server's socket. */
export class SocketFolder implements Disposable {
  /** Path at which the server listens. */
  readonly socket: string;
  readonly #path: string;

  private constructor(path: string) {
    this.#path = path;
    this.socket = joinPath(path, SOCKET);
  }

  /**
   * Creates the folder with mode 0700. The caller must hold the project's lock.
   *
   * @param root the project's root folder, absolute
   * @throws {Error} the system's error if no location can be used
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
        // The location belongs to another user, is full, or is read-only: the next one is tried.
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

  /** Removes the folder, unless it contains other files than its server's. */
  [Symbol.dispose](): void {
    try {
      removeIfPresent(joinPath(this.#path, PROJECT));
      removeEmptyFolder(this.#path);
    } catch (error) {
      // The next server, of this project or of another one, clears the folder.
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

/** Removes the folders of killed servers whose projects have been removed. */
function removeAbandoned(parent: string): void {
  for (const name of listFolder(parent).slice(0, MAX_LOOKED_AT)) {
    const folder = joinPath(parent, name);
    const root = readTextIfPresent(joinPath(folder, PROJECT));
    if (root !== undefined && isGone(root)) removeTree(folder);
  }
}

/**
 * Returns true if nothing is at a path. A path on a disk that cannot be accessed now is not gone.
 */
function isGone(path: string): boolean {
  try {
    return fileKind(path) === undefined;
  } catch (error) {
    if (isSystemError(error)) return false;
    throw error;
  }
}
