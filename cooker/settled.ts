/**
 * Remembers the last build if every task in it was a cache hit. Until something changes, the
 * outcome of the same build is known, so it need not run again.
 *
 * @module
 */

/** A build in which every task was a cache hit. */
export interface SettledBuild {
  /** The process that requested the build. */
  readonly pid: number;
  /** Returns true if the same build would have the same outcome now. */
  isCurrent(): boolean;
}

/** Holds the last such build. */
export class SettledBuilds {
  #last: SettledBuild | undefined;

  /** Records the last build that has ended; `undefined` if not every task was a cache hit. */
  note(build: SettledBuild | undefined): void {
    this.#last = build;
  }

  /** Returns the last build if it was settled and was requested by process `pid`. */
  of(pid: number): SettledBuild | undefined {
    return this.#last?.pid === pid ? this.#last : undefined;
  }
}
