/**
 * Signal names, the exit codes for them, and signal listeners.
 *
 * @module
 */

/**
 * Numbers of the signals that this program uses by name. They come from POSIX or are the same on
 * all platforms, except for those that depend on the platform below.
 */
const NUMBERS = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGKILL: 9,
  SIGUSR1: Deno.build.os === "linux" ? 10 : 30,
  SIGUSR2: Deno.build.os === "linux" ? 12 : 31,
  SIGPIPE: 13,
  SIGALRM: 14,
  SIGTERM: 15,
  SIGSTOP: Deno.build.os === "linux" ? 19 : 17,
  SIGCONT: Deno.build.os === "linux" ? 18 : 19,
  SIGTSTP: Deno.build.os === "linux" ? 20 : 18,
  SIGWINCH: 28,
} as const;

/** The name of a signal. */
export type SignalName = keyof typeof NUMBERS;

/** Returns the exit code that shells report for a program that a signal ended. */
export function signalExitCode(signal: SignalName): number {
  return 128 + NUMBERS[signal];
}

/** Calls a function at each such signal until the returned object is disposed of. */
export function onSignal(signal: SignalName, listener: () => void): Disposable {
  Deno.addSignalListener(signal, listener);
  return { [Symbol.dispose]: () => Deno.removeSignalListener(signal, listener) };
}
