/**
 * Location of the cache: one folder for all projects and checkouts of a user. Also checks its owner
 * and permissions.
 *
 * @module
 */

import { joinPath } from "../system/files/files.ts";
import { checkOwnFolder } from "../system/files/private_folder.ts";

/**
 * Returns the cache folder that an environment defines. Relative paths are ignored, as in the XDG
 * specification.
 *
 * @returns an absolute path; `undefined` if no variable names one
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { cacheFolderOf } from "./cache_place.ts";
 *
 * assertEquals(cacheFolderOf({ HOME: "/home/u" }), "/home/u/.cache/simmer");
 * assertEquals(cacheFolderOf({ HOME: "/home/u", SIMMER_CACHE_DIR: "/c" }), "/c");
 * assertEquals(cacheFolderOf({}), undefined);
 * ```
 */
export function cacheFolderOf(env: Readonly<Record<string, string>>): string | undefined {
  const { SIMMER_CACHE_DIR, XDG_CACHE_HOME, HOME } = env;
  if (isAbsolute(SIMMER_CACHE_DIR)) return joinPath(SIMMER_CACHE_DIR);
  if (isAbsolute(XDG_CACHE_HOME)) return joinPath(XDG_CACHE_HOME, "simmer");
  return isAbsolute(HOME) ? joinPath(HOME, ".cache", "simmer") : undefined;
}

/**
 * Returns true if an environment contains any variable that decides where the cache is, or that
 * there is none.
 */
export function namesCache(env: Readonly<Record<string, string>>): boolean {
  return ["SIMMER_CACHE_DIR", "XDG_CACHE_HOME", "HOME"].some((name) => Object.hasOwn(env, name));
}

/** Thrown if the cache folder may not be used; the message gives the reason. */
export class CachePlaceError extends Error {
  /** Class name, as `Error.prototype.name` has it. */
  override readonly name: string = "CachePlaceError";
}

/** Names inside a cache folder. A temporary file has a suffix after its name. */
const OWN_NAME = /^(?:CACHEDIR\.TAG(?:\..*)?|v\d+|servers)$/;

/**
 * Checks that the existing folders of a cache belong to this user, and removes the permissions of
 * other users. A folder that also contains other files than a cache keeps its mode, because
 * `SIMMER_CACHE_DIR` may name a folder such as `/tmp` by mistake.
 *
 * @param folder the cache folder, absolute
 * @param inner folders in it
 * @throws {CachePlaceError} if a folder belongs to another user, is reached through another user's
 *   symlink, or is writable by other users while its mode may not be corrected
 */
export function checkCacheFolder(folder: string, inner: readonly string[] = []): void {
  try {
    const isCorrectable = (names: readonly string[]): boolean =>
      names.every((name) => OWN_NAME.test(name));
    if (!checkOwnFolder(folder, { isCorrectable })) return;
    for (const each of inner) checkOwnFolder(each);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    throw new CachePlaceError(`the cache is not used: ${error.message}`, { cause: error });
  }
}

function isAbsolute(path: string | undefined): path is string {
  return path !== undefined && path.startsWith("/");
}
