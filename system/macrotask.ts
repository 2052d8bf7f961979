/**
 * Giving way: letting timers and I/O have their turn.
 *
 * @module
 */

/** Resolves in a later turn of the event loop, after what is due by then. Costs about 2 µs. */
export function macrotask(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
