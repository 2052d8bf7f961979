/**
 * Idle work: functions that the loop calls when they are due.
 *
 * @module
 */

import type { IdleFunction, IdleResult } from "../cooker/cooker.ts";
import type { Clock } from "../system/clock.ts";
import { Latch, type Source } from "../system/source.ts";

/** Milliseconds between two ticks. */
export const TICK_MS = 100;

/** A source that an idle function waits for, as the selector sees it. */
export class IdleSource implements Source {
  readonly kind = "idle";
  readonly name: string;
  readonly #source: Source;

  /** @param source what the idle function named */
  constructor(source: Source) {
    this.#source = source;
    this.name = source.name;
  }

  read(): Promise<unknown> {
    return this.#source.read();
  }
}

/** Ready when an idle function wants to be called without waiting. */
export class AgainSource extends Latch {
  readonly kind = "again";
}

/** Ready every {@linkcode TICK_MS}, or sooner where an idle function is due sooner. */
export class TickSource implements Source<void> {
  readonly kind = "tick";
  readonly name = "tick";
  readonly #clock: Clock;
  readonly #work: IdleWork;
  readonly #signal: AbortSignal;
  #due: number;

  /** @param signal ends a pending sleep with the server */
  constructor(clock: Clock, work: IdleWork, signal: AbortSignal) {
    this.#clock = clock;
    this.#work = work;
    this.#signal = signal;
    this.#due = clock.monotonic() + TICK_MS;
  }

  async read(): Promise<void> {
    const now = this.#clock.monotonic();
    const due = Math.min(this.#due, this.#work.nextDue);
    if (due > now) await this.#clock.sleep(due - now, this.#signal);
    this.#due = this.#clock.monotonic() + TICK_MS;
  }
}

/** What an idle function's registration needs of the selector. */
export interface IdleSelector {
  add(source: IdleSource): void;
  remove(source: IdleSource): void;
}

interface Entry {
  readonly name: string;
  readonly call: IdleFunction;
  readonly failed: (error: unknown) => void;
  /** When to call it, by the monotonic clock; `Infinity` while it waits for sources. */
  due: number;
  sources: Map<Source, IdleSource>;
}

/** The registered idle functions. */
export class IdleWork {
  /** Belongs into the selector. */
  readonly again: AgainSource = new AgainSource("idle work");
  readonly #clock: Clock;
  readonly #selector: IdleSelector;
  readonly #entries = new Set<Entry>();
  readonly #owners = new Map<IdleSource, Entry>();

  /** @param selector gets the sources that idle functions wait for */
  constructor(clock: Clock, selector: IdleSelector) {
    this.#clock = clock;
    this.#selector = selector;
  }

  /** How many functions there are. */
  get size(): number {
    return this.#entries.size;
  }

  /** When the next one is due, by the monotonic clock; `Infinity` where none is. */
  get nextDue(): number {
    let next = Infinity;
    for (const { due } of this.#entries) next = Math.min(next, due);
    return next;
  }

  /**
   * Registers a function; it is called in the next turn for the first time.
   *
   * @param failed is told what it threw; it is removed by then
   * @returns takes it away
   */
  register(name: string, call: IdleFunction, failed: (error: unknown) => void): Disposable {
    const entry: Entry = { name, call, failed, due: this.#clock.monotonic(), sources: new Map() };
    this.#entries.add(entry);
    this.again.wake();
    return { [Symbol.dispose]: () => this.#remove(entry) };
  }

  /** Calls every function that is due. */
  runDue(): void {
    const now = this.#clock.monotonic();
    for (const entry of [...this.#entries]) {
      if (entry.due <= now && this.#entries.has(entry)) this.#call(entry);
    }
  }

  /** Calls the function that waits for a source, because it is ready. */
  runFor(source: IdleSource): void {
    const entry = this.#owners.get(source);
    if (entry !== undefined) this.#call(entry);
  }

  #call(entry: Entry): void {
    let result: IdleResult;
    try {
      result = entry.call();
    } catch (error) {
      this.#remove(entry);
      entry.failed(error);
      return;
    }
    if (!this.#entries.has(entry)) return;
    if (result === false) return this.#remove(entry);
    this.#await(entry, typeof result === "object" ? result : []);
    if (result === true) {
      entry.due = this.#clock.monotonic();
      this.again.wake();
    } else {
      entry.due = typeof result === "number" ? this.#clock.monotonic() + result * 1000 : Infinity;
    }
  }

  /** Makes the entry wait for just these sources; one that it waited for already stays as it is. */
  #await(entry: Entry, sources: readonly Source[]): void {
    const wanted = new Map(
      sources.map((source) => [source, entry.sources.get(source) ?? new IdleSource(source)]),
    );
    for (const [source, idle] of entry.sources) {
      if (wanted.has(source)) continue;
      this.#owners.delete(idle);
      this.#selector.remove(idle);
    }
    for (const idle of wanted.values()) {
      this.#owners.set(idle, entry);
      this.#selector.add(idle);
    }
    entry.sources = wanted;
  }

  #remove(entry: Entry): void {
    if (!this.#entries.delete(entry)) return;
    this.#await(entry, []);
  }
}
