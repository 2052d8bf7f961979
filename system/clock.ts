/**
 * The clock's interface and the machine's clocks. Code is given a clock to read the time from, so
 * that tests can pass a fake one.
 *
 * @module
 */

/** A source of time. */
export interface Clock {
  /** Returns milliseconds since the Unix epoch, for display. The value may jump. */
  now(): number;
  /**
   * Returns milliseconds since an arbitrary moment. Never decreases. For timeouts and durations.
   */
  monotonic(): number;
  /**
   * Resolves after `ms` milliseconds, or when the signal is aborted. It never rejects. It leaves no
   * timer behind, except with {@linkcode briefClock}.
   */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** The machine's clock for long-running programs. */
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
 * The machine's clock for short-lived programs. The first sleep costs a tenth of that of
 * {@linkcode systemClock}, because Node's timers are not loaded. The timer of an aborted sleep is
 * freed only when its time is over. A pending sleep does not keep the process alive.
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

/**
 * Returns milliseconds since an arbitrary moment, without a {@linkcode Clock}. Only for measuring
 * this process's own work.
 */
export function monotonicTime(): number {
  return performance.now();
}
