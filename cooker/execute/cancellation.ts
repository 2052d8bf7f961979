/**
 * Cancellation of running work: first gracefully, then immediately. It also passes on the client's
 * signals that are meant for the tasks.
 *
 * @module
 */

import type { TaskSignal } from "../../wire/signals.ts";

/** The requests that reach a task while it runs. `forced` is never aborted without `graceful`. */
export interface Cancellation {
  /** Requests a graceful end, with time for a cleanup. */
  readonly graceful: AbortSignal;
  /** Requests an immediate end, without a grace period. */
  readonly forced: AbortSignal;
  /** The signal that the work's processes get first when `graceful` is aborted. */
  readonly signal: TaskSignal;
  /** True if a signal was passed on that can have changed the result of the work. */
  readonly isDisturbed: boolean;
  /**
   * Calls a function for each signal that does not request an end, until the result is disposed of.
   */
  onSignal(listener: (signal: TaskSignal) => void): Disposable;
}

/** Sends requests and signals to work, which sees only the {@linkcode Cancellation} interface. */
export class CancellationController implements Cancellation {
  readonly #graceful = new AbortController();
  readonly #forced = new AbortController();
  readonly #listeners = new Set<(signal: TaskSignal) => void>();
  #signal: TaskSignal = "SIGTERM";
  #isDisturbed = false;

  get graceful(): AbortSignal {
    return this.#graceful.signal;
  }

  get forced(): AbortSignal {
    return this.#forced.signal;
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
   * Passes a signal on to the work.
   *
   * @returns true if the work has begun and listens for signals
   */
  pass(signal: TaskSignal): boolean {
    if (signal !== "SIGWINCH") this.#isDisturbed = true;
    for (const listener of this.#listeners) listener(signal);
    return this.#listeners.size > 0;
  }

  /**
   * Requests an end. May be called again, with `force` after a call without it.
   *
   * @param signal the first signal for the work's processes; ignored if this is not the first call
   */
  end(force: boolean, signal: TaskSignal = "SIGTERM"): void {
    if (!this.#graceful.signal.aborted) this.#signal = signal;
    // An explicit reason saves the creation of an exception.
    this.#graceful.abort("asked to end");
    if (force) this.#forced.abort("asked to end at once");
  }
}

/**
 * Waits until a promise resolves or a signal is aborted.
 *
 * @returns true if the promise was first; no listener remains on the signal then
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
