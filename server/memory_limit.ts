/**
 * How much memory a server may use: one that uses more ends as soon as nothing is in progress, and
 * whoever comes next starts a new one.
 *
 * @module
 */

import type { Clock } from "../system/clock.ts";
import { sizeText } from "../system/size.ts";

/** Milliseconds between two looks. */
const LOOK_MS = 1000;
/** Milliseconds that memory takes to be given back. */
const RELIEF_MS = 3000;

/** What a limit is kept with. */
interface MemoryLimitOptions {
  /** Bytes of resident memory. */
  readonly maxBytes: number;
  /** Bytes of resident memory now. */
  readonly rss: () => number;
  readonly clock: Clock;
  /** Gives back what can be given back. */
  readonly relieve: () => void;
  /** Says that the limit is passed; once, until it is kept again. */
  readonly warn: (message: string) => void;
}

/** Says when a server uses too much memory. */
export class MemoryLimit {
  readonly #options: MemoryLimitOptions;
  #nextLook = 0;
  #isPassed = false;
  #isRelieved = false;

  /** @param options are used at each look */
  constructor(options: MemoryLimitOptions) {
    this.#options = options;
  }

  /**
   * Asked on each tick, and after each command; looks once a second at the most.
   *
   * @param isInUse whether a command is in progress, or somebody may send one
   * @returns the log's line where the server is to end
   */
  check(isInUse: boolean): string | undefined {
    const { clock, maxBytes, relieve, warn } = this.#options;
    const now = clock.monotonic();
    if (now < this.#nextLook) return undefined;
    this.#nextLook = now + LOOK_MS;
    const rss = this.#options.rss();
    if (rss <= maxBytes) {
      this.#isPassed = false;
      this.#isRelieved = false;
      return undefined;
    }
    const state = `Server memory ${sizeText(rss)}, limit ${sizeText(maxBytes)} (--max-rss)`;
    if (isInUse) {
      if (!this.#isPassed) {
        warn(`${state}: a new server takes its place when nothing is in progress`);
      }
      this.#isPassed = true;
      return undefined;
    }
    if (this.#isRelieved) return `${state}, exiting.`;
    relieve();
    this.#isRelieved = true;
    this.#nextLook = now + RELIEF_MS;
    return undefined;
  }
}
