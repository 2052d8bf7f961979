/**
 * Giving memory back after a build: while many tasks run, a heap grows to a multiple of what is
 * kept, and by itself it stays so for as long as nothing happens.
 *
 * @module
 */

import type { Clock } from "../system/clock.ts";
import type { ReleaseMemory } from "../system/process/memory.ts";
import type { OwnedWork } from "../system/owned_work.ts";

/** Milliseconds after a build in which another one may follow. */
const PAUSE_MS = 5000;
/** Seconds between two looks. */
const LOOK_SECONDS = 1;
/** Tasks for which it is worth it. */
const MANY_TASKS = 100;

/** Knows when to give memory back. */
export class SpareMemory {
  readonly #clock: Clock;
  readonly #load: () => Promise<ReleaseMemory>;
  readonly #beside: OwnedWork;
  #release: ReleaseMemory | undefined;
  #due = Infinity;
  #isLoading = false;

  /**
   * @param load gets what gives memory back; asked when that is to be done for the first time
   * @param beside owns the loading; after a failure, memory is not given back
   */
  constructor(clock: Clock, load: () => Promise<ReleaseMemory>, beside: OwnedWork) {
    this.#clock = clock;
    this.#load = load;
    this.#beside = beside;
  }

  /** A build has ended in which so many tasks ran. */
  built(tasks: number): void {
    if (tasks >= MANY_TASKS) this.#due = this.#clock.monotonic() + PAUSE_MS;
  }

  /**
   * Looks whether it is time.
   *
   * @param isBusy whether anybody would have to wait
   * @returns seconds until the next look
   */
  look(isBusy: boolean): number {
    if (isBusy || this.#clock.monotonic() < this.#due) return LOOK_SECONDS;
    if (this.#release === undefined) this.#prepare();
    else {
      this.#due = Infinity;
      this.#release();
    }
    return LOOK_SECONDS;
  }

  /** Gives memory back as soon as that can be done, whatever has run. */
  async giveBack(): Promise<void> {
    this.#release ??= await this.#load();
    this.#release();
  }

  #prepare(): void {
    if (this.#isLoading) return;
    this.#isLoading = true;
    const loading = this.#load().then((release) => this.#release = release);
    this.#beside.own("giving memory back", loading);
  }
}
