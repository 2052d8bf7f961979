/**
 * Where results are kept: one folder for all of a user's projects and checkouts.
 *
 * @module
 */

import { joinPath } from "../system/files/files.ts";
import { checkOwnFolder } from "../system/files/private_folder.ts";

/**
 * Returns the cache's folder as an environment names it. Relative paths are ignored, as in the XDG
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

/** Whether an environment has any variable that says where the cache is, or that there is none. */
export function namesCache(env: Readonly<Record<string, string>>): boolean {
  return ["SIMMER_CACHE_DIR", "XDG_CACHE_HOME", "HOME"].some((name) => Object.hasOwn(env, name));
}

/** The cache's folder may not be used; the message says why. */
export class CachePlaceError extends Error {
  /** The class name, as `Error.prototype.name` has it. */
  override readonly name: string = "CachePlaceError";
}

/** What a cache holds; a file that is being written has something behind its name. */
const OWN_NAME = /^(?:CACHEDIR\.TAG(?:\..*)?|v\d+|servers)$/;

/**
 * Checks that a cache's folders, as far as they exist, belong to this user, and takes the
 * permissions of other users away. A folder that holds other things than a cache keeps its mode:
 * `SIMMER_CACHE_DIR` may name a folder such as `/tmp` by mistake.
 *
 * @param folder the cache, absolute
 * @param inner folders in it
 * @throws {CachePlaceError} if one belongs to another user, or leads through a link of another
 *   user's, or if other users can write to it and its mode may not be corrected
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
