/**
 * The selector: waits for many sources at once and hands over the ready ones, turn by turn.
 *
 * Each source has one slot, which goes `idle -> pending -> ready -> idle`: one read is outstanding
 * at a time, with exactly one reaction on it, so that nothing accumulates however many turns pass.
 * What is ready stays ready until its turn; a failed read is an outcome like any other. After each
 * turn the selector gives way once to timers and I/O: sources whose input is already buffered would
 * otherwise keep everything else waiting.
 *
 * @module
 */

import { macrotask } from "../system/macrotask.ts";
import type { Source } from "../system/source.ts";

/** What a read led to. */
export type Outcome<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: unknown };

/** A source that is ready, with what was read. */
export interface Ready<S extends Source> {
  /** The source. */
  readonly source: S;
  /** What its read led to. */
  readonly outcome: Outcome<S extends Source<infer T> ? T : never>;
}

interface Slot<S extends Source> {
  /** The source. */
  readonly source: S;
  readonly discard: ((outcome: Outcome<unknown>) => void) | undefined;
  isRemoved: boolean;
}

/**
 * Waits for sources.
 *
 * @typeParam S the sources, best a union that tells them apart
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

  /** How many sources there are. */
  get size(): number {
    return this.#slots.size;
  }

  /**
   * Adds a source; it is read from the next turn on. Adding one that is there does nothing.
   *
   * @param discard is given what a read brings that was still outstanding when the source was
   *   removed, so that it can be closed
   */
  add(source: S, discard?: (outcome: Outcome<unknown>) => void): void {
    if (this.#slots.has(source)) return;
    const slot: Slot<S> = { source, discard, isRemoved: false };
    this.#slots.set(source, slot);
    this.#idle.push(slot);
    this.#notify();
  }

  /** Removes a source; what it had ready is dropped. */
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

  /** Turn by turn, the sources that are ready; never an empty turn. */
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
