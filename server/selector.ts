/**
 * The selector: waits for many sources at once, and returns the ready ones, turn by turn.
 *
 * Each source has one slot, which goes `idle -> pending -> ready -> idle`. One read is pending at a
 * time, with exactly one reaction to it, so nothing accumulates over many turns. A result stays
 * ready until its turn. A failed read is a result as well. After each turn, the selector yields
 * once to timers and I/O. Otherwise, sources with buffered input would starve everything else.
 *
 * @module
 */

import { macrotask } from "../system/macrotask.ts";
import type { Source } from "../system/source.ts";

/** Result of a read. */
export type Outcome<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: unknown };

/** A source that is ready, with its result. */
export interface Ready<S extends Source> {
  /** The source. */
  readonly source: S;
  /** Result of its read. */
  readonly outcome: Outcome<S extends Source<infer T> ? T : never>;
}

interface Slot<S extends Source> {
  readonly source: S;
  readonly discard: ((outcome: Outcome<unknown>) => void) | undefined;
  isRemoved: boolean;
}

/**
 * Waits for sources.
 *
 * @typeParam S the sources, best a union with a discriminating property
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Latch, Selector } from "@simmer/simmer/server";
 *
 * const bell = new Latch("bell");
 * const selector = new Selector<Latch>();
 * selector.add(bell);
 * bell.wake();
 * for await (const ready of selector) {
 *   assertEquals(ready.map(({ source }) => source.name), ["bell"]);
 *   break;
 * }
 * ```
 */
export class Selector<S extends Source> implements AsyncIterable<readonly Ready<S>[]> {
  readonly #slots = new Map<S, Slot<S>>();
  #idle: Slot<S>[] = [];
  #ready: [Slot<S>, Outcome<unknown>][] = [];
  #wake: (() => void) | undefined;
  #isStopped = false;

  /** Number of sources. */
  get size(): number {
    return this.#slots.size;
  }

  /**
   * Adds a source. It is read from the next turn on. Adding a source twice has no effect.
   *
   * @param discard receives the results that are not returned because the source was removed, so
   *   that they can be closed
   */
  add(source: S, discard?: (outcome: Outcome<unknown>) => void): void {
    if (this.#slots.has(source)) return;
    const slot: Slot<S> = { source, discard, isRemoved: false };
    this.#slots.set(source, slot);
    this.#idle.push(slot);
    this.#notify();
  }

  /** Removes a source. A result that is ready is discarded. */
  remove(source: S): void {
    const slot = this.#slots.get(source);
    if (slot === undefined) return;
    this.#slots.delete(source);
    slot.isRemoved = true;
    const [dropped, kept] = partition(this.#ready, ([other]) => other === slot);
    this.#ready = kept;
    for (const [, outcome] of dropped) slot.discard?.(outcome);
  }

  /** Ends the iteration after the turn in progress. */
  stop(): void {
    this.#isStopped = true;
    this.#notify();
  }

  /** Yields the ready sources of each turn. A turn is never empty. */
  async *[Symbol.asyncIterator](): AsyncGenerator<readonly Ready<S>[]> {
    while (true) {
      await macrotask();
      while (this.#ready.length === 0 && !this.#isStopped) {
        this.#readIdle();
        await new Promise<void>((resolve) => this.#wake = resolve);
      }
      if (this.#isStopped) return;
      this.#readIdle();
      yield this.#take();
    }
  }

  #take(): readonly Ready<S>[] {
    const taken = this.#ready;
    this.#ready = [];
    for (const [slot] of taken) this.#idle.push(slot);
    return taken.map(([slot, outcome]) => ({ source: slot.source, outcome } as Ready<S>));
  }

  #readIdle(): void {
    const idle = this.#idle;
    this.#idle = [];
    for (const slot of idle) {
      if (slot.isRemoved) continue;
      slot.source.read().then(
        (value) => this.#settle(slot, { ok: true, value }),
        (error: unknown) => this.#settle(slot, { ok: false, error }),
      );
    }
  }

  #settle(slot: Slot<S>, outcome: Outcome<unknown>): void {
    if (slot.isRemoved) return slot.discard?.(outcome);
    this.#ready.push([slot, outcome]);
    this.#notify();
  }

  #notify(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }
}

function partition<T>(items: readonly T[], belongs: (item: T) => boolean): [T[], T[]] {
  const inside: T[] = [];
  const outside: T[] = [];
  for (const item of items) (belongs(item) ? inside : outside).push(item);
  return [inside, outside];
}
