/**
 * Runs long work in slices, so that the server's event loop runs in between. Such work is a
 * generator that yields often, and a {@linkcode Pace} decides when it continues.
 *
 * @module
 */

import { monotonicTime } from "../../system/clock.ts";
import { ioTurn } from "../../system/macrotask.ts";

/**
 * Work that lets the event loop run when it yields. If it yields a function, the function's promise
 * is awaited.
 */
export type Sliced<T> = Generator<(() => Promise<void>) | undefined, T, void>;

/** Milliseconds of work between two turns of the event loop. */
const SLICE_MS = 4;

/**
 * Runs sliced work synchronously. The work must not yield a function, because nothing can be
 * awaited.
 */
export function atOnce<T>(work: Sliced<T>): T {
  for (;;) {
    const step = work.next();
    if (step.done === true) return step.value;
    if (step.value !== undefined) throw new Error("Work that is done at once must not wait");
  }
}

/**
 * Paces all sliced work of one event loop. Each turn of the loop runs one slice, however much work
 * is waiting.
 */
export class Pace {
  #last: Promise<void> = Promise.resolve();

  /**
   * Runs sliced work.
   *
   * @param signal ends the work between two slices
   * @throws the signal's reason if it is aborted
   */
  async run<T>(work: Sliced<T>, signal?: AbortSignal): Promise<T> {
    let begun = monotonicTime();
    for (;;) {
      const step = work.next();
      if (step.done === true) return step.value;
      if (step.value !== undefined) await step.value();
      else if (monotonicTime() - begun < SLICE_MS) continue;
      signal?.throwIfAborted();
      await this.#turn();
      begun = monotonicTime();
    }
  }

  /** Resolves in a turn of the event loop that no other slice uses. */
  #turn(): Promise<void> {
    this.#last = this.#last.then(ioTurn);
    return this.#last;
  }
}

/** Number of items that the built-in sort handles in about a millisecond. */
const RUN = 2048;

/** Sorts in slices, with the same result as `toSorted`. */
export function* sortSliced<T>(items: readonly T[], compare: (a: T, b: T) => number): Sliced<T[]> {
  let sorted: T[] = [];
  const waiting: T[][] = [];
  for (let start = 0; start < items.length; start += RUN) {
    waiting.push(items.slice(start, start + RUN).sort(compare));
    yield;
  }
  for (let first = waiting.shift(); first !== undefined; first = waiting.shift()) {
    const second = waiting.shift();
    if (second === undefined) {
      sorted = first;
      break;
    }
    waiting.push(yield* merged(first, second, compare));
  }
  return sorted;
}

function* merged<T>(
  first: readonly T[],
  second: readonly T[],
  compare: (a: T, b: T) => number,
): Sliced<T[]> {
  const all: T[] = [];
  let [one, two] = [0, 0];
  for (let a = first[one], b = second[two]; a !== undefined && b !== undefined;) {
    if (compare(a, b) <= 0) {
      all.push(a);
      a = first[++one];
    } else {
      all.push(b);
      b = second[++two];
    }
    if (all.length % RUN === 0) yield;
  }
  // Push the items one by one: spread arguments have to fit on the stack.
  for (const each of first.slice(one)) all.push(each);
  for (const each of second.slice(two)) all.push(each);
  return all;
}
