/**
 * Removes the files of old builds when a project exceeds its limits. The server does so
 * periodically, in slices, because its loop is blocked meanwhile. Builds in progress keep their files.
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

/** Limits for the builds of a project. The newest build is retained in any case. */
interface BuildLimits {
  /** The number of builds. */
  readonly builds: number;
  /** The total size of their journals and logs, in bytes. */
  readonly bytes: number;
}

/** The limits of a project. */
const BUILD_LIMITS: BuildLimits = { builds: 50, bytes: 256 * 1024 ** 2 };

/**
 * The number of files that are measured or removed in one slice. The server's loop waits for it.
 */
const FILES_AT_ONCE = 2000;

/** Removes builds that exceed the limits. */
export class BuildRetention {
  readonly #folders: BuildFolders;
  readonly #log: Logger;
  readonly #limits: BuildLimits;
  /** The sizes of completed builds, by their ids. */
  readonly #sizes = new Map<string, FolderSize>();
  #isDue = false;
  #hasFailed = false;

  /** @param folders the folders that contain the files of builds */
  constructor(folders: BuildFolders, log: Logger, limits: BuildLimits = BUILD_LIMITS) {
    this.#folders = folders;
    this.#log = log;
    this.#limits = limits;
  }

  /** Notes that a build has ended, so that the limits may be exceeded. */
  built(): void {
    this.#isDue = true;
  }

  /**
   * Removes the builds that exceed the limits, or the next slice of them.
   *
   * @param inProgress ids of the builds in progress; they stay
   * @returns true if there is nothing left to do
   */
  prune(inProgress: ReadonlySet<string> = new Set()): boolean {
    if (!this.#isDue) return true;
    this.#isDue = false;
    try {
      this.#isDue = !this.#removeSome(inProgress);
      this.#hasFailed = false;
    } catch (error) {
      if (!isSystemError(error)) throw error;
      if (!this.#hasFailed) this.#log.log("warn", `Cannot remove old builds: ${error.message}`);
      this.#hasFailed = true;
    }
    return !this.#isDue;
  }

  /** Returns true if there is nothing left to do. */
  #removeSome(inProgress: ReadonlySet<string>): boolean {
    const newestFirst = keptBuilds(this.#folders).filter((id) => !inProgress.has(id)).reverse();
    const { builds, bytes } = this.#limits;
    for (const id of newestFirst.splice(Math.max(1, builds))) this.#remove(id);
    // A journal contains everything that the logs contain. If twice the journals' size is within
    // the limit, the logs need not be measured.
    const journals = newestFirst.reduce((sum, id) => sum + journalSize(id, this.#folders), 0);
    return 2 * journals <= bytes || this.#removeBySize(newestFirst);
  }

  /** Goes from the newest build to the oldest one. Returns true if it has reached the end. */
  #removeBySize(newestFirst: readonly string[]): boolean {
    let [files, bytes, isFull] = [0, 0, false];
    for (const [index, id] of newestFirst.entries()) {
      if (files > FILES_AT_ONCE) return false;
      const known = this.#sizes.get(id);
      const size = known ?? buildSize(id, this.#folders);
      if (known === undefined) files += size.files;
      this.#sizes.set(id, size);
      bytes += size.bytes;
      // All builds older than the first one that exceeds the limit are removed, however small they
      // are.
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
