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
import type { FileSet, FolderWatcher } from "../inputs/file_set.ts";
import type { OutputEntry, StoredResult } from "../store/result.ts";

/** Signatures of files whose changes may go unreported, by absolute path. */
type UnseenFiles = ReadonlyMap<string, string>;

/** Outputs that matched a cached result. */
export interface Verified {
  readonly fingerprint: string;
  readonly result: StoredResult;
  /** The version of the outputs' file set at the time of the comparison. */
  readonly version: number;
  /** Signatures from before the comparison. */
  readonly unseen: UnseenFiles;
}

/** The verified outputs of a project's tasks. */
export class VerifiedOutputs {
  readonly #watcher: Pick<FolderWatcher, "guard">;
  readonly #signatures: TreeSignatures;
  readonly #verified = new Map<string, Verified>();

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
   * Marks a task's outputs as verified.
   *
   * @param key the task's key
   */
  add(key: string, verified: Verified): void {
    this.#verified.set(key, verified);
  }

  /** Forgets a task's outputs, because the task is about to run. */
  remove(key: string): void {
    this.#verified.delete(key);
  }

  /** Returns a task's verified outputs, or `undefined` if they must be compared. */
  of(key: string, outputs: FileSet | undefined): Verified | undefined {
    const verified = this.#verified.get(key);
    if (verified === undefined || outputs?.isWatched !== true) return undefined;
    const { version, unseen } = verified;
    return version === outputs.version && (unseen.size === 0 || this.#areSame(unseen))
      ? verified
      : undefined;
  }

  #areSame(unseen: UnseenFiles): boolean {
    for (const [path, text] of unseen) {
      if (this.#signatures.ofVisible(path)?.text !== text) return false;
    }
    return true;
  }
}
