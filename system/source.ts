/**
 * The interface of sources, for which the server's selector waits, and a source that is made ready
 * by a call.
 *
 * @module
 */

/**
 * A source of items that becomes ready from time to time.
 *
 * @typeParam T the items
 */
export interface Source<T = unknown> {
  /** The source's name, for logs. */
  readonly name: string;
  /**
   * Resolves with the next item. The reader calls it again only after the last call has settled. A
   * rejection is a normal outcome: the reader decides if it continues.
   */
  read(): Promise<T>;
}

/**
 * A source that becomes ready when other code calls `wake()`. A wake before `read()` is not lost.
 * Several wakes before a read count as one.
 */
export class Latch implements Source<void> {
  readonly name: string;
  #woken = false;
  #resolve: (() => void) | undefined;

  /**
   * Creates a latch that is not woken.
   *
   * @param name the source's name, for logs
   */
  constructor(name: string) {
    this.name = name;
  }

  /** Makes the source ready. */
  wake(): void {
    const resolve = this.#resolve;
    if (resolve === undefined) {
      this.#woken = true;
      return;
    }
    this.#resolve = undefined;
    resolve();
  }

  read(): Promise<void> {
    if (this.#woken) {
      this.#woken = false;
      return Promise.resolve();
    }
    return new Promise((resolve) => this.#resolve = resolve);
  }
}
