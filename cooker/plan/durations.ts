/**
 * How long tasks ran the last time.
 *
 * @module
 */

import { readTextIfPresent, writeAtomically } from "../../system/files/files.ts";

/** Durations by task, in memory and in one file. */
export class Durations {
  readonly #path: string;
  #known: Map<string, number> | undefined;
  #isChanged = false;

  /** @param path the file, absolute; it need not be there */
  constructor(path: string) {
    this.#path = path;
  }

  /** Milliseconds that a task ran the last time that it ended well. */
  get(key: string): number | undefined {
    return this.#all().get(key);
  }

  /** Takes note of a duration in milliseconds; it is on disk at the latest after `save`. */
  set(key: string, milliseconds: number): void {
    if (key === "" || this.#all().get(key) === milliseconds) return;
    this.#all().set(key, milliseconds);
    this.#isChanged = true;
  }

  /**
   * Writes what is new.
   *
   * @throws {Error} what the system says where it can't be written
   */
  save(): void {
    if (!this.#isChanged) return;
    this.#isChanged = false;
    writeAtomically(this.#path, JSON.stringify(Object.fromEntries(this.#all())));
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
    // Only the order in which tasks start depends on it.
    if (error instanceof SyntaxError) return [];
    throw error;
  }
}
