/**
 * A clock that stands still until a test moves it.
 *
 * @module
 */

import type { Clock } from "./clock.ts";
import { macrotask } from "./macrotask.ts";

interface Sleeper {
  readonly due: number;
  readonly wake: () => void;
}

/**
 * A {@linkcode Clock} for tests: time passes only in {@linkcode FakeClock.advance}.
 *
 * @example
 * ```ts
 * import { FakeClock } from "./fake_clock.ts";
 *
 * const clock = new FakeClock();
 * const slept = clock.sleep(1000);
 * await clock.advance(1000);
 * await slept;
 * ```
 */
export class FakeClock implements Clock {
  #now: number;
  #sleepers: Sleeper[] = [];
  #arrivals: (() => void)[] = [];

  /** @param now where the clock starts, in milliseconds */
  constructor(now = 1_000_000) {
    this.#now = now;
  }

  /** How many sleep. */
  get sleeping(): number {
    return this.#sleepers.length;
  }

  now(): number {
    return this.#now;
  }

  monotonic(): number {
    return this.#now;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal?.aborted) return resolve();
      const wake = (): void => {
        this.#sleepers = this.#sleepers.filter((other) => other !== sleeper);
        signal?.removeEventListener("abort", wake);
        resolve();
      };
      const sleeper = { due: this.#now + ms, wake };
      this.#sleepers.push(sleeper);
      signal?.addEventListener("abort", wake);
      for (const arrived of this.#arrivals.splice(0)) arrived();
    });
  }

  /** Resolves when at least `count` sleep. */
  async waitForSleepers(count = 1): Promise<void> {
    while (this.#sleepers.length < count) {
      await new Promise<void>((resolve) => this.#arrivals.push(resolve));
    }
  }

  /** Lets time pass, waking sleepers in the order of their times and letting each one's work run. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    while (true) {
      const next = this.#sleepers
        .filter((sleeper) => sleeper.due <= end)
        .sort((a, b) => a.due - b.due)[0];
      if (next === undefined) break;
      this.#now = Math.max(this.#now, next.due);
      next.wake();
      await settled();
    }
    this.#now = end;
    await settled();
  }
}

/** Turns of the event loop in which the work of one that was woken has its way. */
const SETTLING_TURNS = 10;

async function settled(): Promise<void> {
  for (let turn = 0; turn < SETTLING_TURNS; turn++) await macrotask();
}
