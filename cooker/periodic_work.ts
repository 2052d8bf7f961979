/**
 * Periodic work: idle functions of the cooker that continue after a system error.
 *
 * The server removes an idle function that throws. The files that the cooker watches can be
 * inaccessible for a moment, for example while the permissions of their folder are being changed.
 * Such an error costs one call, but it does not end the watching.
 *
 * @module
 */

import type { CookerHost } from "../server/cooker.ts";
import { isSystemError } from "../system/files/files.ts";

/** Seconds until the next call after a failed one. */
const RETRY_SECONDS = 1;

/** Work that is called repeatedly. */
interface PeriodicWork {
  /** Name for the log, such as "watching config". */
  readonly name: string;
  /**
   * Does one step of the work. Safe to call again after it threw.
   *
   * @returns seconds until the next call
   */
  readonly work: () => number;
}

/**
 * Registers periodic work with a server.
 *
 * A system error is logged, and the work is called again after {@linkcode RETRY_SECONDS}. If the
 * same error repeats, it is not logged again. Any other error is a defect: the server logs it, and
 * the work ends.
 *
 * @returns a handle that ends the work when it is disposed of
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
        log.log("warn", `Idle work ${name} failed and will be retried: ${error.message}`);
      }
      logged = error.message;
      return RETRY_SECONDS;
    }
  });
}
