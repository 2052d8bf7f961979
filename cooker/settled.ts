/**
 * Remembers the last build if every task in it was a cache hit and every change of what it depends
 * on is reported. The outcome of the same build is then known without running it again.
 *
 * @module
 */

import type { Validity } from "./validity.ts";

/** A build whose outcome is known. */
interface SettledBuild {
  /** The process that requested the build. */
  readonly pid: number;
  readonly validity: Validity;
}

/** Holds the last such build. */
export class SettledBuilds {
  #last: SettledBuild | undefined;

  /** Records the last build that has ended; `undefined` if its outcome has to be found again. */
  note(build: SettledBuild | undefined): void {
    this.#last = build;
  }

  /** Returns the validity of the last build's outcome, if process `pid` has requested it. */
  of(pid: number): Validity | undefined {
    return this.#last?.pid === pid ? this.#last.validity : undefined;
  }
}
