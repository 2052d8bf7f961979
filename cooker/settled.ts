/**
 * Builds in which every task's result was there: until something changes, they need not be done
 * again to know what they come to.
 *
 * @module
 */

/** A build that has come to nothing but found results. */
export interface SettledBuild {
  /** The process that asked for it. */
  readonly pid: number;
  /** Whether the same build would find the same, now. */
  isCurrent(): boolean;
}

/** Knows the last such build. */
export class SettledBuilds {
  #last: SettledBuild | undefined;

  /** Takes note of the last build that has ended; `undefined`: it is none of the kind. */
  note(build: SettledBuild | undefined): void {
    this.#last = build;
  }

  /** The last build that has ended, where it was settled and that process had asked for it. */
  of(pid: number): SettledBuild | undefined {
    return this.#last?.pid === pid ? this.#last : undefined;
  }
}
