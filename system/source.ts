/**
 * Sources: what a select loop can wait for.
 *
 * @module
 */

/**
 * Something that becomes ready.
 *
 * @typeParam T what is read when it is
 */
export interface Source<T = unknown> {
  /** For logs. */
  readonly name: string;
  /**
   * Resolves with the next item; called again only after the last call has settled. A rejection
   * is an outcome too: the reader is told, and decides whether to go on.
   */
  read(): Promise<T>;
}

/**
 * A source that somebody else makes ready: `wake()` before `read()` is not lost, several wakes
 * before a read are one.
 */
export class Latch implements Source<void> {
  readonly name: string;
  #woken = false;
  #resolve: (() => void) | undefined;

  /**
   * Makes a latch that is not woken.
   *
   * @param name for logs
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
