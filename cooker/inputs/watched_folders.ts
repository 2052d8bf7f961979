/**
 * Assigns the kernel's watches to the file sets that need them: watches folders and the folders that
 * lead to them, and passes each event on to the sets that it concerns.
 *
 * @module
 */

import {
  baseName,
  isSystemError,
  joinPath,
  parentFolder,
  pathInside,
  realPath,
  visibleKind,
} from "../../system/files/files.ts";
import { fileFacts, isSameFolder } from "../../system/files/file_signature.ts";
import { type FolderEvent, type Inotify, watchLimit } from "../../system/files/inotify.ts";
import type { WatchedSet } from "./folder_watcher.ts";

/** A folder that the kernel watches. */
interface WatchedFolder {
  readonly watch: number;
  /** Sets that need the events of every entry. */
  readonly sets: Set<WatchedSet>;
  /** Sets that need the events of one entry: the next component on the way to their paths. */
  readonly passing: Map<string, Set<WatchedSet>>;
}

/**
 * Divisor of the user's watches for the share that files may take, because editors need watches,
 * too. Files beyond this share are checked for each run.
 */
const GUARD_SHARE = 4;

/** Options of {@linkcode WatchedFolders}. */
interface WatchedFoldersOptions {
  /** The project's root folder, absolute, with links resolved. */
  readonly root: string;
  /** The open source of changes. Its owner closes it. */
  readonly queue: Inotify;
  /** Receives the reason why a folder cannot be watched. */
  readonly note: (reason: "watches" | "fileSystem" | "unreadable") => void;
  /** Receives the number of changes that concern a set. */
  readonly changed: (count: number) => void;
}

/** The folders that one queue watches. */
export class WatchedFolders {
  readonly #options: WatchedFoldersOptions;
  readonly #mostGuards = watchLimit() / GUARD_SHARE;
  readonly #folders = new Map<string, WatchedFolder>();
  readonly #foldersOf = new Map<WatchedSet, Set<string>>();
  readonly #paths = new Map<number, string>();
  /** Files whose inodes are watched, by their watches. */
  readonly #guarded = new Map<number, string>();

  /** @param options the project and its queue; nothing is watched before a set needs it */
  constructor(options: WatchedFoldersOptions) {
    this.#options = options;
  }

  /** Number of watched folders. */
  get size(): number {
    return this.#folders.size;
  }

  /**
   * Watches a path for a set, even if the path does not exist, and the folders that lead to it.
   *
   * @returns true if every change will be reported
   */
  watch(set: WatchedSet, path: string): boolean {
    const { root } = this.#options;
    if (pathInside(root, path) === undefined) return false;
    let next: string | undefined;
    let isLowest = true;
    for (let folder = path;; folder = parentFolder(folder)) {
      // A watched path was a folder of its own when its watch began. If that changes, an event
      // reports it.
      const isKnown = this.#folders.has(folder);
      if (isKnown || visibleKind(folder) === "folder") {
        // The folders behind a link are not those that lead to the link.
        if (isLowest && !isKnown && !isItself(folder)) return false;
        isLowest = false;
        if (!this.#watchFolder(set, folder, next)) return false;
      } else if (isHidden(folder)) {
        // The target of a link may appear or disappear in any folder. An unreadable folder cannot
        // be checked.
        return false;
      }
      if (folder === root) return true;
      next = baseName(folder);
    }
  }

  /**
   * Watches the inode of a file, which changes when the file gets another name.
   *
   * @returns true if that will be reported
   */
  guard(file: string): boolean {
    if (this.#guarded.size >= this.#mostGuards) return false;
    const watch = this.#options.queue.guard(file);
    // A watched folder has replaced the file. Its watch must not be removed as a guard.
    if (watch === undefined || this.#paths.has(watch)) return false;
    this.#guarded.set(watch, file);
    return true;
  }

  /** Stops watching all paths of a set except these. */
  retain(set: WatchedSet, paths: ReadonlySet<string>): void {
    const folders = this.#foldersOf.get(set) ?? new Set();
    const used = new Set<string>();
    for (const path of paths) {
      for (let folder = path; !used.has(folder); folder = parentFolder(folder)) {
        used.add(folder);
        if (folder === this.#options.root || folder === "/") break;
      }
    }
    for (const folder of folders) {
      if (used.has(folder)) continue;
      folders.delete(folder);
      this.#forget(set, folder);
    }
  }

  /**
   * Adds a watch for a folder. If that fails, the reason is noted, unless the folder does not
   * exist.
   */
  addWatch(folder: string): number | undefined {
    const watch = this.#options.queue.add(folder);
    if (watch === "absent") return undefined;
    if (typeof watch === "number") return watch;
    this.#options.note(watch);
    return undefined;
  }

  /** Passes an event on to the sets that it concerns. */
  receive({ watch, name, kind }: FolderEvent): void {
    const folder = this.#paths.get(watch);
    if (folder !== undefined) this.#tell(folder, name, kind);
    else this.#unguard(watch);
  }

  /**
   * Handles the event of a guarded file: its number of names, or another attribute, has changed.
   * The file is read again.
   */
  #unguard(watch: number): void {
    const file = this.#guarded.get(watch);
    if (file === undefined) return;
    this.#guarded.delete(watch);
    this.#options.queue.remove(watch);
    this.#tell(parentFolder(file), baseName(file), "content");
  }

  #tell(folder: string, name: string, kind: FolderEvent["kind"]): void {
    const watched = this.#folders.get(folder);
    if (watched === undefined) return;
    if (kind === "gone") return this.#leave(folder);
    const path = name === "" ? folder : joinPath(folder, name);
    let count = 0;
    for (const set of watched.sets) count += set.changed(path, kind) ? 1 : 0;
    for (const set of watched.passing.get(name) ?? []) {
      if (!watched.sets.has(set)) count += set.changed(path, kind) ? 1 : 0;
    }
    this.#options.changed(count);
  }

  /**
   * Stops watching a folder that is gone, and the folders below it. The kernel continues to report
   * changes of a folder that was moved away, but another folder may be at its path now.
   */
  #leave(gone: string): void {
    this.#options.changed(1);
    const sets = new Set<WatchedSet>();
    for (const [folder, watched] of this.#folders) {
      if (pathInside(gone, folder) === undefined) continue;
      for (const set of watched.sets) sets.add(set);
      for (const passing of watched.passing.values()) for (const set of passing) sets.add(set);
      this.#options.queue.remove(watched.watch);
      this.#drop(folder, watched);
    }
    for (const [watch, file] of this.#guarded) {
      if (pathInside(gone, file) === undefined) continue;
      this.#options.queue.remove(watch);
      this.#guarded.delete(watch);
    }
    for (const set of sets) set.invalidate();
  }

  /** @param next the entry whose events the set needs; absent: those of every entry */
  #watchFolder(set: WatchedSet, folder: string, next: string | undefined): boolean {
    const watched = this.#folders.get(folder) ?? this.#add(folder);
    if (watched === undefined) return false;
    if (next === undefined) watched.sets.add(set);
    else upsert(watched.passing, next).add(set);
    upsert(this.#foldersOf, set).add(folder);
    return true;
  }

  #add(folder: string): WatchedFolder | undefined {
    const watch = this.addWatch(folder);
    if (watch === undefined) return undefined;
    const known = this.#paths.get(watch);
    // The kernel has one watch for an inode, and a bind mount gives the inode a second path. Events
    // belong to the first path. Sets of the second path are checked for each run.
    if (known !== undefined && isSameFolder(known, folder)) return undefined;
    if (known !== undefined) {
      // The folder was renamed, and the event is still queued. The kernel keeps the watch of the
      // folder and those of the folders below it. Drop all of them, and watch the folder by its new
      // path.
      this.#leave(known);
      return this.#add(folder);
    }
    const watched = {
      watch,
      sets: new Set<WatchedSet>(),
      passing: new Map<string, Set<WatchedSet>>(),
    };
    this.#folders.set(folder, watched);
    this.#paths.set(watch, folder);
    return watched;
  }

  #forget(set: WatchedSet, folder: string): void {
    const watched = this.#folders.get(folder);
    if (watched === undefined) return;
    watched.sets.delete(set);
    for (const [name, sets] of watched.passing) {
      sets.delete(set);
      if (sets.size === 0) watched.passing.delete(name);
    }
    if (watched.sets.size > 0 || watched.passing.size > 0) return;
    this.#options.queue.remove(watched.watch);
    this.#drop(folder, watched);
  }

  #drop(folder: string, { watch }: WatchedFolder): void {
    this.#folders.delete(folder);
    this.#paths.delete(watch);
  }
}

/** Returns true if no component of a path is a link. */
function isItself(path: string): boolean {
  try {
    return realPath(path) === path;
  } catch (error) {
    if (isSystemError(error)) return false;
    throw error;
  }
}

/** Returns true if a path is a link, or if the system does not let this process read it. */
function isHidden(path: string): boolean {
  try {
    return fileFacts(path)?.kind === "link";
  } catch (error) {
    if (isSystemError(error)) return true;
    throw error;
  }
}

/** Returns the set for a key, and creates it if it is missing. */
function upsert<K, V>(map: Map<K, Set<V>>, key: K): Set<V> {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = new Set<V>();
  map.set(key, made);
  return made;
}
