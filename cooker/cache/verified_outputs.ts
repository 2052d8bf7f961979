/**
 * Outputs that are known to be in the working tree as results have them, so that they need not be
 * compared again.
 *
 * The kernel tells of changes of a folder's entries. A file that has another name, or gets one, can be
 * written without a word: it is guarded, so that the kernel tells of further names, or else its inode
 * is compared each time.
 *
 * @module
 */

import { joinPath } from "../../system/files.ts";
import type { TreeSignatures } from "../../system/tree_signature.ts";
import type { FileSet, FolderWatcher } from "../inputs/file_set.ts";
import type { StoredResult } from "../store/result.ts";

/** Signatures of files that can be written without a word of the kernel's, by absolute paths. */
export type UnseenFiles = ReadonlyMap<string, string>;

/** What was compared. */
export interface Verified {
  readonly fingerprint: string;
  readonly result: StoredResult;
  /** The version of the outputs' set that was compared. */
  readonly version: number;
  /** As they were before the outputs were compared. */
  readonly unseen: UnseenFiles;
}

/** Knows which tasks' outputs have been compared, and not been changed since. */
export class VerifiedOutputs {
  readonly #watcher: Pick<FolderWatcher, "guard">;
  readonly #signatures: TreeSignatures;
  readonly #verified = new Map<string, Verified>();

  constructor(watcher: Pick<FolderWatcher, "guard">, signatures: TreeSignatures) {
    this.#watcher = watcher;
    this.#signatures = signatures;
  }

  /**
   * Guards files that are about to be compared.
   *
   * @param paths relative to the folder; what is no file is passed over
   * @returns `undefined` if a change from now on could go unnoticed
   */
  guard(folder: string, paths: Iterable<string>): UnseenFiles | undefined {
    const unseen = new Map<string, string>();
    for (const each of paths) {
      const path = joinPath(folder, each);
      if (this.#signatures.ofVisible(path)?.kind !== "file") continue;
      const isGuarded = this.#watcher.guard(path);
      // Of a name that came before the guard, only the inode tells.
      const signature = this.#signatures.ofVisible(path);
      if (signature === undefined || (isGuarded && !signature.isShared)) continue;
      if (signature.isRecent) return undefined;
      unseen.set(path, signature.text);
    }
    return unseen;
  }

  /**
   * Takes note of a task whose outputs have been compared.
   *
   * @param key the task's
   */
  add(key: string, verified: Verified): void {
    this.#verified.set(key, verified);
  }

  /** A task's outputs may be others from now on. */
  remove(key: string): void {
    this.#verified.delete(key);
  }

  /** What a task's outputs are known to be now; `undefined` if they have to be compared. */
  of(key: string, outputs: FileSet | undefined): Verified | undefined {
    const verified = this.#verified.get(key);
    if (verified === undefined || outputs?.isWatched !== true) return undefined;
    return verified.version === outputs.version && this.#areSame(verified.unseen)
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
