/**
 * Cleaning the user's cache, without a server: the store is safe to clean while servers use it.
 *
 * @module
 */

import { type CollectReport, ResultStore } from "../cooker/store/result_store.ts";
import { systemClock } from "../system/clock.ts";
import { MemoryLogger } from "../system/logger.ts";
import { userCacheFolder } from "./project_cooker.ts";

/**
 * Makes the cache smaller, what was used least recently first.
 *
 * @returns what was there and what was removed; `undefined` where no variable says where it is
 */
export async function cleanCache(
  request: { readonly maxBytes: number; readonly dryRun: boolean },
): Promise<CollectReport & { readonly folder: string } | undefined> {
  const folder = userCacheFolder();
  if (folder === undefined) return undefined;
  const store = new ResultStore({ folder, log: new MemoryLogger(), clock: systemClock });
  const { maxBytes, dryRun } = request;
  const report =
    await (maxBytes === 0 ? store.clear({ dryRun }) : store.collect({ maxBytes, dryRun }));
  return { ...report, folder };
}
