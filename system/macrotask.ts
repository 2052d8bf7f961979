/**
 * Yields to the event loop, so that timers and I/O run during long work.
 *
 * @module
 */

/**
 * Resolves in a later turn of the event loop, after the work that is due by then. Takes about 2 µs.
 */
export function macrotask(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

/**
 * Resolves after timers and I/O have run. Takes about 1 ms.
 *
 * A chain of {@linkcode macrotask}s with work in between starves I/O: the runtime goes from one
 * immediate to the next, and polls sockets only once in some hundred of them. With 4 ms of work
 * each, a round trip took 600 ms. A timer makes the runtime poll.
 */
export function ioTurn(): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(() => setImmediate(resolve), 0);
  });
}
