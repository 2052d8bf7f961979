/**
 * Whether BitBake's server still runs.
 *
 * The ends of its pipes and sockets do not say so: the processes that it forks to parse and to
 * build inherit them, and keep them open after the server was killed.
 *
 * @module
 */

import type { Clock } from "../../system/clock.ts";
import { isSystemError } from "../../system/files/files.ts";
import { LockFile } from "../../lock/lock_file.ts";
import { NoLocksError } from "../../system/files/lockable_file.ts";
import { isProcessAlive } from "../../system/process/processes.ts";

/** Milliseconds between two checks. */
const CHECK_MS = 250;

/** What is watched of a server. */
export interface WatchedServer {
  /** Its process, if that is known and of this machine. */
  readonly pid?: number | undefined;
  /** Its lock file, absolute; it is watched if the lock is held at first. */
  readonly lock?: string;
}

/** Watches a server. */
export class ServerWatch {
  readonly #pid: number | undefined;
  readonly #lock: string | undefined;
  readonly #clock: Clock;
  readonly #over = new AbortController();

  /** @param server must not be changed */
  constructor({ pid, lock }: WatchedServer, clock: Clock) {
    this.#pid = pid;
    this.#lock = lock !== undefined && isLockWatchable(lock) ? lock : undefined;
    this.#clock = clock;
  }

  /** Whether the server has ended, as far as that can be seen. */
  get hasEnded(): boolean {
    try {
      if (this.#pid !== undefined && !isProcessAlive(this.#pid)) return true;
      return this.#lock !== undefined && !isLockHeld(this.#lock);
    } catch (error) {
      // Without a free descriptor nothing can be looked at: that is no sign of an end.
      if (!isSystemError(error)) throw error;
      return false;
    }
  }

  /**
   * Waits for the server's end.
   *
   * @returns whether it has ended; `false` after {@linkcode ServerWatch.stop}
   */
  async untilEnded(): Promise<boolean> {
    const { signal } = this.#over;
    while (!signal.aborted) {
      if (this.hasEnded) return true;
      await this.#clock.sleep(CHECK_MS, signal);
    }
    return false;
  }

  /** Ends the waiting. Safe to call twice. */
  stop(): void {
    this.#over.abort();
  }
}

/** A lock that can't be tested counts as held: nothing shows that its holder is gone. */
function isLockHeld(path: string): boolean {
  try {
    return LockFile.probe(path) === "held";
  } catch (error) {
    if (error instanceof Deno.errors.PermissionDenied || error instanceof NoLocksError) return true;
    throw error;
  }
}

/** Whether a lock is held now, so that its release can be noticed. */
function isLockWatchable(path: string): boolean {
  try {
    return isLockHeld(path);
  } catch (error) {
    if (!isSystemError(error)) throw error;
    return false;
  }
}
