/**
 * Remembers which outputs match their cached results, so that a hot run skips the comparison.
 *
 * A watch on a folder reports every change of its files, except writes through a hard link in
 * another folder. Each output is therefore guarded: a watch on its inode reports new hard links.
 * Files that have several links already, or that cannot be guarded, are compared by their inodes on
 * each lookup.
 *
 * @module
 */

import { joinPath } from "../../system/files/files.ts";
import type { TreeSignatures } from "../../system/files/tree_signature.ts";
import type { FileSet } from "../inputs/file_set.ts";
import type { FolderWatcher } from "../inputs/folder_watcher.ts";
import type { OutputEntry, StoredResult } from "../store/result.ts";
import { type Kept, Validity } from "../validity.ts";

/** Signatures of files whose changes may go unreported, by absolute path. */
type UnseenFiles = ReadonlyMap<string, string>;

/** State of outputs when they were compared with a cached result. */
interface Comparison {
  readonly outputs: FileSet;
  /** Version of `outputs`. */
  readonly version: number;
  /** Signatures from before the comparison. */
  readonly unseen: UnseenFiles;
}

/** The verified outputs of a project's tasks. */
export class VerifiedOutputs {
  readonly #watcher: Pick<FolderWatcher, "guard">;
  readonly #signatures: TreeSignatures;
  /** The result that each task's outputs match. */
  readonly #verified = new Map<string, Kept<StoredResult>>();

  constructor(watcher: Pick<FolderWatcher, "guard">, signatures: TreeSignatures) {
    this.#watcher = watcher;
    this.#signatures = signatures;
  }

  /**
   * Guards output files. Call it before they are compared.
   *
   * @param outputs their paths are relative to the folder
   * @returns the files that could not be guarded; `undefined` if even their signatures could miss a
   *   later change
   */
  guard(folder: string, outputs: readonly OutputEntry[]): UnseenFiles | undefined {
    const unseen = new Map<string, string>();
    for (const output of outputs) {
      if (output.kind !== "file") continue;
      const path = joinPath(folder, output.path);
      const isGuarded = this.#watcher.guard(path);
      // A link that was made before the guard shows only in the inode.
      const signature = this.#signatures.ofVisible(path);
      if (signature === undefined || (isGuarded && !signature.isShared)) continue;
      if (signature.isRecent) return undefined;
      unseen.set(path, signature.text);
    }
    return unseen;
  }

  /**
   * Records that a task's outputs match a result.
   *
   * @param key the task's key
   */
  add(key: string, result: StoredResult, { outputs, version, unseen }: Comparison): void {
    const changes = { on: "changes", set: outputs, version } as const;
    const inodes = { on: "inodes", files: unseen, signatures: this.#signatures } as const;
    const validity = unseen.size === 0 ? new Validity(changes) : new Validity(changes, inodes);
    this.#verified.set(key, { answer: result, validity });
  }

  /** Forgets a task's outputs, because the task is about to run. */
  remove(key: string): void {
    this.#verified.delete(key);
  }

  /** Returns the result that a task's outputs match, or `undefined` if they must be compared. */
  of(key: string): StoredResult | undefined {
    const verified = this.#verified.get(key);
    return verified?.validity.isCurrent === true ? verified.answer : undefined;
  }

  /** Returns true if every change of the outputs that match a result is reported. */
  isReported(key: string): boolean {
    return this.#verified.get(key)?.validity.isReported === true;
  }
}
