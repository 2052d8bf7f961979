/**
 * Signals to a client: they are its tasks' (R25). SIGINT, SIGQUIT and SIGTERM cancel the build, and the
 * tasks get them first; a second one ends the tasks by force, a third one the client at once. SIGHUP is
 * one of them if the terminal is gone. The server stays up.
 *
 * ```
 *            SIGINT, SIGQUIT, SIGTERM     the same            the same
 * running ──────────────────▶ cancelling ──────────▶ forcing ──────────▶ exit
 * waiting ──────────────────▶ leaving ──────────────────────────────────▶ exit
 * ```
 *
 * All others are passed on, and nothing else follows; a client whose tasks do not run leaves, as their
 * default action ends any program.
 *
 * @module
 */

import { signalExitCode, type SignalName } from "../../system/process/signals.ts";
import { TASK_SIGNALS, type TaskSignal } from "../../wire/signals.ts";
import { EXIT } from "../errors.ts";

/** What a client does about signals. */
interface InterruptActions {
  /** Whether a build runs that can be cancelled. */
  isRunning(): boolean;
  /** Whether the client was in a terminal that is gone. */
  isHungUp(): boolean;
  /** Cancels the build: its tasks get the signal. */
  cancel(signal: TaskSignal): void;
  /** Ends the tasks by force. */
  force(): void;
  /** Passes the signal on to the tasks, and calls {@linkcode Interrupts.unheard} if none runs. */
  pass(signal: TaskSignal): void;
  /** Leaves, whatever is going on. */
  leave(): void;
  /** Ends the process on the spot. */
  exit(code: number): void;
}

/** The signals that ask for an end wherever they come from. */
const ENDING: ReadonlySet<TaskSignal> = new Set(["SIGINT", "SIGQUIT", "SIGTERM"]);

/** What signals have led to so far. */
export class Interrupts {
  readonly #actions: InterruptActions;
  #state: "none" | "cancelling" | "forcing" | "leaving" = "none";
  #exitCode: number | undefined;
  #hasHungUp = false;

  /** @param actions are called in the signal's own turn */
  constructor(actions: InterruptActions) {
    this.#actions = actions;
  }

  /**
   * The exit code for the first signal that cancels the build or makes the client leave; `undefined`
   * before it.
   */
  get exitCode(): number | undefined {
    return this.#exitCode;
  }

  /** Handles a signal. */
  receive(signal: TaskSignal): void {
    const isHangup = signal === "SIGHUP" && this.#actions.isHungUp();
    // A terminal hangs up once, and both its signal and an error of the output say so.
    if (isHangup && this.#hasHungUp) return;
    this.#hasHungUp ||= isHangup;
    if (!ENDING.has(signal) && !(isHangup && this.#state === "none")) {
      if (this.#actions.isRunning()) this.#actions.pass(signal);
      else this.unheard(signal);
      return;
    }
    this.#exitCode ??= signalExitCode(signal);
    switch (this.#state) {
      case "none":
        if (!this.#actions.isRunning()) return this.#leave();
        this.#state = "cancelling";
        return this.#actions.cancel(signal);
      case "cancelling":
        this.#state = "forcing";
        return this.#actions.force();
      default:
        return this.#actions.exit(this.#exitCode);
    }
  }

  /** A signal has no receiver: the client does as the signal's default action says. */
  unheard(signal: TaskSignal): void {
    if (signal === "SIGWINCH" || this.#state !== "none") return;
    this.#exitCode ??= signalExitCode(signal);
    this.#leave();
  }

  /** The process that the client works for is gone. */
  abandon(): void {
    this.#exitCode ??= EXIT.hangup;
    this.#leave();
  }

  /**
   * Listens to signals until the result is disposed of.
   *
   * @param onGone calls a function when the process that the client works for is gone; absent: the
   *   client is that process
   */
  listen(
    on: (signal: SignalName, listener: () => void) => Disposable,
    onGone?: (listener: () => void) => Disposable,
  ): Disposable {
    const stack = new DisposableStack();
    for (const signal of TASK_SIGNALS) stack.use(on(signal, () => this.receive(signal)));
    if (onGone !== undefined) stack.use(onGone(() => this.abandon()));
    return stack;
  }

  #leave(): void {
    this.#state = "leaving";
    this.#actions.leave();
  }
}
