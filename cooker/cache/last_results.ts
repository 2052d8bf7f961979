/**
 * What each task's last success was made of: what `why` compares with, and what a next run removes.
 *
 * @module
 */

import { sha256Hex } from "../../system/digest.ts";
import {
  ensureFolder,
  joinPath,
  readTextIfPresent,
  removeIfPresent,
  renameIfPresent,
  writeAtomically,
} from "../../system/files.ts";
import type { OutputEntry } from "../store/result.ts";
import type { FingerprintParts } from "./fingerprint.ts";

/** What is kept in memory of a task's last success. */
export interface LastOutcome {
  readonly fingerprint: string;
  readonly outputs: readonly OutputEntry[];
  /** Whether the task has begun again since: what it has left is not known any more. */
  readonly isPast?: boolean;
}

/** A task's last success. */
export interface LastResult extends LastOutcome {
  readonly parts: FingerprintParts;
  /** When it ended, in milliseconds since the Unix epoch. */
  readonly at: number;
  /** How long it ran, in milliseconds. */
  readonly durationMs: number;
}

/** Marks the file of a result whose task has begun again. */
const PAST = ".past";

interface Kept {
  readonly format: 1;
  readonly result: LastResult;
}

/** The last successes of a project's tasks, on disk. */
export class LastResults {
  readonly #folder: string;
  readonly #known = new Map<string, LastOutcome | undefined>();
  #isMade = false;

  /** @param folder where they are kept, absolute; made with the first one */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /** The last success of a task; `undefined` where there is none that can be read. */
  get(key: string): LastOutcome | undefined {
    if (!this.#known.has(key)) this.#known.set(key, outcomeOf(this.read(key)));
    return this.#known.get(key);
  }

  /** All of it, from the disk. */
  read(key: string): LastResult | undefined {
    const last = this.#parse(this.#path(key));
    if (last !== undefined) return last;
    const past = this.#parse(this.#path(key, PAST));
    return past === undefined ? undefined : { ...past, isPast: true };
  }

  /**
   * Takes note of a success.
   *
   * @throws {Error} what the system says where it can't be written
   */
  set(key: string, result: LastResult): void {
    this.#known.set(key, outcomeOf(result));
    if (!this.#isMade) ensureFolder(this.#folder, 0o700);
    this.#isMade = true;
    const kept: Kept = { format: 1, result };
    writeAtomically(this.#path(key), JSON.stringify(kept));
    removeIfPresent(this.#path(key, PAST));
  }

  /**
   * A task begins: what its last success has left may be overwritten. Its file gets another name
   * until the next success is written: to put a new file in the place of one that is there has the
   * file system write out its data first.
   *
   * @throws {Error} what the system says where it can't be done
   */
  begin(key: string): void {
    const last = this.get(key);
    if (last === undefined || last.isPast === true) return;
    this.#known.set(key, { ...last, isPast: true });
    renameIfPresent(this.#path(key), this.#path(key, PAST));
  }

  #path(key: string, suffix = ""): string {
    return joinPath(this.#folder, `${sha256Hex(key).slice(0, 32)}${suffix}.json`);
  }

  #parse(path: string): LastResult | undefined {
    const text = readTextIfPresent(path);
    if (text === undefined) return undefined;
    try {
      const kept = JSON.parse(text) as Partial<Kept>;
      return kept.format === 1 ? kept.result : undefined;
    } catch (error) {
      // Whatever is there, it is no result: the task counts as one that never ran.
      if (error instanceof SyntaxError) return undefined;
      throw error;
    }
  }
}

function outcomeOf(result: LastResult | undefined): LastOutcome | undefined {
  if (result === undefined) return undefined;
  const { fingerprint, outputs, isPast } = result;
  return { fingerprint, outputs, ...(isPast === undefined ? {} : { isPast }) };
}
