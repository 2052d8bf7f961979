/**
 * Idle work of the server's loop: functions that are called when they are due, or when a source
 * that they wait for is ready.
 *
 * @module
 */

import type { IdleFunction, IdleResult } from "./cooker.ts";
import type { Clock } from "../system/clock.ts";
import { Latch, type Source } from "../system/source.ts";
import { TickSource } from "./tick.ts";

/**
 * The selector's view of a source that an idle function waits for.
 *
 * A read continues even if no function waits for it any more. Its result then ends the next wait at
 * once. So no wake-up is lost, and a source never has two reads at a time.
 */
export class IdleSource implements Source {
  readonly kind = "idle";
  readonly name: string;
  readonly #source: Source;
  readonly #reads: WeakMap<Source, Promise<unknown>>;

  /**
   * @param source the source that the idle function has returned
   * @param reads pending reads, shared by all functions that wait for the same source
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

  /** Marks the result of the read as used, so that the next read is a new one. */
  consume(): void {
    this.#reads.delete(this.#source);
  }
}

/** Ready when an idle function is due in the next turn. */
export class AgainSource extends Latch {
  readonly kind = "again";
}

/** Part of the selector that idle work uses. */
interface IdleSelector {
  add(source: IdleSource): void;
  remove(source: IdleSource): void;
}

interface Entry {
  readonly name: string;
  readonly call: IdleFunction;
  readonly failed: (error: unknown) => void;
  /** Time of the next call by the monotonic clock; `Infinity` while it waits for sources. */
  due: number;
  sources: Map<Source, IdleSource>;
}

/** The registered idle functions. */
export class IdleWork {
  /** Wakes the loop for functions that are due at once. The caller adds it to the selector. */
  readonly again: AgainSource = new AgainSource("idle work");
  /** Wakes the loop for functions that are due later. The caller adds it to the selector. */
  readonly tick: TickSource;
  readonly #clock: Clock;
  readonly #selector: IdleSelector;
  readonly #entries = new Set<Entry>();
  readonly #owners = new Map<IdleSource, Entry>();
  readonly #reads = new WeakMap<Source, Promise<unknown>>();

  /**
   * @param selector receives the sources that idle functions wait for
   * @param signal ends the tick with the server
   * @param restsUntil same as the parameter of {@linkcode TickSource}
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
   * @param failed receives the error if the function throws; the function is removed by then
   * @returns removes the function when it is disposed
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

  /** Calls the function that waits for this source. The loop calls it when the source is ready. */
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

  /** Makes an entry wait for exactly these sources. Sources that it already waits for stay. */
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
