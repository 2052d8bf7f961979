/**
 * Signals: their numbers, and listening to them.
 *
 * @module
 */

/** The numbers of the signals that programs here know by name, as POSIX or all platforms have them. */
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
  SIGWINCH: 28,
} as const;

/** The name of a signal. */
export type SignalName = keyof typeof NUMBERS;

/** The exit code of a program that a signal has ended, as shells have it. */
export function signalExitCode(signal: SignalName): number {
  return 128 + NUMBERS[signal];
}

/** Calls a function at each such signal until the result is disposed of. */
export function onSignal(signal: SignalName, listener: () => void): Disposable {
  Deno.addSignalListener(signal, listener);
  return { [Symbol.dispose]: () => Deno.removeSignalListener(signal, listener) };
}
