/**
 * A clock for tests. It stands still until the test advances it.
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
 * A {@linkcode Clock} for tests. Time passes only in {@linkcode FakeClock.advance}.
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

  /** @param now the initial time, in milliseconds */
  constructor(now = 1_000_000) {
    this.#now = now;
  }

  /** The number of pending sleeps. */
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

  /** Resolves when at least `count` sleeps are pending. */
  async waitForSleepers(count = 1): Promise<void> {
    while (this.#sleepers.length < count) {
      await new Promise<void>((resolve) => this.#arrivals.push(resolve));
    }
  }

  /**
   * Advances the time. Ends due sleeps in order, and lets the work that follows each of them run.
   */
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

/** The number of event loop turns given to the work that follows a sleep. */
const SETTLING_TURNS = 10;

async function settled(): Promise<void> {
  for (let turn = 0; turn < SETTLING_TURNS; turn++) await macrotask();
}
