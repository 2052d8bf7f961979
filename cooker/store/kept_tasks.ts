/**
 * Which tasks have any result in a store: an empty file for each. Of a task that has none, nothing
 * has to be known to say that its result is not there.
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

/** A store's tasks. */
export class KeptTasks {
  readonly #folder: string;
  /** Tasks that have had results: looking for those of one that has none any more is no mistake. */
  readonly #known = new Set<string>();
  /** Names of the files, as they were when the folder had this time. */
  #listed: { readonly names: Set<string>; readonly modifiedAt: number } | undefined;

  /** @param folder where the files are, absolute */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Makes the folder of a new store. In one of an earlier version, every task may have results. */
  make(results: string): void {
    if (fileKind(results) === undefined) ensureFolder(this.#folder, 0o700);
  }

  /** Whether a task may have a result. */
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

  /** A task has a result from now on. */
  add(task: string): void {
    if (this.#known.has(task)) return;
    const path = joinPath(this.#folder, sha256Hex(task));
    inFolder(this.#folder, () => makeEmptyFile(path));
    this.#known.add(task);
  }

  /** There are no results any more. */
  clear(): void {
    for (const name of listFolder(this.#folder)) removeAnything(joinPath(this.#folder, name));
    this.#listed = undefined;
    this.#known.clear();
  }
}

/** Makes a file where none is. What is not a regular file is replaced. */
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
