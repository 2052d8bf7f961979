/**
 * The idle tick: the source that keeps time for everything that nobody sends.
 *
 * @module
 */

import type { Clock } from "../system/clock.ts";
import type { Source } from "../system/source.ts";

/** Milliseconds between two ticks. */
const TICK_MS = 100;

/** Milliseconds between two ticks of a server at rest, to which nothing happens by itself. */
const REST_MS = 1000;

/** Ready every {@linkcode TICK_MS} by the clock, or sooner where idle work is due sooner. */
export class TickSource implements Source<void> {
  readonly kind = "tick";
  readonly name = "tick";
  readonly #clock: Clock;
  readonly #nextDue: () => number;
  readonly #signal: AbortSignal;
  readonly #restsUntil: () => number;
  #due: number;
  /** The one sleep, and until when it lasts. */
  #sleep: { readonly until: number; readonly alarm: AbortController } | undefined;

  /**
   * @param nextDue when idle work is due, by the monotonic clock
   * @param signal ends a pending sleep with the server
   * @param restsUntil by when the next tick has to be, by the monotonic clock, where it need not be
   *   within {@linkcode TICK_MS}; it is within {@linkcode REST_MS} in any case
   */
  constructor(
    clock: Clock,
    nextDue: () => number,
    signal: AbortSignal,
    restsUntil: () => number = () => 0,
  ) {
    this.#clock = clock;
    this.#nextDue = nextDue;
    this.#signal = signal;
    this.#restsUntil = restsUntil;
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
    const now = this.#clock.monotonic();
    this.#due = Math.min(Math.max(now + TICK_MS, this.#restsUntil()), now + REST_MS);
  }

  /** Says that something has happened: a rest is over, and the next tick is {@linkcode TICK_MS} away. */
  rouse(): void {
    const due = this.#clock.monotonic() + TICK_MS;
    if (due >= this.#due) return;
    this.#due = due;
    this.hurry(due);
  }

  /** Ends the sleep in progress earlier where it lasts longer than until then. */
  hurry(due: number): void {
    if (this.#sleep !== undefined && due < this.#sleep.until) this.#sleep.alarm.abort();
  }
}
