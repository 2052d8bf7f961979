/**
 * How long a client waits for a server that answers (R22), counted from the client's own start,
 * whatever it has tried before.
 *
 * @module
 */

import type { Clock } from "../../system/clock.ts";

/** Milliseconds of silence. */
export const SILENT_MS = 5000;
/** Milliseconds until it is an error that no server answers. */
export const GIVE_UP_MS = 90_000;
/** Milliseconds that a server has for its answer at the least, when the silence is over before. */
const LEAST_MS = 1000;

/** What a {@linkcode Patience} needs. */
export interface PatienceOptions {
  readonly clock: Clock;
  readonly say: (text: string) => void;
  /** Says what a person must know even under `--quiet`; default: `say`. */
  readonly warn?: (text: string) => void;
  /** When the client started, by the monotonic clock; default: now. */
  readonly startedAt?: number;
}

/** The patience of one client. */
export class Patience {
  readonly #clock: Clock;
  readonly #warn: (text: string) => void;
  readonly #startedAt: number;
  #hasSpoken = false;

  /** @param options say when the client started */
  constructor({ clock, say, warn = say, startedAt = clock.monotonic() }: PatienceOptions) {
    this.#clock = clock;
    this.#warn = warn;
    this.#startedAt = startedAt;
  }

  /** Milliseconds until the client gives up; 0 or more. */
  get restMs(): number {
    return Math.max(0, GIVE_UP_MS - this.#elapsedMs);
  }

  /** Says once that no server answers, when the silence is over; never if `answered` is aborted. */
  async mention(answered: AbortSignal): Promise<void> {
    if (this.#hasSpoken) return;
    await this.#clock.sleep(Math.max(LEAST_MS, SILENT_MS - this.#elapsedMs), answered);
    if (answered.aborted || this.#hasSpoken) return;
    this.#hasSpoken = true;
    const silent = Math.round(this.#elapsedMs / 1000);
    const rest = Math.round(this.restMs / 1000);
    this.#warn(`no server answers for ${silent} s; waiting up to ${rest} s more`);
  }

  get #elapsedMs(): number {
    return this.#clock.monotonic() - this.#startedAt;
  }
}
