/** Reproducible random choices: all of them come from one seed. */

/** A source of random numbers (mulberry32). */
export class Random {
  #state: number;

  /** @param seed an integer */
  constructor(seed: number) {
    this.#state = seed | 0;
  }

  /** Returns an integer from 0 up to, but not including, `limit`. */
  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  }

  /** Returns `true` once in `times` calls on average. */
  oneIn(times: number): boolean {
    return this.below(times) === 0;
  }

  /** Returns one of the choices. */
  pick<T>(choices: readonly [T, ...(readonly T[])]): T {
    return choices[this.below(choices.length)] ?? choices[0];
  }
}

/** Returns the amount of work, multiplied by `SIMMER_SOAK` if that is set. */
export function effort(inTests: number): number {
  return Math.round(inTests * Number(Deno.env.get("SIMMER_SOAK") ?? "1"));
}

/** Returns the seed of this run. `SIMMER_SEED` sets it to that of another run. */
export function seed(): number {
  return Number(Deno.env.get("SIMMER_SEED") ?? "1");
}
