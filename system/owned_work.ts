/**
 * Tracks background work: promises that no caller awaits. Their owner is notified of failures.
 *
 * @module
 */

/**
 * Owns background promises. Reports a failure to a callback, so that it never ends the process as
 * an unhandled rejection.
 */
export class OwnedWork {
  readonly #failed: (what: string, error: unknown) => void;
  readonly #running = new Set<Promise<void>>();

  /** @param failed called with the name of failed work and the error. It must not throw. */
  constructor(failed: (what: string, error: unknown) => void) {
    this.#failed = failed;
  }

  /**
   * Takes ownership of a promise.
   *
   * @param what the name of the work, for `failed`
   */
  own(what: string, work: Promise<unknown>): void {
    const owned = work.then(
      () => {},
      (error: unknown) => this.#failed(what, error),
    ).finally(() => this.#running.delete(owned));
    this.#running.add(owned);
  }

  /** Resolves when no work is running. */
  async settled(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }
}
