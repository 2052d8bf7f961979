/**
 * The tracker: knows what the kernel tells of a project's folders, and which file sets it is about.
 *
 * Nothing is trusted that was not asked for: `sync` writes a cookie into the project, and only
 * where the cookie's own event comes back is everything known that was done before. Where the
 * kernel does not tell (another platform, no watches left, a network's file system, a root that was
 * renamed), sets look at their files themselves, each time.
 *
 * @module
 */

import type { Notifier } from "../../server/cooker.ts";
import {
  baseName,
  ensureFolderBelow,
  isSystemError,
  joinPath,
  parentFolder,
  pathInside,
  realPath,
  removeIfPresent,
  touchFile,
  visibleKind,
} from "../../system/files/files.ts";
import { monotonicTime } from "../../system/clock.ts";
import { fileFacts, isSameFolder } from "../../system/files/file_signature.ts";
import {
  type FolderEvent,
  Inotify,
  type OpenFailure,
  watchLimit,
} from "../../system/files/inotify.ts";
import { MountTable } from "../../system/files/mounts.ts";
import { FileSet, type FolderWatcher } from "./file_set.ts";
import { FileTable } from "./file_table.ts";
import { Pace } from "./pace.ts";
import { PathPatterns, type PatternUse } from "./patterns.ts";

/** What a tracker needs. */
interface TrackerOptions {
  /** The project's root folder, absolute, with links resolved. */
  readonly root: string;
  /** A folder in the root for cookies, absolute; it is made. */
  readonly cookies: string;
  /** Told once for each reason why files have to be looked at instead of being watched. */
  readonly note: (text: string) => void;
  /** Where changes come from; default: the kernel. `undefined` from it: no platform for it. */
  readonly openQueue?: () => Inotify | OpenFailure | undefined;
}

/** A folder that the kernel tells about. */
interface WatchedFolder {
  readonly watch: number;
  /** Sets that want to know of every entry. */
  readonly sets: Set<FileSet>;
  /** Sets that want to know of one entry: the next step on the way to what they mean. */
  readonly passing: Map<string, Set<FileSet>>;
}

const NOTES = {
  platform: "Inputs are looked at for each run: this platform does not tell of changes in order",
  instances:
    "Inputs are looked at for each run: a folder can't be watched, as this user's inotify " +
    "instances are used up (raise sysctl fs.inotify.max_user_instances)",
  descriptors:
    "Inputs are looked at for each run: a folder can't be watched, as there are no file " +
    "descriptors left (raise 'ulimit -n')",
  watches: "Inputs are looked at for each run: a folder can't be watched, as this user's inotify " +
    "watches are used up (raise sysctl fs.inotify.max_user_watches)",
  fileSystem: "Inputs are looked at for each run: a folder can't be watched, as its file system " +
    "does not tell of every change",
  unreadable: "Inputs are looked at for each run: a folder can't be watched, as it can't be read",
  cookie: "Inputs were looked at again: the project's folder was replaced",
  place: "Inputs are looked at for each run: nothing can be written into .simmer/cookies",
  overflow: "Inputs were looked at again: there were more changes than the kernel keeps",
} as const;

/** Reasons why there is no queue. */
const OPENING = ["instances", "descriptors"] as const;

/**
 * The user's watches divided by those that files may take: editors need some, too. Files beyond are
 * looked at for each run.
 */
const GUARD_SHARE = 4;

/** Milliseconds after which what was told is worth asking for, where many ask. */
const DUE_MS = 1;

/** Keeps file sets up to date. */
export class InputTracker implements Notifier, FolderWatcher {
  readonly #options: TrackerOptions;
  readonly #table = new FileTable();
  /** The pace of all work on inputs. */
  readonly pace: Pace = new Pace();
  readonly #sets = new Map<string, FileSet | undefined>();
  readonly #folders = new Map<string, WatchedFolder>();
  readonly #foldersOf = new Map<FileSet, Set<string>>();
  readonly #paths = new Map<number, string>();
  /** Files whose inodes are watched, by the watch. */
  readonly #guarded = new Map<number, string>();
  readonly #mounts: MountTable;
  #mostGuards = 0;
  readonly #notes = new Set<string>();
  #queue: Inotify | undefined;
  #cookieWatch: number | undefined;
  #cookies = 0;
  #changes = 0;
  #drainedAt = -Infinity;
  #isStopped = false;

  /** @param options nothing is watched before a set is asked for */
  constructor(options: TrackerOptions) {
    this.#options = options;
    this.#mounts = new MountTable(options.root);
  }

  /** Lines about what can't be watched, for `status`. */
  get notes(): readonly string[] {
    return [...this.#notes];
  }

  /** Grows whenever something was told that a set is about. */
  get changes(): number {
    return this.#changes;
  }

  /** How many folders are watched. */
  get watchedFolders(): number {
    return this.#folders.size;
  }

  /**
   * The set of files that entries mean; for the same arguments the same set.
   *
   * @param folder what the entries are relative to, absolute
   * @param use decides which folders the set passes over
   * @returns `undefined` where an entry is no valid pattern
   */
  set(folder: string, entries: readonly string[], use: PatternUse = "files"): FileSet | undefined {
    const key = JSON.stringify([use, folder, ...entries]);
    if (!this.#sets.has(key)) {
      const patterns = PathPatterns.parse(folder, entries, use);
      const options = { table: this.#table, watcher: this, pace: this.pace };
      const set = patterns && new FileSet(patterns, options);
      this.#sets.set(key, set);
    }
    return this.#sets.get(key);
  }

  /** Makes sure that everything is known that was done before this call. */
  sync(): void {
    if (this.#isStopped) return;
    // What is below a mount that has come is told of nowhere.
    if (this.#mounts.hasChanged()) this.#close();
    this.#open();
    if (this.#queue === undefined) return;
    const name = `cookie-${++this.#cookies}`;
    const path = joinPath(this.#options.cookies, name);
    if (!this.#canWrite(() => touchFile(path))) return this.#close();
    const hasCome = this.#drain(name);
    removeIfPresent(path);
    if (hasCome) return;
    // Another folder is at the root's path: what is watched is somewhere else now.
    if (this.#cookieWatch !== undefined) this.#note("cookie");
    this.#reopen();
  }

  /** As `drain`, but for what was told within the last millisecond. */
  drainIfDue(): void {
    if (monotonicTime() - this.#drainedAt >= DUE_MS) this.drain();
  }

  /** Takes in what has been told since the last time. */
  drain(): void {
    this.#drain(undefined);
  }

  watch(set: FileSet, path: string): boolean {
    const { root } = this.#options;
    if (this.#queue === undefined || pathInside(root, path) === undefined) return false;
    let next: string | undefined;
    let isLowest = true;
    for (let folder = path;; folder = parentFolder(folder)) {
      // What is watched was a folder of its own when that began; that it is none any more is told.
      const isKnown = this.#folders.has(folder);
      if (isKnown || visibleKind(folder) === "folder") {
        // Behind a link there are other folders than those that lead to it.
        if (isLowest && !isKnown && !isItself(folder)) return false;
        isLowest = false;
        if (!this.#watchFolder(set, folder, next)) return false;
      } else if (isHidden(folder)) {
        // A link's target may come and go anywhere; the other folder can't be looked at.
        return false;
      }
      if (folder === root) return true;
      next = baseName(folder);
    }
  }

  guard(file: string): boolean {
    if (this.#queue === undefined || this.#guarded.size >= this.#mostGuards) return false;
    const watch = this.#queue.guard(file);
    // A watched folder has taken the file's place: its watch must not be removed as a guard.
    if (watch === undefined || this.#paths.has(watch)) return false;
    this.#guarded.set(watch, file);
    return true;
  }

  retain(set: FileSet, paths: ReadonlySet<string>): void {
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

  /** Stops watching; sets look at their files themselves from now on. */
  stop(): void {
    this.#isStopped = true;
    this.#close();
    this.#table.close();
  }

  #open(): void {
    if (this.#queue !== undefined) return;
    const { openQueue = Inotify.open, cookies } = this.#options;
    if (!this.#canWrite()) return;
    const queue = openQueue();
    if (!(queue instanceof Inotify)) return this.#note(queue ?? "platform");
    // What was in the way is no longer.
    for (const reason of OPENING) this.#notes.delete(NOTES[reason]);
    this.#queue = queue;
    this.#mostGuards = watchLimit() / GUARD_SHARE;
    this.#cookieWatch = this.#addWatch(cookies);
    if (this.#cookieWatch === undefined) this.#close();
  }

  /** A watch of a folder; why there is none is noted, unless the folder is gone. */
  #addWatch(folder: string): number | undefined {
    const watch = this.#queue?.add(folder);
    if (watch === undefined || watch === "absent") return undefined;
    if (typeof watch === "number") return watch;
    this.#note(watch);
    return undefined;
  }

  /** Whether there can be cookies: without them, nobody knows when all changes have been told. */
  #canWrite(work: () => void = () => {}): boolean {
    const { root, cookies } = this.#options;
    try {
      ensureFolderBelow(root, cookies, 0o700);
      work();
      return true;
    } catch (error) {
      if (!isSystemError(error)) throw error;
      this.#note("place");
      return false;
    }
  }

  #reopen(): void {
    this.#close();
    this.#open();
  }

  #close(): void {
    this.#queue?.close();
    this.#queue = undefined;
    this.#cookieWatch = undefined;
    this.#folders.clear();
    this.#foldersOf.clear();
    this.#paths.clear();
    this.#guarded.clear();
    this.#distrustAll();
  }

  #distrustAll(): void {
    this.#table.clear();
    this.#changes++;
    for (const set of this.#sets.values()) set?.distrust();
  }

  #note(reason: keyof typeof NOTES): void {
    if (this.#notes.has(NOTES[reason])) return;
    this.#notes.add(NOTES[reason]);
    this.#options.note(NOTES[reason]);
  }

  /** @returns whether a cookie's event was among what was told */
  #drain(cookie: string | undefined): boolean {
    if (this.#queue === undefined) return false;
    const { events, isOverflown } = this.#queue.read();
    this.#drainedAt = monotonicTime();
    let hasCome = false;
    for (const { watch, name, kind } of events) {
      if (watch === this.#cookieWatch) {
        hasCome ||= name === cookie;
        continue;
      }
      const folder = this.#paths.get(watch);
      if (folder !== undefined) this.#tell(folder, name, kind);
      else this.#unguard(watch);
    }
    if (!isOverflown) return hasCome;
    this.#note("overflow");
    this.#reopen();
    return true;
  }

  /** A guarded file has another number of names, or other attributes: it is looked at again. */
  #unguard(watch: number): void {
    const file = this.#guarded.get(watch);
    if (file === undefined) return;
    this.#guarded.delete(watch);
    this.#queue?.remove(watch);
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
    this.#changes += count;
  }

  /**
   * Stops watching a folder that is gone, and those below it: of a folder that was moved away, the
   * kernel goes on to tell, but another folder may be at its path from now on.
   */
  #leave(gone: string): void {
    this.#changes++;
    const sets = new Set<FileSet>();
    for (const [folder, watched] of this.#folders) {
      if (pathInside(gone, folder) === undefined) continue;
      for (const set of watched.sets) sets.add(set);
      for (const passing of watched.passing.values()) for (const set of passing) sets.add(set);
      this.#queue?.remove(watched.watch);
      this.#drop(folder, watched);
    }
    for (const [watch, file] of this.#guarded) {
      if (pathInside(gone, file) === undefined) continue;
      this.#queue?.remove(watch);
      this.#guarded.delete(watch);
    }
    for (const set of sets) set.distrust();
  }

  /** @param next the entry that it is about; absent: every one */
  #watchFolder(set: FileSet, folder: string, next: string | undefined): boolean {
    const watched = this.#folders.get(folder) ?? this.#add(folder);
    if (watched === undefined) return false;
    if (next === undefined) watched.sets.add(set);
    else upsert(watched.passing, next).add(set);
    upsert(this.#foldersOf, set).add(folder);
    return true;
  }

  #add(folder: string): WatchedFolder | undefined {
    const watch = this.#addWatch(folder);
    if (watch === undefined) return undefined;
    const known = this.#paths.get(watch);
    // The kernel has one watch for an inode, and a bind mount gives it a second path. Events belong to
    // the first path; sets of the second are looked at for each run.
    if (known !== undefined && isSameFolder(known, folder)) return undefined;
    if (known !== undefined) {
      // The folder was renamed and the event is still queued. The kernel keeps the watch, and those of
      // the folders below it: drop all of them, and watch the folder by its new path.
      this.#leave(known);
      return this.#add(folder);
    }
    const watched = { watch, sets: new Set<FileSet>(), passing: new Map<string, Set<FileSet>>() };
    this.#folders.set(folder, watched);
    this.#paths.set(watch, folder);
    return watched;
  }

  #forget(set: FileSet, folder: string): void {
    const watched = this.#folders.get(folder);
    if (watched === undefined) return;
    watched.sets.delete(set);
    for (const [name, sets] of watched.passing) {
      sets.delete(set);
      if (sets.size === 0) watched.passing.delete(name);
    }
    if (watched.sets.size > 0 || watched.passing.size > 0) return;
    this.#queue?.remove(watched.watch);
    this.#drop(folder, watched);
  }

  #drop(folder: string, { watch }: WatchedFolder): void {
    this.#folders.delete(folder);
    this.#paths.delete(watch);
  }
}

/** Whether no link is on a path. */
function isItself(path: string): boolean {
  try {
    return realPath(path) === path;
  } catch (error) {
    if (isSystemError(error)) return false;
    throw error;
  }
}

/** Whether a path is a link, or the system does not let this process look at it. */
function isHidden(path: string): boolean {
  try {
    return fileFacts(path)?.kind === "link";
  } catch (error) {
    if (isSystemError(error)) return true;
    throw error;
  }
}

/** The set under a key, made where it is missing. */
function upsert<K, V>(map: Map<K, Set<V>>, key: K): Set<V> {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = new Set<V>();
  map.set(key, made);
  return made;
}
