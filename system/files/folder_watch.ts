/**
 * Watches folders for changes of their entries. The client uses it to follow logs and to wait for a
 * server that is starting.
 *
 * @module
 */

import { baseName } from "./files.ts";

/**
 * Yields the names of entries that change directly in the watched folders. An empty name means that
 * changes were lost, so that the caller must look at all entries.
 *
 * Changes are recorded from `open` on. Iterate once. `close` ends the iteration.
 */
export class FolderWatch implements AsyncIterable<string>, Disposable {
  readonly #watcher: Deno.FsWatcher;
  #isClosed = false;

  private constructor(watcher: Deno.FsWatcher) {
    this.#watcher = watcher;
  }

  /**
   * Starts watching.
   *
   * @returns `undefined` if the limit of watches is reached, or the file system can't be watched
   * @throws {Deno.errors.NotFound} if a folder is missing
   */
  static open(folders: readonly string[]): FolderWatch | undefined {
    try {
      return new FolderWatch(Deno.watchFs([...folders], { recursive: false }));
    } catch (error) {
      // Deno reports inotify's limits, and file systems without watches, as plain errors.
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

  /** Stops watching. Safe to call twice. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#watcher.close();
  }

  /** Same as `close`. */
  [Symbol.dispose](): void {
    this.close();
  }
}
