/**
 * Tracks changes in a project's folders. The tracker receives the kernel's inotify events and
 * passes each on to the file sets that it concerns.
 *
 * A `sync` proves that all earlier events have been received. It renames a cookie file in the
 * project, and when the cookie's own event arrives, all changes before it are known. If the kernel
 * does not report changes, sets check their files themselves each time. That is the case on another
 * platform, with no watches left, on a network file system, and if the root was renamed.
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
import { renameFile } from "../../system/files/tree.ts";
import { monotonicTime } from "../../system/clock.ts";
import { fileFacts, isSameFolder } from "../../system/files/file_signature.ts";
import {
  type FolderEvent,
  Inotify,
  type OpenFailure,
  watchLimit,
} from "../../system/files/inotify.ts";
import { MountTable } from "../../system/files/mounts.ts";
import type { FileSet } from "./file_set.ts";
import type { FolderWatcher, WatchedSet } from "./folder_watcher.ts";
import { PatternSet } from "./pattern_set.ts";
import { type ImportedFolder, ImportingSet } from "./importing_set.ts";
import { FileTable } from "./file_table.ts";
import { Pace } from "./pace.ts";
import type { PatternSpec } from "./file_patterns.ts";
import type { LockfileReader } from "../lockfiles/lockfile_input.ts";
import { patternsOf } from "./pattern_spec.ts";
import type { PatternUse } from "./patterns.ts";

/** Options of an {@linkcode InputTracker}. */
interface TrackerOptions {
  /** The project's root folder, absolute, with links resolved. */
  readonly root: string;
  /** Folder in the root for cookies, absolute. The tracker creates it. */
  readonly cookies: string;
  /** Called once for each reason why files have to be checked instead of being watched. */
  readonly note: (text: string) => void;
  /**
   * Opens the source of changes; default: the kernel. It returns `undefined` if the platform has
   * none.
   */
  readonly openQueue?: () => Inotify | OpenFailure | undefined;
  /** Returns what counts of a lockfile. If absent, lockfiles count as a whole. */
  readonly readLockfile?: LockfileReader;
}

/** A folder that the kernel watches. */
interface WatchedFolder {
  readonly watch: number;
  /** Sets that need the events of every entry. */
  readonly sets: Set<WatchedSet>;
  /** Sets that need the events of one entry: the next component on the way to their paths. */
  readonly passing: Map<string, Set<WatchedSet>>;
}

const NOTES = {
  platform: "Inputs are checked on each run: this platform does not report changes in order",
  instances: "Inputs are checked on each run: a folder cannot be watched: this user's inotify " +
    "instances are used up (raise sysctl fs.inotify.max_user_instances)",
  descriptors: "Inputs are checked on each run: a folder cannot be watched: there are no file " +
    "descriptors left (raise 'ulimit -n')",
  watches: "Inputs are checked on each run: a folder cannot be watched: this user's inotify " +
    "watches are used up (raise sysctl fs.inotify.max_user_watches)",
  fileSystem: "Inputs are checked on each run: a folder cannot be watched: its file system " +
    "does not report every change",
  unreadable: "Inputs are checked on each run: a folder cannot be watched: it cannot be read",
  cookie: "Inputs were checked again: the project's folder was replaced",
  place: "Inputs are checked on each run: simmer cannot write to .simmer/cookies",
  overflow: "Inputs were checked again: more changes occurred than the kernel can queue",
} as const;

/** Reasons for which the inotify queue cannot be opened. */
const OPENING = ["instances", "descriptors"] as const;

/**
 * Divisor of the user's watches for the share that files may take, because editors need watches,
 * too. Files beyond this share are checked for each run.
 */
const GUARD_SHARE = 4;

/**
 * The cookie's names. A `sync` renames the cookie from one to the other. That takes 8 us; creating
 * and removing a file takes 65 us.
 */
const COOKIES = ["cookie-0", "cookie-1"] as const;

/** Milliseconds between two reads of the queue by {@linkcode InputTracker.drainIfDue}. */
const DUE_MS = 1;

/** Number of sets of imported folders that are kept for one set: a package may have tasks that differ. */
const MAX_IMPORTING = 4;

/** Keeps file sets up to date. */
export class InputTracker implements Notifier, FolderWatcher {
  readonly #options: TrackerOptions;
  readonly #table = new FileTable();
  /** The pace of all work on inputs. */
  readonly pace: Pace = new Pace();
  readonly #sets = new Map<string, PatternSet | undefined>();
  readonly #importing = new WeakMap<PatternSet, readonly ImportingSet[]>();
  readonly #folders = new Map<string, WatchedFolder>();
  readonly #foldersOf = new Map<WatchedSet, Set<string>>();
  readonly #paths = new Map<number, string>();
  /** Files whose inodes are watched, by their watches. */
  readonly #guarded = new Map<number, string>();
  readonly #mounts: MountTable;
  #mostGuards = 0;
  readonly #notes = new Set<string>();
  #queue: Inotify | undefined;
  #cookieWatch: number | undefined;
  #cookie: string = COOKIES[0];
  #changes = 0;
  #drainedAt = -Infinity;
  #isStopped = false;

  /** @param options the project; nothing is watched before a set is requested */
  constructor(options: TrackerOptions) {
    this.#options = options;
    this.#mounts = new MountTable(options.root);
  }

  /** Lines about what cannot be watched, for `status`. */
  get notes(): readonly string[] {
    return [...this.#notes];
  }

  /** Counter that grows with each reported change that concerns a set. */
  get changes(): number {
    return this.#changes;
  }

  /** Number of watched folders. */
  get watchedFolders(): number {
    return this.#folders.size;
  }

  /**
   * Returns the set of files that a declaration selects. The same arguments give the same set.
   *
   * @param folder the folder to which the declaration is relative, absolute
   * @param spec entries, or a declaration in several languages
   * @param use decides which folders the set skips
   * @returns `undefined` if an entry is not a valid pattern
   */
  set(
    folder: string,
    spec: readonly string[] | PatternSpec,
    use: PatternUse = "files",
  ): PatternSet | undefined {
    const key = JSON.stringify([use, folder, spec]);
    if (!this.#sets.has(key)) {
      const whole = isEntries(spec) ? { entries: spec } : spec;
      const patterns = patternsOf(folder, whole, use);
      const options = {
        root: this.#options.root,
        table: this.#table,
        watcher: this,
        pace: this.pace,
        ...this.#partsOf(folder, whole),
      };
      const set = patterns && new PatternSet(patterns, options);
      this.#sets.set(key, set);
    }
    return this.#sets.get(key);
  }

  /**
   * Returns a set of files together with those of imported folders. The same arguments give the same
   * set.
   */
  importing(own: PatternSet, imported: readonly ImportedFolder[]): FileSet {
    if (imported.length === 0) return own;
    const known = this.#importing.get(own)?.find((each) => each.has(imported));
    if (known !== undefined) return known;
    const set = new ImportingSet(own, {
      imported,
      setOf: ({ folder, entries }) => {
        const part = this.set(folder, entries);
        if (part === undefined) throw new RangeError(`Invalid entries of ${folder}: ${entries}`);
        return part;
      },
      changes: () => this.#changes,
    });
    // A set has other imported folders only after an edit of the config.
    this.#importing.set(own, [set, ...(this.#importing.get(own) ?? [])].slice(0, MAX_IMPORTING));
    return set;
  }

  /** Returns the reader of the files of a declaration of which only a part counts. */
  #partsOf(
    folder: string,
    { lockfiles = [] }: PatternSpec,
  ): Pick<ConstructorParameters<typeof PatternSet>[1], "partOf"> {
    const { readLockfile } = this.#options;
    if (lockfiles.length === 0 || readLockfile === undefined) return {};
    const inputs = new Map(lockfiles.map((each) => [joinPath(folder, each.path), each]));
    return {
      partOf: (path) => {
        const input = inputs.get(path);
        return input && ((content) => readLockfile(input, path, content));
      },
    };
  }

  /** Receives the events of everything that was done before this call. */
  sync(): void {
    if (this.#isStopped) return;
    // The kernel does not report files below a new mount.
    if (this.#mounts.hasChanged()) this.#close();
    this.#open();
    if (this.#queue === undefined) return;
    // The queue may hold events of the cookie that another process has caused.
    this.drain();
    const before = this.#cookiePath;
    this.#cookie = this.#cookie === COOKIES[0] ? COOKIES[1] : COOKIES[0];
    if (!this.#canWrite(() => moveOrMake(before, this.#cookiePath))) return this.#close();
    if (this.#drain(this.#cookie)) return;
    // Another folder is at the root's path now, and the watched folder is elsewhere.
    if (this.#cookieWatch !== undefined) this.#note("cookie");
    this.#reopen();
  }

  /** Calls `drain`, unless the queue was read within the last millisecond. */
  drainIfDue(): void {
    if (monotonicTime() - this.#drainedAt >= DUE_MS) this.drain();
  }

  /** Receives the events since the last call. */
  drain(): void {
    this.#drain(undefined);
  }

  watch(set: WatchedSet, path: string): boolean {
    const { root } = this.#options;
    if (this.#queue === undefined || pathInside(root, path) === undefined) return false;
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

  guard(file: string): boolean {
    if (this.#queue === undefined || this.#guarded.size >= this.#mostGuards) return false;
    const watch = this.#queue.guard(file);
    // A watched folder has replaced the file. Its watch must not be removed as a guard.
    if (watch === undefined || this.#paths.has(watch)) return false;
    this.#guarded.set(watch, file);
    return true;
  }

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

  /** Stops watching. From now on, sets check their files themselves. */
  stop(): void {
    this.#isStopped = true;
    if (this.#queue !== undefined) removeIfPresent(this.#cookiePath);
    this.#close();
    this.#table.close();
  }

  get #cookiePath(): string {
    return joinPath(this.#options.cookies, this.#cookie);
  }

  #open(): void {
    if (this.#queue !== undefined) return;
    const { openQueue = Inotify.open, cookies } = this.#options;
    if (!this.#canWrite()) return;
    const queue = openQueue();
    if (!(queue instanceof Inotify)) return this.#note(queue ?? "platform");
    // The queue is open, so the reasons that prevented it no longer apply.
    for (const reason of OPENING) this.#notes.delete(NOTES[reason]);
    this.#queue = queue;
    this.#mostGuards = watchLimit() / GUARD_SHARE;
    this.#cookieWatch = this.#addWatch(cookies);
    if (this.#cookieWatch === undefined) this.#close();
  }

  /**
   * Adds a watch for a folder. If that fails, the reason is noted, unless the folder does not
   * exist.
   */
  #addWatch(folder: string): number | undefined {
    const watch = this.#queue?.add(folder);
    if (watch === undefined || watch === "absent") return undefined;
    if (typeof watch === "number") return watch;
    this.#note(watch);
    return undefined;
  }

  /**
   * Returns true if cookies can be written. Without cookies, the tracker cannot know when it has
   * received all events.
   */
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
    this.#invalidateAll();
  }

  #invalidateAll(): void {
    this.#table.clear();
    this.#changes++;
    for (const set of this.#sets.values()) set?.invalidate();
  }

  #note(reason: keyof typeof NOTES): void {
    if (this.#notes.has(NOTES[reason])) return;
    this.#notes.add(NOTES[reason]);
    this.#options.note(NOTES[reason]);
  }

  /** @returns true if the cookie's event was among those received */
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

  /**
   * Handles the event of a guarded file: its number of names, or another attribute, has changed.
   * The file is read again.
   */
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
   * Stops watching a folder that is gone, and the folders below it. The kernel continues to report
   * changes of a folder that was moved away, but another folder may be at its path now.
   */
  #leave(gone: string): void {
    this.#changes++;
    const sets = new Set<WatchedSet>();
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
    const watch = this.#addWatch(folder);
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
    this.#queue?.remove(watched.watch);
    this.#drop(folder, watched);
  }

  #drop(folder: string, { watch }: WatchedFolder): void {
    this.#folders.delete(folder);
    this.#paths.delete(watch);
  }
}

function isEntries(spec: readonly string[] | PatternSpec): spec is readonly string[] {
  return Array.isArray(spec);
}

/** Renames a file. If there is none, creates it under the new name. */
function moveOrMake(from: string, to: string): void {
  try {
    renameFile(from, to);
  } catch (error) {
    if (!isSystemError(error)) throw error;
    touchFile(to);
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
