/**
 * Cleaning the user's cache, without a server: the store is safe to clean while servers use it.
 *
 * @module
 */

import { type CollectReport, ResultStore } from "../cooker/store/result_store.ts";
import { cacheFolderOf } from "../project/cache_place.ts";
import { systemClock } from "../system/clock.ts";
import { MemoryLogger } from "../system/logger.ts";

/**
 * Makes the cache smaller, what was used least recently first.
 *
 * @param env the environment whose variables say where it is
 * @returns what was there and what was removed; `undefined` where no variable says where it is
 * @throws {CachePlaceError} if its folder belongs to another user
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
