/**
 * Folders that only their user can enter.
 *
 * @module
 */

import { isAbsent, joinPath, parentFolder } from "./files.ts";
import { linkDistrust } from "../net/own_server.ts";

const PRIVATE = 0o700;
/** Permission bits of the group and of others. */
const OTHERS = 0o077;
const OTHERS_WRITE = 0o022;
/** Links in one path; the kernel follows no more either. */
const MAX_LINKS = 40;

/**
 * Makes a folder with mode 0700, its parents too, or sees to it that the one that is there is the user's own: no
 * link, of the same owner, and closed to others.
 *
 * @throws {Deno.errors.PermissionDenied} where it is a link, no folder, or another user's
 * @throws {Error} what the system says where it can't be made; the message names the folder
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
 * Checks that a folder is the user's own, without changing anything.
 *
 * @returns its mode; `undefined` if there is none
 * @throws {Deno.errors.PermissionDenied} if it is a link, no folder, or another user's
 */
function ownFolderMode(path: string): number | undefined {
  const info = lookAt(path);
  if (info === undefined) return undefined;
  if (info.isSymlink || !info.isDirectory) {
    throw new Deno.errors.PermissionDenied(
      `${path} is ${info.isSymlink ? "a link" : "no folder"}: remove it`,
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

/** How a folder behind links is checked. */
interface OwnFolderOptions {
  /**
   * Whether the folder, by the names in it, is one whose mode may be corrected. Default: any folder
   * is. A folder that may not be corrected is refused if others can write to it.
   */
  readonly isCorrectable?: (names: readonly string[]) => boolean;
}

/**
 * Checks that a folder belongs to this user, and takes the permissions of other users away. Links
 * that this user or root made are followed, on the whole path: `~/.cache` may be on another disk.
 *
 * @param path absolute
 * @returns whether the folder exists; nothing is made
 * @throws {Deno.errors.PermissionDenied} if the folder, or a link on the way to it, belongs to
 *   another user, or if it is no folder; the message names the path and the users
 */
export function checkOwnFolder(
  path: string,
  { isCorrectable = () => true }: OwnFolderOptions = {},
): boolean {
  const uid = Deno.uid();
  if (uid === null) return lookAt(path) !== undefined;
  const real = followOwnLinks(path, uid);
  const info = lookAt(real);
  if (info === undefined) return false;
  if (!info.isDirectory) throw new Deno.errors.PermissionDenied(`${path} is no folder: remove it`);
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
      `other users can write to ${path}: 'chmod go-w' takes that away`,
    );
  }
  return true;
}

/** Some file systems are read-only, or have no modes of their own. */
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
 * Resolves the links of a path one by one, so that the owner of each is known before it is used.
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
    const info = lookAt(next);
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
 * Makes sure that a folder is the user's own if it is there: as {@linkcode ensurePrivateFolder}, and
 * reached by no link that another user made.
 *
 * @throws {Deno.errors.PermissionDenied} if another user decides over the folder
 */
export function checkPrivateFolder(path: string): void {
  if (lookAt(path) === undefined) return;
  const reason = linkDistrust(path);
  if (reason !== undefined) throw new Deno.errors.PermissionDenied(reason);
  ensurePrivateFolder(path);
}

/**
 * Makes a new folder for what is needed for a short time only; nobody else can enter it.
 *
 * @param options default: in the folder that the environment names for temporary files
 */
export function makeTemporaryFolder(options: Deno.MakeTempOptions = {}): string {
  return Deno.makeTempDirSync({ prefix: "simmer-", ...options });
}

function lookAt(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.lstatSync(path);
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}

/** Somebody else can have made it in the same moment. */
function make(path: string): void {
  try {
    Deno.mkdirSync(path, { mode: PRIVATE });
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
  }
}
