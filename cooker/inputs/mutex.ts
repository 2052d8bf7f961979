/**
 * Mutual exclusion: one piece of work at a time.
 *
 * @module
 */

import { beforeAbort } from "../execute/cancellation.ts";

/** A lock within this process. */
export class Mutex {
  #held: Promise<void> | undefined;

  /**
   * Starts `work` when the previous work has ended.
   *
   * @param signal ends the waiting; work that has begun has to listen itself
   * @throws the signal's reason if it is aborted before `work` begins
   */
  async run<T>(signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
    while (this.#held !== undefined) {
      const isOver = signal === undefined
        ? this.#held.then(() => true)
        : beforeAbort(this.#held, signal);
      if (!(await isOver)) signal?.throwIfAborted();
    }
    const done = Promise.withResolvers<void>();
    this.#held = done.promise;
    try {
      return await work();
    } finally {
      this.#held = undefined;
      done.resolve();
    }
  }
}
