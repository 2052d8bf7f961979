/**
 * Timeouts of a client that waits for a server's answer (R22). They count from the client's own
 * start, regardless of what it has tried before.
 *
 * @module
 */

import type { Clock } from "../../system/clock.ts";

/** Milliseconds without an answer until the client says so. */
export const SILENT_MS = 5000;
/** Milliseconds without an answer until the client fails. */
export const GIVE_UP_MS = 90_000;
/**
 * The minimum time for an answer, in milliseconds, if {@linkcode SILENT_MS} is already over or
 * nearly over.
 */
const LEAST_MS = 1000;

/** Ways out for a client that waits for another client's build. */
export const WAYS_OUT = "Ctrl-C gives up, 'simmer run --no-server' runs without the server, " +
  "'simmer stop --force' cancels the other build";

/** The parameters of a {@linkcode Patience}. */
export interface PatienceOptions {
  readonly clock: Clock;
  readonly say: (text: string) => void;
  /** Prints a message that must be visible even under `--quiet`. Default: `say`. */
  readonly warn?: (text: string) => void;
  /** Start time of the client, by the monotonic clock. Default: now. */
  readonly startedAt?: number;
}

/** Tracks how long one client has waited. */
export class Patience {
  readonly #clock: Clock;
  readonly #warn: (text: string) => void;
  readonly #startedAt: number;
  #hasSpoken = false;

  /** @param options include the start time of the client */
  constructor({ clock, say, warn = say, startedAt = clock.monotonic() }: PatienceOptions) {
    this.#clock = clock;
    this.#warn = warn;
    this.#startedAt = startedAt;
  }

  /** Milliseconds until the client gives up; 0 or more. */
  get restMs(): number {
    return Math.max(0, GIVE_UP_MS - this.#elapsedMs);
  }

  /**
   * Reports once, after the silent time, that no server answers. Reports nothing if `answered` is
   * aborted first.
   */
  async mention(answered: AbortSignal): Promise<void> {
    if (this.#hasSpoken) return;
    await this.#clock.sleep(Math.max(LEAST_MS, SILENT_MS - this.#elapsedMs), answered);
    if (answered.aborted || this.#hasSpoken) return;
    this.#hasSpoken = true;
    const silent = Math.round(this.#elapsedMs / 1000);
    const rest = Math.round(this.restMs / 1000);
    this.#warn(`no server has answered for ${silent} s; waiting up to ${rest} s more`);
  }

  get #elapsedMs(): number {
    return this.#clock.monotonic() - this.#startedAt;
  }
}
