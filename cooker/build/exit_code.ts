/**
 * Determines the exit code of a build from the ends of its tasks.
 *
 * @module
 */

import { signalExitCode } from "../../system/process/signals.ts";
import type { TaskSignal } from "../../wire/signals.ts";
import type { ExitStatus } from "../execute/executor.ts";

/** The exit code of a build that was cancelled without a signal. */
const CANCELLED = signalExitCode("SIGINT");

/** Collects the ends of a build's tasks. */
export class ExitCode {
  /** The code of the first task that has failed. */
  #failed = 0;
  /** The first exit code other than 0 of a task that was asked to end and exited by itself. */
  #cancelled = 0;
  /** True if a task was terminated, or was kept from starting. */
  #isCut = false;

  /** The code of a build that was not cancelled: that of the first failed task, or 0. */
  get value(): number {
    return this.#failed;
  }

  /** A task has failed. */
  failed({ code }: ExitStatus): void {
    if (this.#failed === 0) this.#failed = code;
  }

  /** A task with a command was kept from starting. */
  skipped(): void {
    this.#isCut = true;
  }

  /** A task was asked to end. It may have exited by itself nevertheless, and then its code counts. */
  cancelled(hasStarted: boolean, { code, signal, reason }: ExitStatus): void {
    if (!hasStarted || signal !== undefined || reason !== undefined) this.#isCut = true;
    else if (this.#cancelled === 0) this.#cancelled = code;
  }

  /**
   * Returns the code of a build that was cancelled, by a client's signal if there was one. It is the
   * code of the first task that failed or exited with a code of its own. Otherwise, it is the
   * signal's code if the signal has terminated a task or kept one from starting.
   */
  after(signal: TaskSignal | undefined): number {
    if (signal === undefined) return CANCELLED;
    const own = this.#failed === 0 ? this.#cancelled : this.#failed;
    return own === 0 && this.#isCut ? signalExitCode(signal) : own;
  }
}
