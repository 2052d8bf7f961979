/**
 * How work is asked to end: gently first, then at once.
 *
 * @module
 */

/** Two signals on their way down to a task; `atOnce` never comes without `soon`. */
export interface Ending {
  /** End, with time to tidy up. */
  readonly soon: AbortSignal;
  /** End without grace. */
  readonly atOnce: AbortSignal;
}

/** Gives an {@linkcode Ending} its signals. */
export class EndingController {
  readonly #soon = new AbortController();
  readonly #atOnce = new AbortController();

  /** What the work listens to. */
  readonly ending: Ending = { soon: this.#soon.signal, atOnce: this.#atOnce.signal };

  /** Asks for an end; may be called again, with `force` after without. */
  end(force: boolean): void {
    // With a reason, no exception is made for one.
    this.#soon.abort("asked to end");
    if (force) this.#atOnce.abort("asked to end at once");
  }
}

/**
 * Waits for a promise, but no longer than until a signal.
 *
 * @returns whether the promise was first; nothing is left on the signal
 */
export function beforeAbort(promise: Promise<unknown>, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return resolve(false);
    const onAbort = (): void => resolve(false);
    const leave = (): void => signal.removeEventListener("abort", onAbort);
    signal.addEventListener("abort", onAbort, { once: true });
    promise.then(() => {
      leave();
      resolve(true);
    }, (error) => {
      leave();
      reject(error);
    });
  });
}
