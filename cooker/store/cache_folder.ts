/**
 * Whose the cache is: only a folder of this user's is used, and other users get no access to it.
 *
 * @module
 */

import { checkOwnFolder } from "../../system/private_folder.ts";
import { StoreError } from "./errors.ts";

/** Names by which a folder is known as a cache of simmer's. */
const SIGNS: ReadonlySet<string> = new Set(["CACHEDIR.TAG", "v1", "servers"]);

/**
 * Checks that a cache's folders, as far as they exist, belong to this user, and takes the
 * permissions of other users away. A folder that holds other things than a cache keeps its mode:
 * `SIMMER_CACHE_DIR` may name a folder such as `/tmp` by mistake.
 *
 * @param folder the cache, absolute
 * @param inner folders in it
 * @throws {StoreError} if one belongs to another user, or leads through a link of another user's
 */
export function checkCacheFolder(folder: string, inner: readonly string[]): void {
  try {
    const isCorrectable = (names: readonly string[]): boolean =>
      names.length === 0 || names.some((name) => SIGNS.has(name));
    if (!checkOwnFolder(folder, { isCorrectable })) return;
    for (const each of inner) checkOwnFolder(each);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    throw new StoreError(`the cache is not used: ${error.message}`, { cause: error });
  }
}
