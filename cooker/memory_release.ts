/**
 * Returns memory to the system after a large build. While many tasks run, the heap grows to a
 * multiple of its live data, and it does not shrink by itself while the server is idle.
 *
 * @module
 */

import type { Clock } from "../system/clock.ts";
import type { ReleaseMemory } from "../system/process/memory.ts";
import type { OwnedWork } from "../system/owned_work.ts";

/** Milliseconds to wait after a build, because another build may follow. */
const PAUSE_MS = 5000;
/** Seconds between two checks. */
const LOOK_SECONDS = 1;
/** Smallest number of tasks in a build for which a release is worth its cost. */
const MANY_TASKS = 100;

/** Decides when memory is released. */
export class MemoryRelease {
  readonly #clock: Clock;
  readonly #load: () => Promise<ReleaseMemory>;
  readonly #beside: OwnedWork;
  #release: ReleaseMemory | undefined;
  #due = Infinity;
  #isLoading = false;

  /**
   * @param load loads the function that releases memory; called before the first release
   * @param beside owns the loading; if loading fails, memory is not released
   */
  constructor(clock: Clock, load: () => Promise<ReleaseMemory>, beside: OwnedWork) {
    this.#clock = clock;
    this.#load = load;
    this.#beside = beside;
  }

  /** Schedules a release if the build that has ended had many tasks. */
  built(tasks: number): void {
    if (tasks >= MANY_TASKS) this.#due = this.#clock.monotonic() + PAUSE_MS;
  }

  /**
   * Releases memory if a release is due. The first time, it only starts to load the release
   * function.
   *
   * @param isBusy true if a client or a build would have to wait for the release
   * @returns seconds until the next check
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

  /** Releases memory as soon as the release function is loaded, whatever has run before. */
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
