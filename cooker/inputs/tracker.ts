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
import { isSystemError, joinPath } from "../../system/files/files.ts";
import { monotonicTime } from "../../system/clock.ts";
import { Inotify, type OpenFailure } from "../../system/files/inotify.ts";
import { MountTable } from "../../system/files/mounts.ts";
import type { FileSet } from "./file_set.ts";
import type { FolderWatcher, WatchedSet } from "./folder_watcher.ts";
import { PatternSet } from "./pattern_set.ts";
import { type ImportedFolder, ImportingSet } from "./importing_set.ts";
import { WatchedFolders } from "./watched_folders.ts";
import { WatchNotes } from "./watch_notes.ts";
import { Cookie } from "./cookie.ts";
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

/** Milliseconds between two reads of the queue by {@linkcode InputTracker.drainIfDue}. */
const DUE_MS = 1;

/** Number of sets of imported folders that are kept for one set: a package may have tasks that differ. */
const MAX_IMPORTING = 4;

/** An open source of changes. */
interface OpenQueue {
  readonly queue: Inotify;
  readonly folders: WatchedFolders;
  readonly cookieWatch: number;
}

/** Keeps file sets up to date. */
export class InputTracker implements Notifier, FolderWatcher {
  readonly #options: TrackerOptions;
  readonly #table = new FileTable();
  /** The pace of all work on inputs. */
  readonly pace: Pace = new Pace();
  readonly #sets = new Map<string, PatternSet | undefined>();
  readonly #importing = new WeakMap<PatternSet, readonly ImportingSet[]>();
  readonly #mounts: MountTable;
  readonly #notes: WatchNotes;
  /** Absent: the kernel does not report changes. */
  #open: OpenQueue | undefined;
  readonly #cookie: Cookie;
  #changes = 0;
  #drainedAt = -Infinity;
  #isStopped = false;

  /** @param options the project; nothing is watched before a set is requested */
  constructor(options: TrackerOptions) {
    this.#options = options;
    this.#notes = new WatchNotes(options.note);
    this.#cookie = new Cookie(options.root, options.cookies);
    this.#mounts = new MountTable(options.root);
  }

  /** Lines about what cannot be watched, for `status`. */
  get notes(): readonly string[] {
    return this.#notes.lines;
  }

  /** Counter that grows with each reported change that concerns a set. */
  get changes(): number {
    return this.#changes;
  }

  /** Number of watched folders. */
  get watchedFolders(): number {
    return this.#open?.folders.size ?? 0;
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
    this.#openQueue();
    if (this.#open === undefined) return;
    // The queue may hold events of the cookie that another process has caused.
    this.drain();
    if (!this.#canWrite(() => this.#cookie.move())) return this.#close();
    if (this.#drain(this.#cookie.name)) return;
    // Another folder is at the root's path now, and the watched folder is elsewhere.
    if (this.#open !== undefined) this.#notes.add("cookie");
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
    return this.#open?.folders.watch(set, path) ?? false;
  }

  guard(file: string): boolean {
    return this.#open?.folders.guard(file) ?? false;
  }

  retain(set: WatchedSet, paths: ReadonlySet<string>): void {
    this.#open?.folders.retain(set, paths);
  }

  /** Stops watching. From now on, sets check their files themselves. */
  stop(): void {
    this.#isStopped = true;
    if (this.#open !== undefined) this.#cookie.remove();
    this.#close();
    this.#table.close();
  }

  #openQueue(): void {
    if (this.#open !== undefined) return;
    const { root, openQueue = Inotify.open, cookies } = this.#options;
    if (!this.#canWrite(() => this.#cookie.prepare())) return;
    const queue = openQueue();
    if (!(queue instanceof Inotify)) return this.#notes.add(queue ?? "platform");
    // The queue is open, so the reasons that prevented it no longer apply.
    this.#notes.opened();
    const folders = new WatchedFolders({
      root,
      queue,
      note: (reason) => this.#notes.add(reason),
      changed: (count) => this.#changes += count,
    });
    const cookieWatch = folders.addWatch(cookies);
    if (cookieWatch !== undefined) {
      this.#open = { queue, folders, cookieWatch };
      return;
    }
    queue.close();
    this.#invalidateAll();
  }

  /**
   * Returns true if the cookie could be written. Without a cookie, the tracker cannot know when it
   * has received all events.
   */
  #canWrite(work: () => void): boolean {
    try {
      work();
      return true;
    } catch (error) {
      if (!isSystemError(error)) throw error;
      this.#notes.add("place");
      return false;
    }
  }

  #reopen(): void {
    this.#close();
    this.#openQueue();
  }

  #close(): void {
    this.#open?.queue.close();
    this.#open = undefined;
    this.#invalidateAll();
  }

  #invalidateAll(): void {
    this.#table.clear();
    this.#changes++;
    for (const set of this.#sets.values()) set?.invalidate();
  }

  /** @returns true if the cookie's event was among those received */
  #drain(cookie: string | undefined): boolean {
    if (this.#open === undefined) return false;
    const { queue, folders, cookieWatch } = this.#open;
    const { events, isOverflown } = queue.read();
    this.#drainedAt = monotonicTime();
    let hasCome = false;
    for (const event of events) {
      if (event.watch === cookieWatch) hasCome ||= event.name === cookie;
      else folders.receive(event);
    }
    if (!isOverflown) return hasCome;
    this.#notes.add("overflow");
    this.#reopen();
    return true;
  }
}

function isEntries(spec: readonly string[] | PatternSpec): spec is readonly string[] {
  return Array.isArray(spec);
}
