/**
 * Bounds the time that a build works without yielding to the server's loop, so that a long series
 * of cache hits does not delay the server's clients.
 *
 * @module
 */

import type { Clock } from "../../system/clock.ts";
import { ioTurn } from "../../system/macrotask.ts";

/** Milliseconds that a build works before it yields to the server's loop. */
const SLICE_MS = 8;

/** The time slice of one build. */
export class TimeSlice {
  readonly #clock: Clock;
  #startedAt = 0;

  /** @param clock the slice starts with {@linkcode restart} */
  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** True if the build should yield before it goes on. */
  get isOver(): boolean {
    return this.#clock.monotonic() - this.#startedAt >= SLICE_MS;
  }

  /** Starts a new slice. */
  restart(): void {
    this.#startedAt = this.#clock.monotonic();
  }

  /** Yields to the server's loop if the slice is over. */
  async giveWay(): Promise<void> {
    if (!this.isOver) return;
    await ioTurn();
    this.restart();
  }
}
