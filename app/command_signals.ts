/**
 * Signals of a forwarded command line: those that the client has sent, and the end of its process.
 *
 * @module
 */

import { EXIT } from "../client/errors.ts";
import { signalExitCode, type SignalName } from "../system/process/signals.ts";

/** Signals that do not end a program without a listener for them. */
const NOT_ENDING: ReadonlySet<SignalName | "gone"> = new Set(["SIGWINCH", "SIGTSTP", "SIGCONT"]);

/** Thrown by `exit` to end a command at once. */
export class CommandExit extends Error {
  constructor(readonly code: number) {
    super("exit");
  }
}

/** Notifies a command of signals, as the system notifies a program. */
export class CommandSignals {
  /** Listeners for signals, and for the end of the client's process. */
  readonly #listeners = new Map<SignalName | "gone", Set<() => void>>();
  readonly #received = new Set<SignalName>();
  readonly #end: (exitCode: number) => void;

  /** @param end ends a command that does not listen for a signal */
  constructor(end: (exitCode: number) => void) {
    this.#end = end;
  }

  /** Calls a listener for each signal until the result is disposed of; `gone`: the client's end. */
  on(what: SignalName | "gone", listener: () => void): Disposable {
    const listeners = this.#listeners.get(what) ?? new Set();
    this.#listeners.set(what, listeners);
    listeners.add(listener);
    return { [Symbol.dispose]: () => void listeners.delete(listener) };
  }

  /** Passes a signal on to its listeners. */
  receive(signal: SignalName): void {
    this.#received.add(signal);
    this.#notify(signal, signalExitCode(signal));
  }

  /** Notifies the listeners that the client's process has ended. */
  clientGone(): void {
    this.#notify("gone", EXIT.hangup);
  }

  /** Returns the received signal that an exit code stands for. */
  causeOf(exitCode: number): SignalName | undefined {
    return [...this.#received].find((each) => signalExitCode(each) === exitCode);
  }

  /** Removes all listeners. */
  clear(): void {
    this.#listeners.clear();
  }

  /**
   * Notifies the listeners of a signal, or of the client's end. Without a listener the command
   * ends, except on signals that do not end a program.
   */
  #notify(what: SignalName | "gone", exitCode: number): void {
    const listeners = [...this.#listeners.get(what) ?? []];
    if (listeners.length === 0 && !NOT_ENDING.has(what)) this.#end(exitCode);
    for (const listener of listeners) {
      try {
        listener();
      } catch (error) {
        if (!(error instanceof CommandExit)) throw error;
      }
    }
  }
}
