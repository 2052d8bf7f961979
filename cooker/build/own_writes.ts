/**
 * Tells the inputs that tasks write themselves from those that a person edits while they run.
 *
 * The kernel does not say which process has written a file. An input that changes in each of the
 * builds that one watch runs is taken for the tasks' own work; to run them again for it would never
 * end.
 *
 * @module
 */

/** Builds in a row in which an input has to change, if it has changed in every build so far. */
const ALWAYS = 2;
/** The same, if there was a build in which it did not change. */
const SOMETIMES = 4;

/** What the builds of one watch have done to their inputs. */
export class OwnWrites {
  /** Builds in a row that ran to their end and in which an input changed, by its absolute path. */
  readonly #rows = new Map<string, number>();
  readonly #said = new Set<string>();
  #builds = 0;

  /**
   * Whether an input may be the tasks' own work, because it has changed in the last build. A change
   * of such an input does not interrupt a build: it counts when the build has ended.
   */
  isSuspect(path: string): boolean {
    return this.#rows.has(path);
  }

  /** Whether an input is taken for the tasks' own work. */
  isOwn(path: string): boolean {
    const row = this.#rows.get(path) ?? 0;
    return row >= SOMETIMES || (row >= ALWAYS && row === this.#builds);
  }

  /** A build is interrupted because inputs have changed. */
  interrupted(paths: Iterable<string>): void {
    for (const path of paths) this.#rows.set(path, this.#rows.get(path) ?? 0);
  }

  /**
   * A build has run to its end.
   *
   * @param changed the inputs that have changed since their tasks began
   */
  ended(changed: ReadonlySet<string>): void {
    this.#builds++;
    for (const path of changed) this.#rows.set(path, (this.#rows.get(path) ?? 0) + 1);
    for (const path of this.#rows.keys()) if (!changed.has(path)) this.#rows.delete(path);
  }

  /** Inputs that are the tasks' own work, each once. */
  takeNew(): string[] {
    const fresh = [...this.#rows.keys()].filter((path) =>
      this.isOwn(path) && !this.#said.has(path)
    );
    for (const path of fresh) this.#said.add(path);
    return fresh.sort();
  }
}
