/** Random choices that can be made again: all of them come from one seed. */

/** A source of random numbers (mulberry32). */
export class Random {
  #state: number;

  /** @param seed an integer */
  constructor(seed: number) {
    this.#state = seed | 0;
  }

  /** An integer from 0 up to, not including, a limit. */
  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  }

  /** Whether something that happens once in so many times happens. */
  oneIn(times: number): boolean {
    return this.below(times) === 0;
  }

  /** One of some. */
  pick<T>(choices: readonly [T, ...(readonly T[])]): T {
    return choices[this.below(choices.length)] ?? choices[0];
  }
}

/** How much is tried: more where `SIMMER_SOAK` says how many times as much. */
export function effort(inTests: number): number {
  return Math.round(inTests * Number(Deno.env.get("SIMMER_SOAK") ?? "1"));
}

/** The seed of this run; `SIMMER_SEED` repeats another one. */
export function seed(): number {
  return Number(Deno.env.get("SIMMER_SEED") ?? "1");
}
