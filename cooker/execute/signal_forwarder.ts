/**
 * Forwards signals to a command while its leader runs.
 *
 * @module
 */

import { childProcesses, killProcess } from "../../system/process/processes.ts";
import { signalExitCode } from "../../system/process/signals.ts";
import type { TaskSignal } from "../../wire/signals.ts";
import type { ExitStatus } from "./executor.ts";
import type { Leader } from "./leader.ts";
import type { ProcessGroup } from "./process_tree.ts";

/** Signals that suspend and continue a command. */
export const PAUSING: ReadonlySet<TaskSignal> = new Set(["SIGTSTP", "SIGCONT"]);

/**
 * Forwards signals to one command.
 *
 * A program gets the signals itself. The shell of `deno task` only passes them on to the processes
 * that it has started, and it loses a signal that arrives right after it has started one. Therefore
 * these processes get the signal directly. A command that is executed without a process accepts
 * signals and continues, as the built-in commands of the shell do.
 */
export class SignalForwarder {
  readonly #forwarded = new Set<TaskSignal>();
  #leader: Leader | undefined;
  /** The processes of the command, once it has been started. */
  group: ProcessGroup | undefined;

  /** Forwards a signal. Before the command has been started, it only records the signal. */
  forward(signal: TaskSignal): void {
    if (PAUSING.has(signal)) {
      // The kernel does not suspend orphaned process groups, as those of tasks are, by SIGTSTP.
      void this.group?.pause(signal === "SIGCONT" ? "SIGCONT" : "SIGSTOP");
      return;
    }
    this.#forwarded.add(signal);
    if (this.#leader === undefined) return;
    const { process: { pid }, kind } = this.#leader;
    const receivers = kind === "shell" ? childProcesses(pid) ?? [pid] : [pid];
    for (const receiver of receivers) killProcess(receiver, signal);
  }

  /**
   * Forwards signals to a leader until it has ended.
   *
   * @returns the exit status of the leader, after which its process id may be reused
   */
  async serve(leader: Leader): Promise<ExitStatus> {
    this.#leader = leader;
    const status = await leader.process.exit;
    this.#leader = undefined;
    this.group = undefined;
    return status;
  }

  /** Returns true if an exit code is that of a signal that was forwarded. */
  hasForwarded(code: number): boolean {
    return [...this.#forwarded].some((signal) => signalExitCode(signal) === code);
  }
}
