/**
 * Creates and checks folders that only their user can enter: the folders of sockets, of a project's
 * state and of the cache, and temporary ones.
 *
 * @module
 */

import { infoIfPresent, joinPath, parentFolder } from "./files.ts";
import { linkDistrust } from "../net/own_server.ts";

const PRIVATE = 0o700;
/** Permission bits of the group and of others. */
const OTHERS = 0o077;
const OTHERS_WRITE = 0o022;
/** The largest number of links in one path. The kernel has the same limit. */
const MAX_LINKS = 40;

/**
 * Creates a folder and its missing parents with mode 0700. If the folder exists, checks that it is
 * not a link and belongs to this user, and sets its mode to 0700 if others have any permission.
 *
 * @throws {Deno.errors.PermissionDenied} if it is a link, not a folder, or belongs to another user
 * @throws {Error} the system's error if it can't be created. The message names the folder.
 */
export function ensurePrivateFolder(path: string): void {
  const mode = ownFolderMode(path);
  if (mode === undefined) {
    Deno.mkdirSync(parentFolder(path), { recursive: true, mode: PRIVATE });
    make(path);
    return ensurePrivateFolder(path);
  }
  if ((mode & OTHERS) !== 0) Deno.chmodSync(path, PRIVATE);
}

/**
 * Checks that a folder belongs to this user, without changing it.
 *
 * @returns its mode; `undefined` if it is missing
 * @throws {Deno.errors.PermissionDenied} if it is a link, not a folder, or belongs to another user
 */
function ownFolderMode(path: string): number | undefined {
  const info = infoIfPresent(path);
  if (info === undefined) return undefined;
  if (info.isSymlink || !info.isDirectory) {
    throw new Deno.errors.PermissionDenied(
      `${path} is ${info.isSymlink ? "a link" : "not a folder"}: remove it`,
    );
  }
  const uid = Deno.uid();
  if (uid !== null && info.uid !== uid) {
    throw new Deno.errors.PermissionDenied(
      `${path} belongs to user ${info.uid}, not to user ${uid}`,
    );
  }
  return info.mode ?? PRIVATE;
}

/** Options of {@linkcode checkOwnFolder}. */
interface OwnFolderOptions {
  /**
   * Decides from the names in the folder if its mode may be corrected. Default: any folder's mode
   * may be. A folder whose mode is not corrected is refused if other users can write to it.
   */
  readonly isCorrectable?: (names: readonly string[]) => boolean;
}

/**
 * Checks that a folder belongs to this user, and removes the permissions of other users. Links of
 * this user or root are followed in the whole path, because `~/.cache` may be on another disk.
 *
 * @param path absolute
 * @returns true if the folder exists. It is not created.
 * @throws {Deno.errors.PermissionDenied} if the folder, or a link in its path, belongs to another
 *   user, if it is not a folder, or if other users can write to it and its mode is not corrected.
 *   The message names the path, and the users if the owner is wrong.
 */
export function checkOwnFolder(
  path: string,
  { isCorrectable = () => true }: OwnFolderOptions = {},
): boolean {
  const uid = Deno.uid();
  if (uid === null) return infoIfPresent(path) !== undefined;
  const real = followOwnLinks(path, uid);
  const info = infoIfPresent(real);
  if (info === undefined) return false;
  if (!info.isDirectory) {
    throw new Deno.errors.PermissionDenied(`${path} is not a folder: remove it`);
  }
  if (info.uid !== uid) {
    throw new Deno.errors.PermissionDenied(
      `${path} belongs to user ${info.uid}, not to user ${uid}`,
    );
  }
  const mode = info.mode ?? PRIVATE;
  if ((mode & OTHERS) === 0) return true;
  const isCorrected = isCorrectable(Array.from(Deno.readDirSync(real), ({ name }) => name)) &&
    canSetMode(real, mode & ~OTHERS & 0o777);
  if (!isCorrected && (mode & OTHERS_WRITE) !== 0) {
    throw new Deno.errors.PermissionDenied(
      `other users can write to ${path}: run 'chmod go-w' on it`,
    );
  }
  return true;
}

/** Sets a mode. Returns false if that fails: some file systems are read-only, or have no modes. */
function canSetMode(path: string, mode: number): boolean {
  try {
    Deno.chmodSync(path, mode);
    return true;
  } catch (error) {
    if (error instanceof Error) return false;
    throw error;
  }
}

/**
 * Resolves the links of a path one by one, and checks the owner of each link before following it.
 *
 * @returns the path without links, as far as it exists
 */
function followOwnLinks(path: string, uid: number): string {
  let followed = "/";
  const rest = path.split("/").filter((part) => part !== "");
  for (let links = 0, part = rest.shift(); part !== undefined; part = rest.shift()) {
    if (part === "." || part === "..") {
      followed = joinPath(followed, part);
      continue;
    }
    const next = joinPath(followed, part);
    const info = infoIfPresent(next);
    if (info?.isSymlink !== true) {
      followed = next;
      continue;
    }
    if (info.uid !== uid && info.uid !== 0) {
      throw new Deno.errors.PermissionDenied(
        `${next}, on the way to ${path}, is a link of user ${info.uid}, not of user ${uid}`,
      );
    }
    if (++links > MAX_LINKS) {
      throw new Deno.errors.PermissionDenied(`${path} leads through too many links`);
    }
    const target = Deno.readLinkSync(next);
    if (target.startsWith("/")) followed = "/";
    rest.unshift(...target.split("/").filter((each) => each !== ""));
  }
  return followed;
}

/**
 * Checks a folder like {@linkcode ensurePrivateFolder} if it exists. Also checks that no link in
 * its path belongs to a user other than this one or root.
 *
 * @throws {Deno.errors.PermissionDenied} if another user controls the folder
 */
export function checkPrivateFolder(path: string): void {
  if (infoIfPresent(path) === undefined) return;
  const reason = linkDistrust(path);
  if (reason !== undefined) throw new Deno.errors.PermissionDenied(reason);
  ensurePrivateFolder(path);
}

/**
 * Creates a new temporary folder, which other users can't enter.
 *
 * @param options default: a folder in the system's folder for temporary files
 */
export function makeTemporaryFolder(options: Deno.MakeTempOptions = {}): string {
  return Deno.makeTempDirSync({ prefix: "simmer-", ...options });
}

/** Creates a folder. If another process has created it in the meantime, the call succeeds. */
function make(path: string): void {
  try {
    Deno.mkdirSync(path, { mode: PRIVATE });
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
  }
}
