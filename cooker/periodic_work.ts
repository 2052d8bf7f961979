/**
 * Periodic work: idle functions of the cooker's own, which go on after an error of the system.
 *
 * The server removes an idle function that throws. What the cooker watches depends on files that may
 * be out of reach for a moment, as while their folder's permissions are changed: that costs one
 * call, never the watching.
 *
 * @module
 */

import type { CookerHost } from "../server/cooker.ts";
import { isSystemError } from "../system/files/files.ts";

/** Seconds until the next call after one that failed. */
const RETRY_SECONDS = 1;

/** Work that is called again and again. */
interface PeriodicWork {
  /** For the log, as "watching config". */
  readonly name: string;
  /**
   * Does a piece of it; safe to call again after it threw.
   *
   * @returns seconds until the next call
   */
  readonly work: () => number;
}

/**
 * Registers periodic work with a server.
 *
 * An error of the system is logged, once as long as it is the same one, and the work is called again
 * after {@linkcode RETRY_SECONDS}. Any other error is a defect, which the server logs, and the work
 * ends.
 *
 * @returns disposing of it ends the work
 */
export function registerPeriodic(
  { registerIdle, log }: Pick<CookerHost, "registerIdle" | "log">,
  { name, work }: PeriodicWork,
): Disposable {
  let logged: string | undefined;
  return registerIdle(name, () => {
    try {
      return work();
    } catch (error) {
      if (!isSystemError(error)) throw error;
      if (error.message !== logged) {
        log.log("warn", `Idle work ${name} failed and goes on: ${error.message}`);
      }
      logged = error.message;
      return RETRY_SECONDS;
    }
  });
}
