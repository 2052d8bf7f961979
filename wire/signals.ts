/**
 * Signals that a client forwards to the tasks of its build. They are sent by name, because some
 * numbers differ between platforms.
 *
 * @module
 */

/**
 * Names of the signals that a client forwards. SIGTSTP and SIGCONT suspend and continue the tasks
 * together with their client.
 */
export const TASK_SIGNALS = [
  "SIGHUP",
  "SIGINT",
  "SIGQUIT",
  "SIGUSR1",
  "SIGUSR2",
  "SIGALRM",
  "SIGTERM",
  "SIGWINCH",
  "SIGTSTP",
  "SIGCONT",
] as const;

/** Name of a signal that a client forwards. */
export type TaskSignal = typeof TASK_SIGNALS[number];

/** Returns true if clients forward the signal with this name. */
export function isTaskSignal(name: string): name is TaskSignal {
  return TASK_SIGNALS.some((each) => each === name);
}

/**
 * Milliseconds within which equal signals that end a build count as one. One key press may send a
 * client several: the terminal signals it, and so does a parent that passes its own signal on, such
 * as `deno task`.
 */
export const REPEAT_MS = 200;
