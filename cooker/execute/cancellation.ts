/**
 * How work is asked to end, gently first, then at once; and signals of the client that are the work's.
 *
 * @module
 */

import type { TaskSignal } from "../../wire/signals.ts";

/** What reaches a task while it runs; `atOnce` never comes without `soon`. */
export interface Ending {
  /** End, with time to tidy up. */
  readonly soon: AbortSignal;
  /** End without grace. */
  readonly atOnce: AbortSignal;
  /** The signal that the work's processes get first, once `soon` is aborted. */
  readonly signal: TaskSignal;
  /** Whether a signal was passed on that can have changed what the work does. */
  readonly isDisturbed: boolean;
  /** Calls a function at each signal that does not ask for an end, until the result is disposed of. */
  onSignal(listener: (signal: TaskSignal) => void): Disposable;
}

/** Gives work its signals; what the work sees of it is an {@linkcode Ending}. */
export class EndingController implements Ending {
  readonly #soon = new AbortController();
  readonly #atOnce = new AbortController();
  readonly #listeners = new Set<(signal: TaskSignal) => void>();
  #signal: TaskSignal = "SIGTERM";
  #isDisturbed = false;

  get soon(): AbortSignal {
    return this.#soon.signal;
  }

  get atOnce(): AbortSignal {
    return this.#atOnce.signal;
  }

  get signal(): TaskSignal {
    return this.#signal;
  }

  get isDisturbed(): boolean {
    return this.#isDisturbed;
  }

  onSignal(listener: (signal: TaskSignal) => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => this.#listeners.delete(listener) };
  }

  /**
   * Passes a signal on.
   *
   * @returns whether the work listens: it has begun
   */
  pass(signal: TaskSignal): boolean {
    if (signal !== "SIGWINCH") this.#isDisturbed = true;
    for (const listener of this.#listeners) listener(signal);
    return this.#listeners.size > 0;
  }

  /**
   * Asks for an end; may be called again, with `force` after without.
   *
   * @param signal the first signal of the work's processes, where this is the first call
   */
  end(force: boolean, signal: TaskSignal = "SIGTERM"): void {
    if (!this.#soon.signal.aborted) this.#signal = signal;
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
