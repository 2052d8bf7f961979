/**
 * Builds whose files are no longer kept: they are removed when no client waits for the loop.
 *
 * @module
 */

import type { FolderSize } from "../../system/files/file_size.ts";
import { isSystemError } from "../../system/files/files.ts";
import type { Logger } from "../../system/logger.ts";
import {
  type BuildFolders,
  buildSize,
  journalSize,
  keptBuilds,
  removeBuild,
} from "./build_files.ts";

/** How much is kept of a project's builds; the newest build is kept in any case. */
interface BuildLimits {
  /** Builds. */
  readonly builds: number;
  /** The journals and logs of all of them, in bytes. */
  readonly bytes: number;
}

/** The limits of a project. */
const BUILD_LIMITS: BuildLimits = { builds: 50, bytes: 256 * 1024 ** 2 };

/** Files whose sizes are asked for, or which are removed, in one go: the loop waits for it. */
const FILES_AT_ONCE = 2000;

/** Removes the files of builds that are no longer kept. */
export class OldBuilds {
  readonly #folders: BuildFolders;
  readonly #log: Logger;
  readonly #limits: BuildLimits;
  /** Sizes of builds that have ended, by their ids, in bytes. */
  readonly #sizes = new Map<string, FolderSize>();
  #isDue = false;
  #hasFailed = false;

  /** @param folders where builds are kept */
  constructor(folders: BuildFolders, log: Logger, limits: BuildLimits = BUILD_LIMITS) {
    this.#folders = folders;
    this.#log = log;
    this.#limits = limits;
  }

  /** A build has ended: there may be one too many. */
  built(): void {
    this.#isDue = true;
  }

  /**
   * Removes what is no longer kept, or the next part of it; no build may be in progress.
   *
   * @returns whether there is nothing left to do
   */
  tidy(): boolean {
    if (!this.#isDue) return true;
    this.#isDue = false;
    try {
      this.#isDue = !this.#removeSome();
      this.#hasFailed = false;
    } catch (error) {
      if (!isSystemError(error)) throw error;
      if (!this.#hasFailed) this.#log.log("warn", `Cannot remove old builds: ${error.message}`);
      this.#hasFailed = true;
    }
    return !this.#isDue;
  }

  /** Returns whether there is nothing left to do. */
  #removeSome(): boolean {
    const newestFirst = keptBuilds(this.#folders).reverse();
    const { builds, bytes } = this.#limits;
    for (const id of newestFirst.splice(Math.max(1, builds))) this.#remove(id);
    // A journal has all that the logs have: mostly, that is all there is to ask for.
    const journals = newestFirst.reduce((sum, id) => sum + journalSize(id, this.#folders), 0);
    return 2 * journals <= bytes || this.#removeBySize(newestFirst);
  }

  /** From the newest build to the oldest one. Returns whether it got to the end. */
  #removeBySize(newestFirst: readonly string[]): boolean {
    let [files, bytes, isFull] = [0, 0, false];
    for (const [index, id] of newestFirst.entries()) {
      if (files > FILES_AT_ONCE) return false;
      const known = this.#sizes.get(id);
      const size = known ?? buildSize(id, this.#folders);
      if (known === undefined) files += size.files;
      this.#sizes.set(id, size);
      bytes += size.bytes;
      // What is older than the first build that is too much goes, however small it is.
      isFull ||= index > 0 && bytes > this.#limits.bytes;
      if (!isFull) continue;
      files += size.files;
      this.#remove(id);
    }
    return true;
  }

  #remove(id: string): void {
    removeBuild(id, this.#folders);
    this.#sizes.delete(id);
  }
}
