/**
 * Signals to a client (R25): the first one ends the build and waits for its tasks, the second one
 * by force, the third one ends the client at once. The server stays up.
 *
 * ```
 *            SIGINT, SIGTERM              the same            the same
 * running ──────────────────▶ cancelling ──────────▶ forcing ──────────▶ exit
 * waiting ──────────────────▶ leaving ──────────────────────────────────▶ exit
 *    │ SIGHUP ───────────────────▲
 * ```
 *
 * @module
 */

import type { SignalName } from "../system/environment.ts";
import { EXIT } from "./exit_code.ts";

/** What a client does about signals. */
export interface InterruptActions {
  /** Whether a build runs that can be cancelled. */
  isRunning(): boolean;
  /** Ends the build; `force`: at once. */
  cancel(force: boolean): void;
  /** Leaves, whatever is going on. */
  leave(): void;
  /** Ends the process on the spot. */
  exit(code: number): void;
}

/** The signals that end a client. */
export type EndingSignal = "SIGINT" | "SIGTERM" | "SIGHUP";

const CODES: Readonly<Record<EndingSignal, number>> = {
  SIGINT: EXIT.interrupted,
  SIGTERM: EXIT.terminated,
  SIGHUP: EXIT.hangup,
};

/** What signals have led to so far. */
export class Interrupts {
  readonly #actions: InterruptActions;
  #state: "none" | "cancelling" | "forcing" | "leaving" = "none";
  #exitCode: number | undefined;

  /** @param actions are called in the signal's own turn */
  constructor(actions: InterruptActions) {
    this.#actions = actions;
  }

  /** The exit code that the first signal stands for; `undefined` before it. */
  get exitCode(): number | undefined {
    return this.#exitCode;
  }

  /** Handles a signal. */
  receive(signal: EndingSignal): void {
    this.#exitCode ??= CODES[signal];
    if (this.#state === "forcing" || this.#state === "leaving") {
      return this.#actions.exit(this.#exitCode);
    }
    if (signal === "SIGHUP" || (this.#state === "none" && !this.#actions.isRunning())) {
      this.#state = "leaving";
      return this.#actions.leave();
    }
    this.#state = this.#state === "none" ? "cancelling" : "forcing";
    this.#actions.cancel(this.#state === "forcing");
  }

  /** Listens to signals until the result is disposed of. */
  listen(on: (signal: SignalName, listener: () => void) => Disposable): Disposable {
    const stack = new DisposableStack();
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
      stack.use(on(signal, () => this.receive(signal)));
    }
    return stack;
  }
}
