/**
 * The signals of a client that are its tasks'. Names travel, not numbers: some numbers differ between
 * platforms.
 *
 * @module
 */

/** Signals that a client passes on to the tasks of its build. */
export const TASK_SIGNALS = [
  "SIGHUP",
  "SIGINT",
  "SIGQUIT",
  "SIGUSR1",
  "SIGUSR2",
  "SIGALRM",
  "SIGTERM",
  "SIGWINCH",
] as const;

/** The name of a signal that a client passes on. */
export type TaskSignal = typeof TASK_SIGNALS[number];

/** Whether a name is that of a signal that clients pass on. */
export function isTaskSignal(name: string): name is TaskSignal {
  return TASK_SIGNALS.some((each) => each === name);
}
