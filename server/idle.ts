/**
 * Idle work: functions that the loop calls when they are due.
 *
 * @module
 */

import type { IdleResult, StepResult } from "./cooker.ts";
import type { Clock } from "../system/clock.ts";
import { Latch } from "../system/source.ts";
import { TickSource } from "./tick.ts";

/** Source of the loop that is ready when an idle function is due at once. */
export class AgainSource extends Latch {
  readonly kind = "again";
}

interface Entry {
  readonly name: string;
  readonly call: () => StepResult;
  readonly failed: (error: unknown) => void;
  /** Time of the next call by the monotonic clock; `Infinity` while it waits for a promise. */
  due: number;
  /** Promise that it waits for. */
  waitsFor: Promise<unknown> | undefined;
}

/** The registered idle functions. */
export class IdleWork {
  /** Source for the loop's selector. */
  readonly again: AgainSource = new AgainSource("idle work");
  /** Second source for the loop's selector. */
  readonly tick: TickSource;
  readonly #clock: Clock;
  readonly #entries = new Set<Entry>();

  /**
   * @param signal ends the tick with the server
   * @param restsUntil see {@linkcode TickSource}
   */
  constructor(clock: Clock, signal: AbortSignal, restsUntil?: () => number) {
    this.#clock = clock;
    this.tick = new TickSource(clock, () => this.nextDue, signal, restsUntil);
  }

  /** Number of registered functions. */
  get size(): number {
    return this.#entries.size;
  }

  /** Time of the next call by the monotonic clock; `Infinity` if no function is due. */
  get nextDue(): number {
    let next = Infinity;
    for (const { due } of this.#entries) next = Math.min(next, due);
    return next;
  }

  /**
   * Registers a function. Its first call is in the next turn.
   *
   * @param call may return a promise: it is called again when that has settled
   * @param failed receives the error if the function throws; the function is removed by then
   * @returns removes the function when it is disposed
   */
  register(name: string, call: () => StepResult, failed: (error: unknown) => void): Disposable {
    const due = this.#clock.monotonic();
    const entry: Entry = { name, call, failed, due, waitsFor: undefined };
    this.#entries.add(entry);
    this.again.wake();
    return { [Symbol.dispose]: () => void this.#entries.delete(entry) };
  }

  /** Calls every function that is due. */
  runDue(): void {
    const now = this.#clock.monotonic();
    for (const entry of [...this.#entries]) {
      if (entry.due <= now && this.#entries.has(entry)) this.#call(entry);
    }
  }

  #call(entry: Entry): void {
    let result: StepResult;
    try {
      result = entry.call();
    } catch (error) {
      this.#entries.delete(entry);
      entry.failed(error);
      return;
    }
    if (!this.#entries.has(entry)) return;
    if (result instanceof Promise) this.#waitFor(result, entry);
    else this.#schedule(result, entry);
  }

  #schedule(result: IdleResult, entry: Entry): void {
    if (result === false) {
      this.#entries.delete(entry);
      return;
    }
    const now = this.#clock.monotonic();
    entry.due = result === true ? now : now + result * 1000;
    if (result === true) this.again.wake();
    else this.tick.wakeBy(entry.due);
  }

  /** A rejection is no failure of the function: its next call finds out what has happened. */
  #waitFor(promise: Promise<unknown>, entry: Entry): void {
    entry.due = Infinity;
    entry.waitsFor = promise;
    const isDue = (): void => {
      if (entry.waitsFor !== promise) return;
      entry.waitsFor = undefined;
      entry.due = this.#clock.monotonic();
      this.again.wake();
    };
    promise.then(isDue, isDue);
  }
}
