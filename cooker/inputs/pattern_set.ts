/**
 * Keeps a set of files that patterns match up to date from the changes that the kernel reports, and
 * takes snapshots of the files' contents.
 *
 * @module
 */

import { pathInside } from "../../system/files/files.ts";
import type { FileRecord, FileTable } from "./file_table.ts";
import type { FilePatterns } from "./file_patterns.ts";
import { type FileNames, nameOf, SetSnapshot, type Snapshot } from "./snapshot.ts";
import type { FileSet } from "./file_set.ts";
import type { FolderWatcher, WatchedSet } from "./folder_watcher.ts";
import { type PartReader, readContents, signaturesOf } from "./file_contents.ts";
import { mayLeadToFolder } from "./linked_folders.ts";
import { walkWatched, type WatchedWalk } from "./watched_walk.ts";
import { Mutex } from "./mutex.ts";
import { atOnce, type Pace, type Sliced } from "./pace.ts";
import { type Found, type FoundPath, walk } from "./walk.ts";

/** Options of a {@linkcode PatternSet}. */
interface PatternSetOptions {
  /** The project's root folder, absolute. */
  readonly root: string;
  readonly table: FileTable;
  readonly watcher: FolderWatcher;
  readonly pace: Pace;
  readonly partOf?: PartReader;
}

const NOTHING_FOUND: Found = {
  paths: [],
  folders: new Set(),
  problems: [],
  links: [],
  hasLinkedFolders: false,
};

/** Maximum number of attempts to read a set that changes in the meantime. */
const MAX_LOOKS = 3;

/**
 * The files that patterns match.
 *
 * `snapshot` does synchronously what `look` does in slices. It is meant for sets of a few files.
 * Both work on copies and commit at their end. The commit is skipped if a change was reported, or
 * if the other method has committed, in the meantime.
 */
export class PatternSet implements FileSet, WatchedSet {
  readonly patterns: FilePatterns;
  readonly #options: PatternSetOptions;
  #found: Found = NOTHING_FOUND;
  #records: ReadonlyMap<string, FileRecord> = new Map();
  #hasShared = false;
  #folders: ReadonlySet<string> = new Set<string>();
  #dirty = new Set<string>();
  #needsWalk = true;
  #isWatched = false;
  #version = 0;
  #commits = 0;
  #snapshot: Snapshot | undefined;
  /** Held by the work in slices. Only one runs at a time. */
  readonly #looking = new Mutex();

  /** @param patterns the patterns of the files; nothing is read before a snapshot is requested */
  constructor(patterns: FilePatterns, options: PatternSetOptions) {
    this.patterns = patterns;
    this.#options = options;
  }

  nameOf(path: string): string {
    return nameOf(path, this.#names);
  }

  get #names(): FileNames {
    return { root: this.#options.root, folder: this.patterns.folder };
  }

  get version(): number {
    return this.#version;
  }

  get isWatched(): boolean {
    return this.#isWatched && !this.#needsWalk;
  }

  get isTold(): boolean {
    return this.isWatched && !this.#hasShared && this.#found.links.length === 0;
  }

  get isSettled(): boolean {
    return this.isTold && this.#dirty.size === 0 && this.#snapshot !== undefined;
  }

  isSettledAs(snapshot: Snapshot): boolean {
    return this.#snapshot === snapshot && this.isSettled;
  }

  changed(path: string, kind: "content" | "entries"): boolean {
    if (this.patterns.steers?.(path) === true) {
      this.#dirty.add(path);
      this.#needsWalk = true;
    } else if (kind === "content" && !this.#folders.has(path)) {
      // A walk in progress has found files that the set does not know before the walk ends.
      const isBeingFound = !this.isWatched &&
        (this.patterns.matches(path) || this.patterns.reachesInto(path));
      if (!isBeingFound && !this.#holds(path)) return false;
      this.#dirty.add(path);
    } else {
      const isMeant = this.patterns.matches(path) || this.patterns.reachesInto(path) ||
        this.patterns.bases.some((base) => pathInside(path, base) !== undefined);
      if (!isMeant) return false;
      this.#dirty.add(path);
      this.#needsWalk = true;
    }
    this.#version++;
    return true;
  }

  invalidate(): void {
    this.#needsWalk = true;
    this.#snapshot = undefined;
    this.#forget();
    this.#version++;
  }

  async find(signal?: AbortSignal): Promise<Found> {
    return await this.#looking.run(signal, async () => {
      for (let look = 1; !this.#isWalked; look++) {
        const { version } = this;
        const walked = await this.#options.pace.run(this.#walk(true), signal);
        this.#options.watcher.drain();
        const isCommitted = this.#commitWalk(walked, version);
        if (isCommitted || look === MAX_LOOKS) return walked.found;
      }
      return this.#found;
    });
  }

  async look(signal?: AbortSignal): Promise<Snapshot> {
    return await this.#looking.run(signal, async () => {
      for (let look = 1;; look++) {
        const known = this.#snapshot;
        if (this.isSettled && known !== undefined && !known.isPending) return known;
        const seen = await this.#options.pace.run(this.#look(true, signal), signal);
        // Files that were changed in the meantime are read again.
        this.#options.watcher.drain();
        if (this.#commit(seen) || look === MAX_LOOKS) return seen.snapshot;
      }
    });
  }

  snapshot(): Snapshot {
    if (this.isSettled && this.#snapshot !== undefined) return this.#snapshot;
    const seen = atOnce(this.#look(false));
    this.#commit(seen);
    return seen.snapshot;
  }

  /**
   * Returns true if nothing was changed since a snapshot, not even temporarily.
   *
   * A version that has grown proves a change, whatever the set looks like now: an input that is
   * replaced and restored has the same content again. The inodes are compared before the last
   * events are read. A process sees a change as soon as the kernel has made it, but the kernel
   * reports the change only at the end of the system call, which may wait for a disk. At any
   * moment, a change is therefore visible in an inode or has been reported.
   */
  async isUnchangedSince(earlier: Snapshot): Promise<boolean> {
    if (this.#version !== earlier.version) return false;
    if (!(await this.#options.pace.run(this.#isAsSeen(earlier)))) return false;
    this.#options.watcher.drain();
    if (this.#version !== earlier.version) return false;
    if (earlier.isWatched && earlier.signatures === "") return true;
    const now = await this.look();
    return now.digest === earlier.digest && now.signatures === earlier.signatures;
  }

  /** Returns true if the same files exist, each with the inode in a snapshot. */
  *#isAsSeen(earlier: Snapshot): Sliced<boolean> {
    const { table } = this.#options;
    this.patterns.refresh?.();
    const found = yield* walk(this.patterns, { enter: () => {}, waits: true });
    const seen = earlier.signaturesByPath()[Symbol.iterator]();
    for (const { path, kind } of found.paths) {
      yield;
      if (kind === "folder") continue;
      const { value } = seen.next();
      if (value?.[0] !== path || table.signature(path) !== value[1]) return false;
    }
    return seen.next().done === true;
  }

  /**
   * True if the last walk is still valid. The target of a link may have become a folder unreported.
   */
  get #isWalked(): boolean {
    return this.isWatched && !this.#found.links.some(mayLeadToFolder);
  }

  #forget(): void {
    this.#records = new Map();
    this.#hasShared = false;
  }

  /**
   * Returns true if the last walk has found a path. Uses a binary search, because the paths are
   * sorted.
   */
  #holds(path: string): boolean {
    const { paths } = this.#found;
    let low = 0;
    let high = paths.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((paths[middle]?.path ?? "") < path) low = middle + 1;
      else high = middle;
    }
    return paths[low]?.path === path;
  }

  *#walk(waits: boolean): Sliced<Walked> {
    const commits = this.#commits;
    return { ...yield* walkWatched(this, this.#options.watcher, waits), commits };
  }

  /**
   * @returns true if the walk was committed; `false` if a change of the set was reported since it
   *   began, or if another one has been committed
   */
  #commitWalk(walked: Walked, version: number): boolean {
    if (version !== this.#version || walked.commits !== this.#commits) return false;
    // Files that were read while changes were not reported have to be checked again.
    if (!this.#isWatched) this.#forget();
    this.#snapshot = undefined;
    this.#found = walked.found;
    this.#folders = walked.folders;
    this.#isWatched = walked.isWatched;
    this.#needsWalk = false;
    this.#commits++;
    this.#options.watcher.retain(this, walked.watched);
    return true;
  }

  *#look(waits: boolean, signal?: AbortSignal): Sliced<Seen> {
    const { table, partOf } = this.#options;
    const names = this.#names;
    const version = this.#version;
    const commits = this.#commits;
    const dirty = new Set(this.#dirty);
    const walked = this.#isWalked ? undefined : yield* this.#walk(waits);
    const { found, isWatched } = walked ?? { found: this.#found, isWatched: this.#isWatched };
    const contents = yield* readContents(found, {
      names,
      table,
      record: (each) => this.#record(each, dirty, isWatched),
      waits,
      ...(partOf === undefined ? {} : { partOf }),
      ...(signal === undefined ? {} : { signal }),
    });
    const { records, hasShared, ...facts } = contents;
    const isTold = isWatched && !hasShared && found.links.length === 0;
    const snapshot = new SetSnapshot(names, records, {
      ...facts,
      version,
      isWatched,
      signatures: isTold ? "" : yield* signaturesOf(records),
    });
    return { snapshot, records, hasShared, walked, commits };
  }

  /**
   * @returns true if the result was committed; `false` if a change was reported since the work
   *   began, or if another one has been committed
   */
  #commit({ snapshot, records, hasShared, walked, commits }: Seen): boolean {
    if (snapshot.version !== this.#version || commits !== this.#commits) return false;
    if (walked !== undefined && !this.#commitWalk(walked, snapshot.version)) return false;
    this.#commits++;
    this.#records = records;
    this.#hasShared = hasShared;
    this.#dirty.clear();
    this.#snapshot = snapshot;
    return true;
  }

  #record(found: FoundPath, dirty: ReadonlySet<string>, isWatched: boolean): FileRecord {
    const { path } = found;
    const known = this.#isWatched ? this.#records.get(path) : undefined;
    // A reported change counts even if the inode does not show it.
    if (dirty.has(path)) this.#options.table.forget(path);
    else if (known !== undefined && isWatched && !known.isShared) return known;
    return this.#lookAt(found, isWatched);
  }

  /**
   * Reads the record of a file. The file is guarded first, so that a name that it gets in the
   * meantime is noticed.
   */
  #lookAt({ path, kind }: FoundPath, isWatched: boolean): FileRecord {
    const { table, watcher } = this.#options;
    const isGuarded = kind !== "file" || (isWatched && watcher.guard(path));
    const record = table.look(path);
    return isGuarded || record.isShared ? record : { ...record, isShared: true };
  }
}

/** Result of a walk of a set. */
interface Walked extends WatchedWalk {
  /** Number of commits before the walk. */
  readonly commits: number;
}

/** Result of reading a set. */
interface Seen {
  readonly snapshot: Snapshot;
  readonly records: ReadonlyMap<string, FileRecord>;
  readonly hasShared: boolean;
  /** Absent: the paths were already known. */
  readonly walked: Walked | undefined;
  readonly commits: number;
}
