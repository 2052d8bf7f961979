/**
 * Time, as everything here asks for it: tests put a clock of their own in its place.
 *
 * @module
 */

/** A clock. */
export interface Clock {
  /** Milliseconds since the Unix epoch, for people; may jump. */
  now(): number;
  /** Milliseconds since some moment; never goes back. For timeouts and durations. */
  monotonic(): number;
  /**
   * Resolves after that many milliseconds, or when the signal is aborted; it never rejects and
   * leaves no timer behind.
   */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** The machine's clock, for programs that stay. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: (ms, signal) =>
    new Promise((resolve) => {
      if (signal?.aborted) return resolve();
      const finish = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", finish);
        resolve();
      };
      const timer = setTimeout(finish, ms);
      signal?.addEventListener("abort", finish);
    }),
};

/**
 * The machine's clock for programs that end soon: sleeping costs a tenth at first, as nothing of
 * Node's timers is loaded, and a sleep that is cut short is forgotten only when its time is over.
 * It does not keep a program from ending.
 */
export const briefClock: Clock = {
  ...systemClock,
  sleep: (ms, signal) =>
    new Promise((resolve) => {
      if (signal?.aborted) return resolve();
      const timer = AbortSignal.timeout(ms);
      const finish = (): void => {
        timer.removeEventListener("abort", finish);
        signal?.removeEventListener("abort", finish);
        resolve();
      };
      timer.addEventListener("abort", finish);
      signal?.addEventListener("abort", finish);
    }),
};

/** Milliseconds since some moment, for what is only ever a measure of this process's own work. */
export function monotonicTime(): number {
  return performance.now();
}
