/**
 * A set of files that patterns mean, kept up to date from what is told of its folders.
 *
 * @module
 */

import { Sha256 } from "../../system/digest.ts";
import { pathInside } from "../../system/files.ts";
import type { FileRecord, FileTable } from "./file_table.ts";
import type { PathPatterns } from "./patterns.ts";
import { type FoundPath, walk } from "./walk.ts";

/** What a set holds at a time. */
export interface Snapshot {
  /** Of all paths with their contents; `undefined` where no file is meant. */
  readonly digest: string | undefined;
  /** Each file's content by its path relative to the set's folder, sorted. */
  readonly files: ReadonlyMap<string, string>;
  /** The set's version at that time. */
  readonly version: number;
  /** All inodes, where a change may not be told of; else nothing. */
  readonly signatures: string;
  /** When the last change was, in milliseconds since the Unix epoch, as the inodes have it. */
  readonly changedAt: number;
}

/** A snapshot that keeps nothing twice: there may be hundreds of thousands of files. */
class SetSnapshot implements Snapshot {
  readonly digest: string | undefined;
  readonly version: number;
  readonly signatures: string;
  readonly changedAt: number;
  readonly #folder: string;
  readonly #records: ReadonlyMap<string, FileRecord>;

  constructor(
    folder: string,
    records: ReadonlyMap<string, FileRecord>,
    { version, isTold }: { readonly version: number; readonly isTold: boolean },
  ) {
    this.#folder = folder;
    this.#records = records;
    this.version = version;
    this.signatures = isTold ? "" : [...records.values()].map((each) => each.signature).join("\n");
    this.changedAt = latest(records.values());
    this.digest = digestOf(this.#entries());
  }

  get files(): ReadonlyMap<string, string> {
    return new Map(this.#entries());
  }

  *#entries(): Generator<[string, string]> {
    for (const [path, { content }] of this.#records) {
      yield [pathInside(this.#folder, path) ?? path, content];
    }
  }
}

/** What watches a set's folders. */
export interface FolderWatcher {
  /**
   * Begins to watch for a set what is at a path, be it there or not, and the folders that lead
   * there; says whether every change will be told.
   */
  watch(set: FileSet, path: string): boolean;
  /** Only these paths are watched for a set from now on. */
  retain(set: FileSet, paths: ReadonlySet<string>): void;
}

/** Files that patterns mean. */
export class FileSet {
  readonly patterns: PathPatterns;
  readonly #table: FileTable;
  readonly #watcher: FolderWatcher;
  #found: readonly FoundPath[] = [];
  #records: ReadonlyMap<string, FileRecord> = new Map();
  #hasShared = false;
  #folders = new Set<string>();
  #dirty = new Set<string>();
  #needsWalk = true;
  #isWatched = false;
  #version = 0;
  #snapshot: Snapshot | undefined;

  /** @param patterns what it holds; nothing is read before a snapshot is asked for */
  constructor(patterns: PathPatterns, table: FileTable, watcher: FolderWatcher) {
    this.patterns = patterns;
    this.#table = table;
    this.#watcher = watcher;
  }

  /** Grows with every change that is told of. */
  get version(): number {
    return this.#version;
  }

  /** Whether every change of it is told. */
  get isWatched(): boolean {
    return this.#isWatched && !this.#needsWalk;
  }

  /** Whether nothing has changed for certain since the last snapshot. */
  get isClean(): boolean {
    return this.isWatched && this.#dirty.size === 0 && this.#snapshot !== undefined;
  }

  /** Whether the last snapshot holds until a change is told of. */
  get isSettled(): boolean {
    return this.isClean && !this.#hasShared;
  }

  /**
   * Takes note of a change of an entry of one of its folders.
   *
   * @returns whether the set is about it
   */
  changed(path: string, kind: "content" | "entries"): boolean {
    if (kind === "content" && !this.#folders.has(path)) {
      if (!this.#holds(path)) return false;
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

  /** Everything may have changed. */
  distrust(): void {
    this.#needsWalk = true;
    this.#snapshot = undefined;
    this.#forget();
    this.#version++;
  }

  /** What the set means: files, links and empty folders, sorted by path. */
  paths(): readonly FoundPath[] {
    this.#refresh();
    return this.#found;
  }

  /** The files with their contents as they are now. */
  snapshot(): Snapshot {
    if (this.isSettled && this.#snapshot !== undefined) return this.#snapshot;
    const version = this.#version;
    this.#refresh();
    const records = new Map<string, FileRecord>();
    let hasShared = false;
    for (const { path, kind } of this.#found) {
      if (kind === "folder") continue;
      const record = this.#record(path);
      records.set(path, record);
      hasShared ||= record.isShared;
    }
    this.#records = records;
    this.#hasShared = hasShared;
    this.#dirty.clear();
    const isTold = this.#isWatched && !hasShared;
    this.#snapshot = new SetSnapshot(this.patterns.folder, records, { version, isTold });
    return this.#snapshot;
  }

  /** Whether nothing was changed since a snapshot, not even for a while. */
  isUnchangedSince(earlier: Snapshot): boolean {
    if (this.isWatched && this.#version === earlier.version && !this.#hasShared) return true;
    if (this.isWatched && this.#version !== earlier.version) return false;
    const now = this.snapshot();
    return now.digest === earlier.digest && now.signatures === earlier.signatures;
  }

  #forget(): void {
    this.#records = new Map();
    this.#hasShared = false;
  }

  /** Whether the last walk has found a path: they are sorted. */
  #holds(path: string): boolean {
    let low = 0;
    let high = this.#found.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#found[middle]?.path ?? "") < path) low = middle + 1;
      else high = middle;
    }
    return this.#found[low]?.path === path;
  }

  #record(path: string): FileRecord {
    const known = this.#records.get(path);
    if (known === undefined || this.#dirty.has(path)) {
      // A change that was told of counts even where the inode does not show it.
      if (this.#dirty.has(path)) this.#table.forget(path);
      return this.#table.look(path);
    }
    return this.#isWatched && !known.isShared ? known : this.#table.look(path);
  }

  #refresh(): void {
    if (this.isWatched) return;
    // What was read while nobody told of changes is looked at again.
    if (!this.#isWatched) this.#forget();
    this.#needsWalk = false;
    const folders = new Set<string>();
    const watched = new Set<string>();
    let isWatched = true;
    const watch = (path: string): void => {
      if (watched.has(path)) return;
      watched.add(path);
      isWatched = this.#watcher.watch(this, path) && isWatched;
    };
    for (const base of this.patterns.bases) watch(base);
    this.#found = walk(this.patterns, (folder) => {
      folders.add(folder);
      watch(folder);
    });
    this.#folders = folders;
    this.#isWatched = isWatched;
    this.#watcher.retain(this, watched);
  }
}

function latest(records: Iterable<FileRecord>): number {
  let time = 0;
  for (const { changedAt } of records) time = Math.max(time, changedAt);
  return time;
}

function digestOf(files: Iterable<readonly [string, string]>): string | undefined {
  let hash: Sha256 | undefined;
  for (const [path, content] of files) {
    hash ??= new Sha256();
    hash.update(`${path.length}:${path}${content}\n`);
  }
  return hash?.hex();
}
