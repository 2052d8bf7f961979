/**
 * Walks the folders of a file set, and has them watched on the way.
 *
 * @module
 */

import type { FilePatterns } from "./file_patterns.ts";
import type { FolderWatcher, WatchedSet } from "./folder_watcher.ts";
import type { Sliced } from "./pace.ts";
import { type Found, walk } from "./walk.ts";

/** Result of a walk whose folders are watched. */
export interface WatchedWalk {
  readonly found: Found;
  /** Folders that were listed. */
  readonly folders: ReadonlySet<string>;
  /** Paths that are watched for the set. */
  readonly watched: ReadonlySet<string>;
  /** True if every later change in the folders is reported. */
  readonly isWatched: boolean;
}

/**
 * Walks the folders of a set. Each folder is watched before it is listed, so that no change is lost.
 *
 * @param waits true if large folders are read in another thread
 */
export function* walkWatched(
  set: WatchedSet & { readonly patterns: FilePatterns },
  watcher: FolderWatcher,
  waits: boolean,
): Sliced<WatchedWalk> {
  const { patterns } = set;
  patterns.refresh?.();
  const folders = new Set<string>();
  const watched = new Set<string>();
  let isWatched = true;
  const watch = (path: string): void => {
    if (watched.has(path)) return;
    watched.add(path);
    isWatched = watcher.watch(set, path) && isWatched;
  };
  for (const base of patterns.bases) watch(base);
  const enter = (folder: string): void => {
    folders.add(folder);
    watch(folder);
  };
  const found = yield* walk(patterns, { enter, waits });
  return { found, folders, watched, isWatched: isWatched && !found.hasLinkedFolders };
}
