/**
 * Long work in slices: a generator that yields often, and a pace at which it goes on, so that the
 * server's loop has its turn in between.
 *
 * @module
 */

import { monotonicTime } from "../../system/clock.ts";
import { ioTurn } from "../../system/macrotask.ts";

/** Work that gives the loop a turn where it yields; what it yields is awaited. */
export type Sliced<T> = Generator<(() => Promise<void>) | undefined, T, void>;

/** Milliseconds of work between two turns of the loop. */
const SLICE_MS = 4;

/** Does sliced work at once; what would be awaited must not be yielded. */
export function atOnce<T>(work: Sliced<T>): T {
  for (;;) {
    const step = work.next();
    if (step.done === true) return step.value;
    if (step.value !== undefined) throw new Error("Work that is done at once must not wait");
  }
}

/** The pace of all sliced work of one loop: however much there is, each turn has one slice of it. */
export class Pace {
  #last: Promise<void> = Promise.resolve();

  /**
   * Does sliced work.
   *
   * @param signal ends it between two slices
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

  /** Resolves in a turn of the loop of its own. */
  #turn(): Promise<void> {
    this.#last = this.#last.then(ioTurn);
    return this.#last;
  }
}

/** Items up to which the built-in sort takes about a millisecond. */
const RUN = 2048;

/** Sorts in slices: as `toSorted`. */
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
  // Item by item: what is spread has to fit on the stack.
  for (const each of first.slice(one)) all.push(each);
  for (const each of second.slice(two)) all.push(each);
  return all;
}
