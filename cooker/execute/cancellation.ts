/**
 * Cancellation of running work: first gracefully, then immediately. It also passes on the client's
 * signals that are meant for the tasks.
 *
 * @module
 */

import type { Cancel } from "../../server/cooker.ts";
import type { TaskSignal } from "../../wire/signals.ts";

/** The requests that reach a task while it runs. Each is aborted only together with those before. */
export interface Cancellation {
  /** Requests an end, with time for a cleanup. */
  readonly graceful: AbortSignal;
  /** Limits the time for the cleanup to a grace period. A person's signal does not limit it. */
  readonly limited: AbortSignal;
  /** Requests an immediate end. */
  readonly forced: AbortSignal;
  /** The signal that the work's processes get first when `graceful` is aborted. */
  readonly signal: TaskSignal;
  /** True if a signal was passed on that can have changed the result of the work. */
  readonly isDisturbed: boolean;
  /** Resolves when the work may start processes: it is not suspended, or is to end. */
  mayStart(): Promise<void>;
  /**
   * Calls a function for each signal that is passed on, until the result is disposed of. These are
   * the signals that do not request an end, and further ones after the first that does.
   */
  onSignal(listener: (signal: TaskSignal) => void): Disposable;
}

/** Signals that do not change the result of the work. */
const HARMLESS: ReadonlySet<TaskSignal> = new Set(["SIGWINCH", "SIGTSTP", "SIGCONT"]);

/** Sends requests and signals to work, which sees only the {@linkcode Cancellation} interface. */
export class CancellationController implements Cancellation {
  readonly #graceful = new AbortController();
  readonly #limited = new AbortController();
  readonly #forced = new AbortController();
  readonly #listeners = new Set<(signal: TaskSignal) => void>();
  #signal: TaskSignal = "SIGTERM";
  #isDisturbed = false;
  /** Present while the work is suspended. Resolved when it continues or is asked to end. */
  #suspension: PromiseWithResolvers<void> | undefined;

  get graceful(): AbortSignal {
    return this.#graceful.signal;
  }

  get limited(): AbortSignal {
    return this.#limited.signal;
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

  async mayStart(): Promise<void> {
    while (this.#suspension !== undefined && !this.#graceful.signal.aborted) {
      await this.#suspension.promise;
    }
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
    if (!HARMLESS.has(signal)) this.#isDisturbed = true;
    if (signal === "SIGTSTP") this.#suspension ??= Promise.withResolvers();
    if (signal === "SIGCONT") {
      this.#suspension?.resolve();
      this.#suspension = undefined;
    }
    for (const listener of this.#listeners) listener(signal);
    return this.#listeners.size > 0;
  }

  /** Requests an end. May be called again. */
  cancel(how: Cancel): void {
    const isFirst = !this.#graceful.signal.aborted;
    if (how.kind === "signal") {
      if (!isFirst) {
        this.pass(how.signal);
        return;
      }
      this.#signal = how.signal;
    }
    // An explicit reason saves the creation of an exception. `limited` comes first, so that a
    // listener of `graceful` sees whether the time is limited.
    const isLimited = how.kind !== "signal" || how.signal === "SIGHUP";
    if (isLimited) this.#limited.abort("asked to end soon");
    if (how.kind === "kill") this.#forced.abort("asked to end at once");
    this.#graceful.abort("asked to end");
    this.#suspension?.resolve();
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
