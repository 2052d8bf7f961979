/**
 * Distinguishes inputs that tasks write themselves from inputs that a person edits during a build.
 * A watch uses it to avoid an endless loop of builds.
 *
 * The kernel does not report which process has written a file. An input that changes in each of
 * several builds of a watch is therefore considered the tasks' own write, and does not start
 * another build.
 *
 * @module
 */

/**
 * The number of consecutive builds in which an input must change, if it has changed in every build
 * so far.
 */
const ALWAYS = 2;
/** The same, if it did not change in some earlier build. */
const SOMETIMES = 4;

/** The inputs that changed during the builds of one watch. */
export class OwnWrites {
  /** The number of consecutive complete builds in which an input changed, by its absolute path. */
  readonly #rows = new Map<string, number>();
  readonly #said = new Set<string>();
  #builds = 0;

  /**
   * Returns true if an input may be the tasks' own write: it changed during the last complete
   * build, or it has interrupted a build since. A suspect does not interrupt a running build. Its
   * change is considered when the build has ended.
   */
  isSuspect(path: string): boolean {
    return this.#rows.has(path);
  }

  /** Returns true if an input is considered the tasks' own write. */
  isOwn(path: string): boolean {
    const row = this.#rows.get(path) ?? 0;
    return row >= SOMETIMES || (row >= ALWAYS && row === this.#builds);
  }

  /** Records that a build is interrupted because these inputs have changed. */
  interrupted(paths: Iterable<string>): void {
    for (const path of paths) this.#rows.set(path, this.#rows.get(path) ?? 0);
  }

  /**
   * Records that a build is complete.
   *
   * @param changed the inputs that have changed since their tasks began
   */
  ended(changed: ReadonlySet<string>): void {
    this.#builds++;
    for (const path of changed) this.#rows.set(path, (this.#rows.get(path) ?? 0) + 1);
    for (const path of this.#rows.keys()) if (!changed.has(path)) this.#rows.delete(path);
  }

  /** Returns the inputs that are the tasks' own writes and have not been returned before. */
  takeNew(): string[] {
    const fresh = [...this.#rows.keys()].filter((path) =>
      this.isOwn(path) && !this.#said.has(path)
    );
    for (const path of fresh) this.#said.add(path);
    return fresh.sort();
  }
}
