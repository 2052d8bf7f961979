/**
 * The idle tick: the source that wakes the server's loop by time, when no client sends anything.
 *
 * @module
 */

import type { Clock } from "../system/clock.ts";
import type { Source } from "../system/source.ts";

/** Interval of ticks, in milliseconds. */
const TICK_MS = 100;

/** Interval of ticks without clients and commands, in milliseconds. */
const REST_MS = 1000;

/** Ready every {@linkcode TICK_MS} by the clock, or sooner if idle work is due sooner. */
export class TickSource implements Source<void> {
  readonly kind = "tick";
  readonly name = "tick";
  readonly #clock: Clock;
  readonly #nextDue: () => number;
  readonly #signal: AbortSignal;
  readonly #restsUntil: () => number;
  #due: number;
  /** The sleep in progress, and the time of its end. */
  #sleep: { readonly until: number; readonly alarm: AbortController } | undefined;

  /**
   * @param nextDue returns the time at which idle work is due, by the monotonic clock
   * @param signal ends a pending sleep with the server
   * @param restsUntil returns the latest time of the next tick, by the monotonic clock. A time
   *   later than {@linkcode TICK_MS} from now makes ticks rarer, but never rarer than
   *   {@linkcode REST_MS}.
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
    signal.addEventListener("abort", () => this.#sleep?.alarm.abort("alarm"));
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

  /** Ends a period of rare ticks: the next tick is at most {@linkcode TICK_MS} away. */
  wake(): void {
    const due = this.#clock.monotonic() + TICK_MS;
    if (due >= this.#due) return;
    this.#due = due;
    this.wakeBy(due);
  }

  /** Wakes the sleep in progress if it would end later than `due`. */
  wakeBy(due: number): void {
    if (this.#sleep !== undefined && due < this.#sleep.until) this.#sleep.alarm.abort("alarm");
  }
}
