/**
 * Decides whether answers that are kept in memory are still valid: plans, cache keys, compared
 * outputs, the outcome of a build, and the output of a command line.
 *
 * An answer is kept under its question, which contains everything that the client decides: the
 * request and its whole environment. Everything else that can change the answer is declared as a
 * dependency.
 *
 * @module
 */

import { realFolder } from "../system/files/files.ts";
import { LruMap } from "../system/lru_map.ts";
import type { TreeSignatures } from "../system/files/tree_signature.ts";
import type { FileSet } from "./inputs/file_set.ts";
import type { Snapshot } from "./inputs/snapshot.ts";

/** Something that can make an answer invalid, as it was when the answer was made. */
export type Dependency =
  /** The contents of files, and the folders that were listed to find them. */
  | { readonly on: "files"; readonly set: FileSet; readonly snapshot: Snapshot }
  /** Reported changes of files, whatever their contents are. */
  | { readonly on: "changes"; readonly set: FileSet; readonly version: number }
  /** Files whose changes may go unreported: their signatures by absolute path. */
  | {
    readonly on: "inodes";
    readonly files: ReadonlyMap<string, string>;
    readonly signatures: TreeSignatures;
  }
  /** The folder that a path leads to. It can change without a report if the path has links. */
  | { readonly on: "folder"; readonly path: string; readonly real: string }
  /** All reported changes in the project, and runs of tasks by other processes. */
  | { readonly on: "project"; readonly project: ChangeCounter; readonly changes: number }
  /** Runs of tasks by this process that may have changed files that no task declares. */
  | {
    readonly on: "runs";
    readonly history: RunCounter;
    /** Number of times that each task had begun, by its key. */
    readonly beginnings: ReadonlyMap<string, number>;
  }
  /** State outside of the project that is read again each time. */
  | { readonly on: "outside"; readonly state: { readonly isUnchanged: boolean } }
  /** Builds in progress, which may be about to change anything. */
  | { readonly on: "builds"; readonly inProgress: { readonly size: number } };

/** Counts the runs of tasks. */
interface RunCounter {
  /** Returns how often a task has begun. */
  beginnings(key: string): number;
}

/** Counts the changes on which an answer may depend. */
export interface ChangeCounter {
  readonly changes: number;
  /** Takes in everything that any process has done before this call. */
  sync(): void;
}

/** Checks the dependencies of an answer. */
export class Validity {
  readonly #dependencies: readonly Dependency[];

  constructor(...dependencies: readonly Dependency[]) {
    this.#dependencies = dependencies;
  }

  /** True if the same question has the same answer now. */
  get isCurrent(): boolean {
    for (const each of this.#dependencies) if (!isUnchanged(each)) return false;
    return true;
  }

  /**
   * True if the kernel reports every change of a dependency. An answer that is current then stays so
   * until the project's counter of changes grows.
   */
  get isReported(): boolean {
    for (const each of this.#dependencies) if (!isReported(each)) return false;
    return true;
  }
}

/** An answer with its dependencies. */
export interface Kept<Answer> {
  readonly answer: Answer;
  readonly validity: Validity;
}

/** Keeps the answers to the last questions. */
export class KeptAnswers<Answer> {
  readonly #kept: LruMap<string, Kept<Answer>>;

  /** @param max the largest number of answers, from 1 */
  constructor(max: number) {
    this.#kept = new LruMap(max);
  }

  /** Returns true if an answer to a question is kept, even an invalid one. */
  has(question: string): boolean {
    return this.#kept.has(question);
  }

  /** Returns the valid answer to a question. Deletes an invalid one. */
  get(question: string): Kept<Answer> | undefined {
    const kept = this.#kept.get(question);
    if (kept?.validity.isCurrent === true) return kept;
    this.#kept.delete(question);
    return undefined;
  }

  /** Keeps an answer. It becomes the newest one. */
  set(question: string, kept: Kept<Answer>): void {
    this.#kept.set(question, kept);
  }
}

function isUnchanged(dependency: Dependency): boolean {
  switch (dependency.on) {
    case "files":
      return dependency.set.isSettledAs(dependency.snapshot);
    case "changes":
      return dependency.set.isWatched && dependency.set.version === dependency.version;
    case "inodes":
      for (const [path, text] of dependency.files) {
        if (dependency.signatures.ofVisible(path)?.text !== text) return false;
      }
      return true;
    case "folder":
      return realFolder(dependency.path) === dependency.real;
    case "project":
      dependency.project.sync();
      return dependency.project.changes === dependency.changes;
    case "runs":
      for (const [key, count] of dependency.beginnings) {
        if (dependency.history.beginnings(key) !== count) return false;
      }
      return true;
    case "outside":
      return dependency.state.isUnchanged;
    case "builds":
      return dependency.inProgress.size === 0;
  }
}

/** Returns true if every change of a dependency makes the project's counter of changes grow. */
function isReported(dependency: Dependency): boolean {
  switch (dependency.on) {
    case "files":
      return dependency.set.isSettled;
    case "changes":
      return dependency.set.isWatched;
    case "project":
      return true;
    case "folder":
      return dependency.path === dependency.real;
    case "inodes":
    case "outside":
    case "runs":
    case "builds":
      return false;
  }
}
