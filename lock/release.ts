/**
 * The end of a server's lock: it goes last, and its file only when nobody holds it any more.
 *
 * @module
 */

import type { Clock } from "../system/clock.ts";
import { fileKind } from "../system/files/files.ts";
import type { Logger } from "../system/logger.ts";
import { readLockContent } from "./content.ts";
import { lockHolders } from "./holders.ts";
import { LockFile } from "./lock_file.ts";

/** Milliseconds of trying until the holders are named. */
const PATIENCE_MS = 3000;
/** Milliseconds between two tries. */
const RETRY_MS = 100;

/** What a farewell needs. */
export interface FarewellOptions {
  /** Time. */
  readonly clock: Clock;
  /** Gets what delays the end. */
  readonly log: Logger;
  /** The process id that this server wrote into the lock file. */
  readonly pid: number;
  /** Default: {@linkcode lockHolders}. */
  readonly holders?: (path: string) => Promise<string>;
  /** Ends the waiting for holders that never go. */
  readonly signal?: AbortSignal;
}

/** How a farewell ended: the file is removed, or a new server has it. */
export type Farewell = "removed" | "succeeded";

/**
 * Releases a lock and removes its file.
 *
 * Another process can hold the lock by then, so that it cannot be taken again at once. It is tried
 * every 100 ms, and every 3 s the log names the holders. A file that is not the one that was locked,
 * or that names another process, belongs to a new server and is left alone: each try checks that
 * first, so that the old server does not wait for the new one.
 *
 * @throws what the signal was aborted with
 */
export async function bidFarewell(lock: LockFile, options: FarewellOptions): Promise<Farewell> {
  const { clock, log, pid, holders = lockHolders, signal } = options;
  const { path } = lock;
  const isOthers = (): boolean => {
    if (lock.isReplaced()) return true;
    const holder = readLockContent(path)?.pid;
    return holder !== undefined && holder !== pid;
  };
  lock.close();
  let noticeAt = clock.monotonic() + PATIENCE_MS;
  while (true) {
    signal?.throwIfAborted();
    // If the project was removed, asking for the lock would make its folders again.
    if (fileKind(path) === undefined) return "removed";
    if (isOthers()) return "succeeded";
    const again = await LockFile.acquire(path, { clock, wait: "once" });
    if (again !== undefined) {
      if (isOthers()) {
        again.close();
        return "succeeded";
      }
      again.release();
      return "removed";
    }
    if (clock.monotonic() >= noticeAt) {
      const who = await holders(path);
      log.log(
        "warn",
        "Delaying shutdown due to active processes which appear to be holding " +
          [path, who].filter((words) => words !== "").join("\n"),
      );
      noticeAt = clock.monotonic() + PATIENCE_MS;
    }
    await clock.sleep(Math.min(RETRY_MS, noticeAt - clock.monotonic()), signal);
  }
}
