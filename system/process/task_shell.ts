/**
 * The shell for tasks on a machine without `deno`: this program, started again, runs one command line
 * by the library dax, whose language is that of `deno task`.
 *
 * @module
 */

import { ChildProcess } from "node:child_process";
import { constants } from "node:os";
import { onSignal } from "./signals.ts";

/** Signals that the shell passes on to the command that it runs. */
const PASSED = [
  "SIGHUP",
  "SIGINT",
  "SIGQUIT",
  "SIGTERM",
  "SIGUSR1",
  "SIGUSR2",
  "SIGWINCH",
] as const;

/** Exit code of a command line that the shell cannot run, as that of `deno task`. */
const CANNOT_RUN = 1;

/**
 * Runs a command line with this process's folder, environment and streams.
 *
 * @param words the command line, or `--file` and the path of a file that contains it
 * @returns its exit code; 128 + the signal's number if a signal has ended it
 */
export async function runTaskShell([first = "", file = ""]: readonly string[]): Promise<number> {
  reportSignals();
  const line = first === "--file" ? Deno.readTextFileSync(file) : first;
  const { CommandBuilder, KillController } = await import("dax");
  const controller = new KillController();
  using signals = new DisposableStack();
  for (const signal of PASSED) signals.use(onSignal(signal, () => controller.kill(signal)));
  try {
    const { code } = await new CommandBuilder()
      .command(line)
      .noThrow()
      .signal(controller.signal)
      .stdin("inherit")
      .stdout("inherit")
      .stderr("inherit")
      .spawn();
    return code;
  } catch (error) {
    // dax throws its syntax errors as texts.
    const message = error instanceof Error ? error.message : String(error);
    Deno.stderr.writeSync(new TextEncoder().encode(`${message}\n`));
    return CANNOT_RUN;
  }
}

/**
 * Gives a process that a signal has ended the exit code that shells give it. dax reports such a
 * process as successful, unless it has sent the signal itself. This process only runs dax.
 */
function reportSignals(): void {
  const emit = ChildProcess.prototype.emit;
  const numbers: Readonly<Record<string, number>> = constants.signals;
  ChildProcess.prototype.emit = function (event: string, ...values: unknown[]): boolean {
    const [code, signal] = values;
    if (event !== "exit" || code !== null) return Reflect.apply(emit, this, [event, ...values]);
    return Reflect.apply(emit, this, [event, 128 + (numbers[String(signal)] ?? 0), signal]);
  };
}
