/**
 * Records which tasks have any result in a store, as one empty file for each task. A task without a
 * file is a miss, which is known without hashing its inputs.
 *
 * @module
 */

import { sha256Hex } from "../../system/files/digest.ts";
import {
  ensureFolder,
  fileKind,
  inFolder,
  joinPath,
  listFolder,
} from "../../system/files/files.ts";
import { lookForRegular, removeAnything } from "../../system/files/regular_file.ts";
import { treeEntry, writeNewFile } from "../../system/files/tree.ts";

/** The tasks that have results in a store. */
export class KeptTasks {
  readonly #folder: string;
  /**
   * Tasks that have had results. A stale entry is harmless: the lookup of its results is a miss.
   */
  readonly #known = new Set<string>();
  /** Names of the files, as listed when the folder had this modification time. */
  #listed: { readonly names: Set<string>; readonly modifiedAt: number } | undefined;

  /** @param folder the folder of the files, absolute */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /**
   * Creates the folder of a new store. A store of an earlier version has results but not this
   * folder, so that every task may have results there.
   *
   * @param results the folder of the store's records
   */
  make(results: string): void {
    if (fileKind(results) === undefined) ensureFolder(this.#folder, 0o700);
  }

  /** Returns true if a task may have a result. */
  has(task: string): boolean {
    if (this.#known.has(task)) return true;
    const modifiedAt = treeEntry(this.#folder)?.modifiedAt;
    if (modifiedAt === undefined) return true;
    if (this.#listed?.modifiedAt !== modifiedAt) {
      this.#listed = { names: new Set(listFolder(this.#folder)), modifiedAt };
    }
    const isThere = this.#listed.names.has(sha256Hex(task));
    if (isThere) this.#known.add(task);
    return isThere;
  }

  /** Records that a task has a result. */
  add(task: string): void {
    if (this.#known.has(task)) return;
    const path = joinPath(this.#folder, sha256Hex(task));
    inFolder(this.#folder, () => makeEmptyFile(path));
    this.#known.add(task);
  }

  /** Removes all tasks, because the store has no results any more. */
  clear(): void {
    for (const name of listFolder(this.#folder)) removeAnything(joinPath(this.#folder, name));
    this.#listed = undefined;
    this.#known.clear();
  }
}

/** Creates an empty file unless a regular file exists. Replaces anything else under its name. */
function makeEmptyFile(path: string): void {
  try {
    writeNewFile(path, new Uint8Array(0), 0o600);
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    if (lookForRegular(path).kind !== "unfit") return;
    removeAnything(path);
    writeNewFile(path, new Uint8Array(0), 0o600);
  }
}
