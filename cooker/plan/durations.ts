/**
 * Stores how long each task ran the last time. The scheduler's order of starts is computed from
 * these durations.
 *
 * @module
 */

import { readTextIfPresent, writeAtomically } from "../../system/files/files.ts";

/** The durations of tasks by their keys, in memory and in one file. */
export class Durations {
  readonly #path: string;
  #known: Map<string, number> | undefined;
  #isChanged = false;

  /** @param path absolute path of the file, which may be missing */
  constructor(path: string) {
    this.#path = path;
  }

  /** Returns the milliseconds that a task took in its last successful run. */
  get(key: string): number | undefined {
    return this.#all().get(key);
  }

  /** Records a duration in milliseconds. It is on disk after the next `save`. */
  set(key: string, milliseconds: number): void {
    if (key === "" || this.#all().get(key) === milliseconds) return;
    this.#all().set(key, milliseconds);
    this.#isChanged = true;
  }

  /**
   * Writes the file if a duration has changed.
   *
   * @throws {Error} the system's error if the file cannot be written
   */
  save(): void {
    if (!this.#isChanged) return;
    writeAtomically(this.#path, JSON.stringify(Object.fromEntries(this.#all())));
    this.#isChanged = false;
  }

  #all(): Map<string, number> {
    this.#known ??= new Map(read(this.#path));
    return this.#known;
  }
}

function read(path: string): [string, number][] {
  const text = readTextIfPresent(path);
  if (text === undefined) return [];
  try {
    const values: unknown = JSON.parse(text);
    if (values === null || typeof values !== "object") return [];
    return Object.entries(values).filter((entry): entry is [string, number] =>
      typeof entry[1] === "number"
    );
  } catch (error) {
    // Invalid content only affects the order in which tasks start.
    if (error instanceof SyntaxError) return [];
    throw error;
  }
}
