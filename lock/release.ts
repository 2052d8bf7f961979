/**
 * Final release of a server's lock. It is the last step of a shutdown, and removes the lock file
 * only when no other process holds it.
 *
 * @module
 */

import type { Clock } from "../system/clock.ts";
import { fileKind } from "../system/files/files.ts";
import type { Logger } from "../system/logger.ts";
import { readLockContent } from "./content.ts";
import { lockHolders } from "./holders.ts";
import { LockFile } from "./lock_file.ts";

/** Milliseconds of retries after which the log names the holders. */
const PATIENCE_MS = 3000;
/** Milliseconds between two attempts. */
const RETRY_MS = 100;

/** Options of {@linkcode releaseLock}. */
export interface ReleaseOptions {
  /** Clock for the retries. */
  readonly clock: Clock;
  /** Receives the reasons for a delay. */
  readonly log: Logger;
  /** The process id that this server wrote into the lock file. */
  readonly pid: number;
  /** Default: {@linkcode lockHolders}. */
  readonly holders?: (path: string) => Promise<string>;
  /** Aborts the wait for holders that never release the lock. */
  readonly signal?: AbortSignal;
}

/** Result of a release: the file is removed, or a new server has taken it over. */
export type ReleaseOutcome = "removed" | "succeeded";

/**
 * Releases a lock and removes its file.
 *
 * Another process may hold the lock by then, so that it cannot be acquired again at once. The
 * attempt is repeated every 100 ms, and every 3 s the log names the holders. A file that is not the
 * one that was locked, or that names another process, belongs to a new server and is not touched.
 * Each attempt checks that first, so that the old server does not wait for the new one.
 *
 * @throws the reason with which the signal was aborted
 */
export async function releaseLock(
  lock: LockFile,
  options: ReleaseOptions,
): Promise<ReleaseOutcome> {
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
    // If the project was removed, acquiring the lock would create its folders again.
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
