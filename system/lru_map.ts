/**
 * A map of bounded size that evicts the least recently stored entries.
 *
 * @module
 */

/**
 * Holds at most a given number of entries.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { LruMap } from "./lru_map.ts";
 *
 * const map = new LruMap<string, number>(2);
 * for (const [index, key] of ["a", "b", "a", "c"].entries()) map.set(key, index);
 * assertEquals([...map.values()], [2, 3]); // "b" was evicted
 * ```
 */
export class LruMap<Key, Value> {
  readonly #entries = new Map<Key, Value>();
  readonly #max: number;

  /** @param max the largest number of entries, from 1 */
  constructor(max: number) {
    this.#max = max;
  }

  /** Returns the value of a key. The age of the entry does not change. */
  get(key: Key): Value | undefined {
    return this.#entries.get(key);
  }

  /** Returns true if there is an entry. */
  has(key: Key): boolean {
    return this.#entries.has(key);
  }

  /** Stores an entry as the newest one, and evicts the oldest ones beyond the limit. */
  set(key: Key, value: Value): void {
    this.#entries.delete(key);
    this.#entries.set(key, value);
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= this.#max) break;
      this.#entries.delete(oldest);
    }
  }

  /** Removes an entry, if it is present. */
  delete(key: Key): void {
    this.#entries.delete(key);
  }

  /** Returns all values, oldest first. */
  values(): IterableIterator<Value> {
    return this.#entries.values();
  }
}
