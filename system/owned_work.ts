/**
 * Work that goes on beside its caller, with an owner that hears of its failure.
 *
 * @module
 */

/**
 * Promises that nothing awaits by itself: a failure is told, and never ends the process as an
 * unhandled rejection.
 */
export class OwnedWork {
  readonly #failed: (what: string, error: unknown) => void;
  readonly #running = new Set<Promise<void>>();

  /** @param failed told which work failed, and how; it must not throw */
  constructor(failed: (what: string, error: unknown) => void) {
    this.#failed = failed;
  }

  /**
   * Takes work into its care.
   *
   * @param what names it for `failed`
   */
  own(what: string, work: Promise<unknown>): void {
    const owned = work.then(
      () => {},
      (error: unknown) => this.#failed(what, error),
    ).finally(() => this.#running.delete(owned));
    this.#running.add(owned);
  }

  /** Resolves when none of it is running. */
  async settled(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }
}
