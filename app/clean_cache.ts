/**
 * Cleans the user's cache for `simmer clean`. It needs no server: the store is safe to clean while
 * servers use it.
 *
 * @module
 */

import { type CollectReport, ResultStore } from "../cooker/store/result_store.ts";
import { cacheFolderOf } from "../project/cache_place.ts";
import { systemClock } from "../system/clock.ts";
import { MemoryLogger } from "../system/logger.ts";

/**
 * Shrinks the cache. The least recently used results are removed first.
 *
 * @param env environment with the variables that locate the cache
 * @returns sizes before and after; `undefined` if no variable locates the cache
 * @throws {CachePlaceError} if the cache folder belongs to another user
 */
export async function cleanCache(
  request: { readonly maxBytes: number; readonly dryRun: boolean },
  env: Readonly<Record<string, string>>,
): Promise<CollectReport & { readonly folder: string } | undefined> {
  const folder = cacheFolderOf(env);
  if (folder === undefined) return undefined;
  const store = new ResultStore({ folder, log: new MemoryLogger(), clock: systemClock });
  const { maxBytes, dryRun } = request;
  const report =
    await (maxBytes === 0 ? store.clear({ dryRun }) : store.collect({ maxBytes, dryRun }));
  return { ...report, folder };
}
