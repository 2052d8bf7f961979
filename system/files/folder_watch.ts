/**
 * Watching folders for changes of their entries.
 *
 * @module
 */

import { baseName } from "./files.ts";

/**
 * The names of what changes in folders (not below them), as it changes. An empty name says that
 * changes were lost: look at everything.
 *
 * It watches from `open` on; iterate over it once, and close it, which ends the iteration.
 */
export class FolderWatch implements AsyncIterable<string>, Disposable {
  readonly #watcher: Deno.FsWatcher;
  #isClosed = false;

  private constructor(watcher: Deno.FsWatcher) {
    this.#watcher = watcher;
  }

  /**
   * Begins to watch.
   *
   * @returns `undefined` where the system can watch no more, or not at all there
   * @throws {Deno.errors.NotFound} where there is no such folder
   */
  static open(folders: readonly string[]): FolderWatch | undefined {
    try {
      return new FolderWatch(Deno.watchFs([...folders], { recursive: false }));
    } catch (error) {
      // inotify's limits and file systems without watching come as plain errors.
      if (error instanceof Deno.errors.NotFound || !(error instanceof Error)) throw error;
      return undefined;
    }
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<string> {
    for await (const event of this.#watcher) {
      if (event.kind === "access") continue;
      if (event.flag === "rescan" || event.paths.length === 0) yield "";
      for (const path of event.paths) yield baseName(path);
    }
  }

  /** Stops watching; safe to call twice. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#watcher.close();
  }

  /** As `close`. */
  [Symbol.dispose](): void {
    this.close();
  }
}
