/**
 * Folders that nobody but their user can enter.
 *
 * @module
 */

import { isAbsent, parentFolder } from "./files.ts";

const PRIVATE = 0o700;

/**
 * Makes a folder with mode 0700, its parents too, or sees to it that the one that is there is the user's own: no
 * link, of the same owner, and closed to others.
 *
 * @throws {Deno.errors.PermissionDenied} where it is a link, no folder, or another user's
 * @throws {Error} what the system says where it can't be made; the message names the folder
 */
export function ensurePrivateFolder(path: string): void {
  const info = lookAt(path);
  if (info === undefined) {
    Deno.mkdirSync(parentFolder(path), { recursive: true, mode: PRIVATE });
    make(path);
    return ensurePrivateFolder(path);
  }
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
  if (((info.mode ?? PRIVATE) & 0o077) !== 0) Deno.chmodSync(path, PRIVATE);
}

/** Makes a new folder for what is needed for a short time only; nobody else can enter it. */
export function makeTemporaryFolder(): string {
  return Deno.makeTempDirSync({ prefix: "simmer-" });
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
