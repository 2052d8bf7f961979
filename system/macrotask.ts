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

/**
 * Resolves after timers and I/O have had a turn. A chain of {@linkcode macrotask}s with work in
 * between starves I/O: the runtime goes from one immediate to the next and polls sockets once in
 * some hundred of them (4 ms of work each: a round trip took 600 ms). A timer lets it poll. Costs
 * about 1 ms.
 */
export function ioTurn(): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(() => setImmediate(resolve), 0);
  });
}
