/**
 * Signal handling of a client. Signals to the client are meant for its tasks (R25). SIGINT, SIGQUIT
 * and SIGTERM cancel the build, and the tasks get the signal. They may then take as long as they
 * need. The next such signal sends them SIGTERM, the one after it SIGKILL, and one more ends the
 * client. SIGHUP counts as a first one if the terminal is gone. The server keeps running.
 *
 * ```
 *          SIGINT, SIGQUIT        the same     the same           the same
 * running ─────────────────▶ asked ───▶ terminating ───▶ killing ───▶ exit
 *    └─────────────────────────────────▶ (SIGTERM)
 * waiting ─▶ leaving ──────────────────────────────────────────────▶ exit
 * ```
 *
 * SIGTSTP suspends the tasks and then the client, and SIGCONT continues the tasks.
 * Equal signals within {@linkcode REPEAT_MS} that end a build count as one.
 *
 * All other signals are passed on to the tasks, with no further effect. A client whose tasks do not
 * run leaves, because the signal's default action ends any program.
 *
 * @module
 */

import { signalExitCode, type SignalName } from "../../system/process/signals.ts";
import { REPEAT_MS, TASK_SIGNALS, type TaskSignal } from "../../wire/signals.ts";
import { EXIT } from "../errors.ts";

/** The actions of a client in response to signals. */
interface InterruptActions {
  /** Returns a monotonic time in milliseconds. */
  now(): number;
  /** Returns true if a build runs that can be cancelled. */
  isRunning(): boolean;
  /** Returns true if the client ran in a terminal that is gone. */
  isHungUp(): boolean;
  /** Cancels the build: its tasks get the signal. */
  cancel(signal: TaskSignal | "SIGKILL"): void;
  /** Suspends the tasks, if any run, and then this process. */
  suspend(): void;
  /** Passes the signal on to the tasks, and calls {@linkcode Interrupts.unheard} if none runs. */
  pass(signal: TaskSignal): void;
  /** Leaves, whatever the state of the build. */
  leave(): void;
  /** Exits the process immediately. */
  exit(code: number): void;
}

/** The signals that end a build regardless of their source. */
const ENDING: ReadonlySet<TaskSignal> = new Set(["SIGINT", "SIGQUIT", "SIGTERM"]);

/** State machine of the signals that the client has received. */
export class Interrupts {
  readonly #actions: InterruptActions;
  #state: "none" | "asked" | "terminating" | "killing" | "leaving" = "none";
  #exitCode: number | undefined;
  #hasHungUp = false;
  /** The last signal that counted, and when it arrived. */
  #last: { readonly signal: TaskSignal; readonly at: number } | undefined;

  /** @param actions called synchronously in the signal's handler */
  constructor(actions: InterruptActions) {
    this.#actions = actions;
  }

  /**
   * The exit code for the first signal that cancels the build or makes the client leave.
   * `undefined` before such a signal.
   */
  get exitCode(): number | undefined {
    return this.#exitCode;
  }

  /** Handles a signal. */
  receive(signal: TaskSignal): void {
    if (signal === "SIGTSTP") return this.#actions.suspend();
    const isHangup = signal === "SIGHUP" && this.#actions.isHungUp();
    // A terminal hangs up once, but both its signal and an output error report it.
    if (isHangup && this.#hasHungUp) return;
    this.#hasHungUp ||= isHangup;
    if (!ENDING.has(signal) && !(isHangup && this.#state === "none")) {
      if (this.#actions.isRunning()) this.#actions.pass(signal);
      else this.unheard(signal);
      return;
    }
    if (this.#isRepeated(signal)) return;
    this.#exitCode ??= signalExitCode(signal);
    switch (this.#state) {
      case "none":
        if (!this.#actions.isRunning()) return this.#leave();
        this.#state = signal === "SIGTERM" ? "terminating" : "asked";
        return this.#actions.cancel(signal);
      case "asked":
        this.#state = "terminating";
        return this.#actions.cancel("SIGTERM");
      case "terminating":
        this.#state = "killing";
        return this.#actions.cancel("SIGKILL");
      default:
        return this.#actions.exit(this.#exitCode);
    }
  }

  /**
   * Counts interrupts from the first one again: the person has typed other keys since, so the task
   * goes on after an interrupt.
   */
  restart(): void {
    if (this.#state === "asked") this.#state = "none";
    this.#last = undefined;
  }

  /** Returns true if a signal was sent by the same key press as the last one. */
  #isRepeated(signal: TaskSignal): boolean {
    const at = this.#actions.now();
    const last = this.#last;
    if (last !== undefined && last.signal === signal && at - last.at < REPEAT_MS) return true;
    this.#last = { signal, at };
    return false;
  }

  /** Handles a signal that has no receiver. The client then follows the signal's default action. */
  unheard(signal: TaskSignal): void {
    if (signal === "SIGWINCH" || signal === "SIGCONT" || this.#state !== "none") return;
    this.#exitCode ??= signalExitCode(signal);
    this.#leave();
  }

  /** Leaves because the process that the client works for is gone. */
  abandon(): void {
    this.#exitCode ??= EXIT.hangup;
    this.#leave();
  }

  /**
   * Listens to signals until the result is disposed of.
   *
   * @param onGone registers a listener that is called when the process that the client works for is
   *   gone. If absent, the client is that process.
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
