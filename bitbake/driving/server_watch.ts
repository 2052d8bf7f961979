/**
 * Detects the end of BitBake's server by its process and its lock file.
 *
 * The ends of its pipes and sockets do not show it. The processes that the server forks to parse
 * and to build inherit them, and keep them open after the server was killed.
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

/** The process and the lock file of a server to watch. */
export interface WatchedServer {
  /** The server's process id, if it is known and the process is on this machine. */
  readonly pid?: number | undefined;
  /** The server's lock file, absolute. It is watched if the lock is held at the start. */
  readonly lock?: string;
}

/** Polls a server until it ends. */
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

  /** True if the server is known to have ended. */
  get hasEnded(): boolean {
    try {
      if (this.#pid !== undefined && !isProcessAlive(this.#pid)) return true;
      return this.#lock !== undefined && !isLockHeld(this.#lock);
    } catch (error) {
      // If no descriptor is free, the check fails. That is no sign of the server's end.
      if (!isSystemError(error)) throw error;
      return false;
    }
  }

  /**
   * Waits for the server's end.
   *
   * @returns true if the server has ended; `false` after {@linkcode ServerWatch.stop}
   */
  async untilEnded(): Promise<boolean> {
    const { signal } = this.#over;
    while (!signal.aborted) {
      if (this.hasEnded) return true;
      await this.#clock.sleep(CHECK_MS, signal);
    }
    return false;
  }

  /** Cancels {@linkcode ServerWatch.untilEnded}. Safe to call twice. */
  stop(): void {
    this.#over.abort();
  }
}

/**
 * Tests the lock. A lock that cannot be tested counts as held, because nothing shows that its
 * holder has ended.
 */
function isLockHeld(path: string): boolean {
  try {
    return LockFile.probe(path) === "held";
  } catch (error) {
    if (error instanceof Deno.errors.PermissionDenied || error instanceof NoLocksError) return true;
    throw error;
  }
}

/** Returns true if the lock is held now. Only then can its release be detected. */
function isLockWatchable(path: string): boolean {
  try {
    return isLockHeld(path);
  } catch (error) {
    if (!isSystemError(error)) throw error;
    return false;
  }
}
