/**
 * The interface between file sets and the watcher of their folders.
 *
 * @module
 */

/** A set of files that changes in watched folders may concern. */
export interface WatchedSet {
  /**
   * Records a change of an entry in one of the set's folders.
   *
   * @returns true if the change concerns the set
   */
  changed(path: string, kind: "content" | "entries"): boolean;
  /** Invalidates everything that is known of the set. */
  invalidate(): void;
}

/** Watches folders for file sets. */
export interface FolderWatcher {
  /**
   * Starts to watch a path for a set, even if the path does not exist, and the folders that lead to
   * it. Returns true if every change will be reported.
   */
  watch(set: WatchedSet, path: string): boolean;
  /** Stops watching all paths of a set except these. */
  retain(set: WatchedSet, paths: ReadonlySet<string>): void;
  /**
   * Has the kernel report when a file gets another name (a hard link), by which it could be written
   * unnoticed. Returns true if that will be reported.
   */
  guard(file: string): boolean;
  /** Passes on to the sets all changes that the kernel has reported. */
  drain(): void;
}
