/**
 * Idle work: functions that the loop calls when they are due.
 *
 * @module
 */

import type { IdleFunction, IdleResult } from "./cooker.ts";
import type { Clock } from "../system/clock.ts";
import { Latch, type Source } from "../system/source.ts";
import { TickSource } from "./tick.ts";

/**
 * A source that an idle function waits for, as the selector sees it.
 *
 * A read goes on while nobody waits for it: what it brings then makes the next wait short, so that
 * no waking is lost and no source is read twice at a time.
 */
export class IdleSource implements Source {
  readonly kind = "idle";
  readonly name: string;
  readonly #source: Source;
  readonly #reads: WeakMap<Source, Promise<unknown>>;

  /**
   * @param source what the idle function named
   * @param reads outstanding reads, shared by all that wait for the same source
   */
  constructor(source: Source, reads: WeakMap<Source, Promise<unknown>>) {
    this.#source = source;
    this.#reads = reads;
    this.name = source.name;
  }

  read(): Promise<unknown> {
    const read = this.#reads.get(this.#source) ?? this.#source.read();
    this.#reads.set(this.#source, read);
    return read;
  }

  /** Says that the idle function is called for what was read: the next read is a new one. */
  consume(): void {
    this.#reads.delete(this.#source);
  }
}

/** Ready when an idle function wants to be called without waiting. */
export class AgainSource extends Latch {
  readonly kind = "again";
}

/** What an idle function's registration needs of the selector. */
interface IdleSelector {
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
  /** Belongs into the selector too. */
  readonly tick: TickSource;
  readonly #clock: Clock;
  readonly #selector: IdleSelector;
  readonly #entries = new Set<Entry>();
  readonly #owners = new Map<IdleSource, Entry>();
  readonly #reads = new WeakMap<Source, Promise<unknown>>();

  /**
   * @param selector gets the sources that idle functions wait for
   * @param signal ends the tick with the server
   * @param restsUntil as the tick's
   */
  constructor(
    clock: Clock,
    selector: IdleSelector,
    signal: AbortSignal,
    restsUntil?: () => number,
  ) {
    this.#clock = clock;
    this.#selector = selector;
    this.tick = new TickSource(clock, () => this.nextDue, signal, restsUntil);
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
    if (entry === undefined) return;
    source.consume();
    this.#call(entry);
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
    const now = this.#clock.monotonic();
    entry.due = result === true ? now : typeof result === "number" ? now + result * 1000 : Infinity;
    if (result === true) this.again.wake();
    else this.tick.hurry(entry.due);
  }

  /** Makes the entry wait for just these sources; one that it waited for already stays as it is. */
  #await(entry: Entry, sources: readonly Source[]): void {
    const wanted = new Map(
      sources.map((
        source,
      ) => [source, entry.sources.get(source) ?? new IdleSource(source, this.#reads)]),
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
