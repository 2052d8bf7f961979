/**
 * Builds whose files are no longer kept: they are removed when nobody waits for it.
 *
 * @module
 */

import { isSystemError } from "../system/files.ts";
import type { Logger } from "../system/logger.ts";
import { type BuildFolders, removeOldBuilds } from "./build_files.ts";

/** Removes the files of builds that are no longer kept. */
export class OldBuilds {
  readonly #folders: BuildFolders;
  readonly #log: Logger;
  #isDue = false;
  #hasFailed = false;

  /** @param folders where builds are kept */
  constructor(folders: BuildFolders, log: Logger) {
    this.#folders = folders;
    this.#log = log;
  }

  /** A build has ended: there may be one too many. */
  built(): void {
    this.#isDue = true;
  }

  /** Removes what there is to remove. */
  tidy(): void {
    if (!this.#isDue) return;
    this.#isDue = false;
    try {
      removeOldBuilds(this.#folders);
      this.#hasFailed = false;
    } catch (error) {
      if (!isSystemError(error)) throw error;
      if (!this.#hasFailed) this.#log.log("warn", `Cannot remove old builds: ${error.message}`);
      this.#hasFailed = true;
    }
  }
}
