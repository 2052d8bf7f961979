/**
 * The idle tick: the source that keeps time for everything that nobody sends.
 *
 * @module
 */

import type { Clock } from "../system/clock.ts";
import type { Source } from "../system/source.ts";

/** Milliseconds between two ticks. */
export const TICK_MS = 100;

/** Ready every {@linkcode TICK_MS} by the clock, or sooner where idle work is due sooner. */
export class TickSource implements Source<void> {
  readonly kind = "tick";
  readonly name = "tick";
  readonly #clock: Clock;
  readonly #nextDue: () => number;
  readonly #signal: AbortSignal;
  #due: number;
  /** The one sleep, and until when it lasts. */
  #sleep: { readonly until: number; readonly alarm: AbortController } | undefined;

  /**
   * @param nextDue when idle work is due, by the monotonic clock
   * @param signal ends a pending sleep with the server
   */
  constructor(clock: Clock, nextDue: () => number, signal: AbortSignal) {
    this.#clock = clock;
    this.#nextDue = nextDue;
    this.#signal = signal;
    this.#due = clock.monotonic() + TICK_MS;
    signal.addEventListener("abort", () => this.#sleep?.alarm.abort());
  }

  async read(): Promise<void> {
    while (!this.#signal.aborted) {
      const now = this.#clock.monotonic();
      const until = Math.min(this.#due, this.#nextDue());
      if (until <= now) break;
      const alarm = new AbortController();
      this.#sleep = { until, alarm };
      await this.#clock.sleep(until - now, alarm.signal);
      this.#sleep = undefined;
    }
    this.#due = this.#clock.monotonic() + TICK_MS;
  }

  /** Ends the sleep in progress earlier where it lasts longer than until then. */
  hurry(due: number): void {
    if (this.#sleep !== undefined && due < this.#sleep.until) this.#sleep.alarm.abort();
  }
}
