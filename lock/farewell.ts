/**
 * The end of a server's lock: it goes last, and its file only when nobody holds it any more.
 *
 * @module
 */

import type { Clock } from "../system/clock.ts";
import { fileKind } from "../system/files.ts";
import type { Logger } from "../system/logger.ts";
import { readLockContent } from "./content.ts";
import { lockHolders } from "./holders.ts";
import { LockFile } from "./lock_file.ts";

/** Milliseconds of trying until the holders are named. */
const PATIENCE_MS = 3000;

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
 * Lets go of a lock and takes its file away.
 *
 * Children of the server can still have the file open. Until they are gone the lock can't be taken
 * again, and every 3 s the log says who they are. A file that names another process by then
 * belongs to a new server and is left alone.
 *
 * @throws what the signal was aborted with
 */
export async function bidFarewell(lock: LockFile, options: FarewellOptions): Promise<Farewell> {
  const { clock, log, pid, holders = lockHolders, signal } = options;
  lock.close();
  while (true) {
    // Whoever removed the project meant it: asking for the lock would make its folders again.
    if (fileKind(lock.path) === undefined) return "removed";
    const isOthers = (): boolean => {
      const holder = readLockContent(lock.path)?.pid;
      return holder !== undefined && holder !== pid;
    };
    // Where this server's own file was taken away, the next one may have been there for long.
    if (isOthers()) return "succeeded";
    const wait = { timeoutMs: PATIENCE_MS };
    const again = await LockFile.acquire(lock.path, {
      clock,
      wait,
      ...(signal === undefined ? {} : { signal }),
    });
    if (again !== undefined) {
      if (isOthers()) {
        again.close();
        return "succeeded";
      }
      again.release();
      return "removed";
    }
    if (isOthers()) return "succeeded";
    const who = await holders(lock.path);
    log.log(
      "warn",
      "Delaying shutdown due to active processes which appear to be holding " +
        [lock.path, who].filter((words) => words !== "").join("\n"),
    );
  }
}
