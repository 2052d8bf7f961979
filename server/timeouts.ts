/**
 * When a server without UIs ends.
 *
 * @module
 */

import type { Clock } from "../system/clock.ts";

/** Milliseconds that a server without a timeout waits for its first UI. */
const FIRST_UI_MS = 30_000;

/** Says when a server's time is over. */
export class Timeouts {
  readonly #seconds: number;
  readonly #clock: Clock;
  #lastUsed: number;
  #hadUI = false;

  /** @param seconds -1: never; 0: with the last UI; else that long after it */
  constructor(seconds: number, clock: Clock) {
    this.#seconds = seconds;
    this.#clock = clock;
    this.#lastUsed = clock.monotonic();
  }

  /** Notes that the server was of use to somebody who is no UI. */
  touch(): void {
    this.#lastUsed = this.#clock.monotonic();
  }

  /**
   * Notes that a UI has left.
   *
   * @param remaining how many are left
   * @param counts whether it was a UI that the server is for; the client that starts a server in
   *   the background, and those that only ask, are operators and do not count as the first UI
   */
  uiLeft(remaining: number, counts: boolean): void {
    this.#hadUI ||= counts;
    if (remaining === 0) this.#lastUsed = this.#clock.monotonic();
  }

  /** When the time of a server that nobody uses is over, by the monotonic clock. */
  get endsAt(): number {
    if (this.#seconds < 0) return Infinity;
    if (this.#seconds > 0) return this.#lastUsed + this.#seconds * 1000;
    return this.#lastUsed + (this.#hadUI ? 0 : FIRST_UI_MS);
  }

  /**
   * Asked on each tick.
   *
   * @param isUsed whether there is a UI or a command in progress
   * @returns the log's line where the time is over
   */
  check(isUsed: boolean): string | undefined {
    if (isUsed) {
      this.#lastUsed = this.#clock.monotonic();
      return undefined;
    }
    if (this.#seconds < 0) return undefined;
    const idleMs = this.#clock.monotonic() - this.#lastUsed;
    if (this.#seconds > 0) {
      return idleMs >= this.#seconds * 1000 ? "Server timeout, exiting." : undefined;
    }
    if (this.#hadUI) return "No timeout, exiting.";
    return idleMs >= FIRST_UI_MS ? "No UI came, exiting." : undefined;
  }
}
