/**
 * A set of files that patterns mean, kept up to date from what is told of its folders.
 *
 * @module
 */

import { Sha256 } from "../../system/files/digest.ts";
import { isSystemError, pathInside } from "../../system/files/files.ts";
import { beforeAbort } from "../execute/cancellation.ts";
import type { FileRecord, FileTable } from "./file_table.ts";
import { leadsToFolder } from "./linked_folders.ts";
import type { PathPatterns } from "./patterns.ts";
import { atOnce, type Pace, type Sliced } from "./pace.ts";
import { type Found, type FoundPath, type InputProblem, unreadable, walk } from "./walk.ts";

/** What a set holds at a time. */
export interface Snapshot {
  /** Of all paths with their contents; `undefined` where no file is meant. */
  readonly digest: string | undefined;
  /** Each file's content by its path relative to the set's folder, sorted. */
  readonly files: ReadonlyMap<string, string>;
  /** What `files` has, one after the other: there may be too many to be copied at once. */
  entries(): Iterable<readonly [path: string, content: string]>;
  /** Each file's inode by its absolute path, in the same order. */
  signaturesByPath(): Iterable<readonly [path: string, signature: string]>;
  /** The set's version at that time. */
  readonly version: number;
  /** Whether the kernel reports every later change of the paths, so that the version shows it. */
  readonly isWatched: boolean;
  /** A digest of all inodes if a change may go unreported; else empty. */
  readonly signatures: string;
  /** When the last change was, in milliseconds since the Unix epoch, as the inodes have it. */
  readonly changedAt: number;
  /** The first input that can't be known: no result may be kept, or found, by this snapshot. */
  readonly problem: InputProblem | undefined;
  /** Whether the content of a large file is not known yet. */
  readonly isPending: boolean;
}

/** A snapshot that keeps nothing twice: there may be hundreds of thousands of files. */
class SetSnapshot implements Snapshot {
  readonly digest: string | undefined;
  readonly version: number;
  readonly isWatched: boolean;
  readonly signatures: string;
  readonly changedAt: number;
  readonly problem: InputProblem | undefined;
  readonly isPending: boolean;
  readonly #folder: string;
  readonly #records: ReadonlyMap<string, FileRecord>;

  constructor(
    folder: string,
    records: ReadonlyMap<string, FileRecord>,
    facts: Omit<Snapshot, "files" | "entries" | "signaturesByPath">,
  ) {
    this.#folder = folder;
    this.#records = records;
    this.digest = facts.digest;
    this.version = facts.version;
    this.isWatched = facts.isWatched;
    this.signatures = facts.signatures;
    this.changedAt = facts.changedAt;
    this.problem = facts.problem;
    this.isPending = facts.isPending;
  }

  get files(): ReadonlyMap<string, string> {
    return new Map(this.entries());
  }

  *entries(): Generator<readonly [path: string, content: string]> {
    for (const [path, { content }] of this.#records) {
      yield [pathInside(this.#folder, path) ?? path, content];
    }
  }

  *signaturesByPath(): Generator<readonly [path: string, signature: string]> {
    for (const [path, { signature }] of this.#records) yield [path, signature];
  }
}

/** Returns the files that differ between two snapshots of a set, relative to the set's folder. */
export function changedPaths(before: Snapshot, after: Snapshot): string[] {
  const [then, now] = [before.files, after.files];
  return [...new Set([...then.keys(), ...now.keys()])]
    .filter((path) => then.get(path) !== now.get(path));
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
  /**
   * Has the kernel tell when a file gets a further name, by which it could be written unseen; says
   * whether that will be told.
   */
  guard(file: string): boolean;
  /** Tells the sets of all changes that the kernel has told of. */
  drain(): void;
}

/** What a set is made of. */
interface FileSetOptions {
  readonly table: FileTable;
  readonly watcher: FolderWatcher;
  readonly pace: Pace;
}

const NOTHING_FOUND: Found = {
  paths: [],
  folders: new Set(),
  problems: [],
  links: [],
  hasLinkedFolders: false,
};

/** Times that a set is looked at anew where it is changed in the meantime. */
const MAX_LOOKS = 3;

/**
 * Files that patterns mean.
 *
 * `snapshot` does at once what `look` does in slices: it is for sets of a few files. Either one
 * works on copies and commits at its end, unless a change was told of, or the other one has
 * committed, in between.
 */
export class FileSet {
  readonly patterns: PathPatterns;
  readonly #options: FileSetOptions;
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
  /** The last one to look in slices: one at a time does. */
  #looking: Promise<void> | undefined;

  /** @param patterns what it holds; nothing is read before a snapshot is asked for */
  constructor(patterns: PathPatterns, options: FileSetOptions) {
    this.patterns = patterns;
    this.#options = options;
  }

  /** Grows with every change that is told of. */
  get version(): number {
    return this.#version;
  }

  /** Whether every change in its folders is told. */
  get isWatched(): boolean {
    return this.#isWatched && !this.#needsWalk;
  }

  /** Whether every change is told: no file can be changed by another name, or behind a link. */
  get isTold(): boolean {
    return this.isWatched && !this.#hasShared && this.#found.links.length === 0;
  }

  /** Whether the last snapshot holds until a change is told of. */
  get isSettled(): boolean {
    return this.isTold && this.#dirty.size === 0 && this.#snapshot !== undefined;
  }

  /**
   * Takes note of a change of an entry of one of its folders.
   *
   * @returns whether the set is about it
   */
  changed(path: string, kind: "content" | "entries"): boolean {
    if (kind === "content" && !this.#folders.has(path)) {
      // A walk that goes on has found files that are not known here before it ends.
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

  /** Everything may have changed. */
  distrust(): void {
    this.#needsWalk = true;
    this.#snapshot = undefined;
    this.#forget();
    this.#version++;
  }

  /** What the set means: files, links and empty folders, sorted by path; found in slices. */
  async find(signal?: AbortSignal): Promise<Found> {
    return await this.#inTurn(signal, async () => {
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

  /**
   * The files with their contents as they are now, large ones included, in slices between which the
   * event loop goes on.
   *
   * @param signal ends the looking
   * @throws the signal's reason if it is aborted
   */
  async look(signal?: AbortSignal): Promise<Snapshot> {
    return await this.#inTurn(signal, async () => {
      for (let look = 1;; look++) {
        const known = this.#snapshot;
        if (this.isSettled && known !== undefined && !known.isPending) return known;
        const seen = await this.#options.pace.run(this.#look(true, signal), signal);
        // What was changed while it was looked at is looked at again.
        this.#options.watcher.drain();
        if (this.#commit(seen) || look === MAX_LOOKS) return seen.snapshot;
      }
    });
  }

  /** The files with their contents as they are now, at once; of large files only their inodes. */
  snapshot(): Snapshot {
    if (this.isSettled && this.#snapshot !== undefined) return this.#snapshot;
    const seen = atOnce(this.#look(false));
    this.#commit(seen);
    return seen.snapshot;
  }

  /**
   * Whether nothing was changed since a snapshot, not even for a while.
   *
   * A version that has grown is an answer, whatever the set looks like now: an input that is
   * replaced and put back leaves equal contents behind. The inodes are compared before the last
   * events are read: a process sees a change as soon as the kernel has made it, and the kernel
   * reports it only at the end of the call, which may wait for a disk. At any moment a change shows
   * in an inode or has been reported.
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

  /** Whether the same files are there, each with the inode that a snapshot has seen. */
  *#isAsSeen(earlier: Snapshot): Sliced<boolean> {
    const { table } = this.#options;
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

  /** Begins when the work that has begun before is over. */
  async #inTurn<T>(signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
    while (this.#looking !== undefined) {
      const isOver = signal === undefined
        ? this.#looking.then(() => true)
        : beforeAbort(this.#looking, signal);
      if (!(await isOver)) signal?.throwIfAborted();
    }
    const done = Promise.withResolvers<void>();
    this.#looking = done.promise;
    try {
      return await work();
    } finally {
      this.#looking = undefined;
      done.resolve();
    }
  }

  /** Whether the last walk still holds: what a link leads to may have become a folder unreported. */
  get #isWalked(): boolean {
    return this.isWatched && !this.#found.links.some(mayLeadToFolder);
  }

  #forget(): void {
    this.#records = new Map();
    this.#hasShared = false;
  }

  /** Whether the last walk has found a path: they are sorted. */
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
    const { watcher } = this.#options;
    const commits = this.#commits;
    const folders = new Set<string>();
    const watched = new Set<string>();
    let isWatched = true;
    const watch = (path: string): void => {
      if (watched.has(path)) return;
      watched.add(path);
      isWatched = watcher.watch(this, path) && isWatched;
    };
    for (const base of this.patterns.bases) watch(base);
    const enter = (folder: string): void => {
      folders.add(folder);
      watch(folder);
    };
    const found = yield* walk(this.patterns, { enter, waits });
    return {
      found,
      folders,
      watched,
      isWatched: isWatched && !found.hasLinkedFolders,
      commits,
    };
  }

  /** @returns whether the walk holds: not if a change of the set was told of since it began */
  #commitWalk(walked: Walked, version: number): boolean {
    if (version !== this.#version || walked.commits !== this.#commits) return false;
    // What was read while nobody told of changes is looked at again.
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
    const { table } = this.#options;
    const version = this.#version;
    const commits = this.#commits;
    const dirty = new Set(this.#dirty);
    const walked = this.#isWalked ? undefined : yield* this.#walk(waits);
    const { found, isWatched } = walked ?? { found: this.#found, isWatched: this.#isWatched };
    const records = new Map<string, FileRecord>();
    const contents = new Sha256();
    let [hasShared, isPending, changedAt] = [false, false, 0];
    let [problem] = found.problems;
    for (const { path, kind } of found.paths) {
      yield;
      if (kind === "folder") continue;
      let record = this.#record({ path, kind }, dirty, isWatched);
      if (record.isPending === true && waits) {
        yield async () => {
          record = await table.settle(path, signal);
        };
      }
      records.set(path, record);
      contents.update(contentLine(this.patterns.folder, path, record));
      hasShared ||= record.isShared;
      isPending ||= record.isPending === true;
      changedAt = Math.max(changedAt, record.changedAt);
      if (record.problem !== undefined) problem ??= unreadable(path, record.problem);
    }
    const isTold = isWatched && !hasShared && found.links.length === 0;
    const snapshot = new SetSnapshot(this.patterns.folder, records, {
      digest: records.size === 0 ? undefined : contents.hex(),
      version,
      isWatched,
      signatures: isTold ? "" : yield* signaturesOf(records),
      changedAt,
      problem,
      isPending,
    });
    return { snapshot, records, hasShared, walked, commits };
  }

  /** @returns whether what was seen holds: not if a change was told of since it began */
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
    // A change that was told of counts even where the inode does not show it.
    if (dirty.has(path)) this.#options.table.forget(path);
    else if (known !== undefined && isWatched && !known.isShared) return known;
    return this.#lookAt(found, isWatched);
  }

  /** Looks at a file, and has it guarded before that: a name that it gets meanwhile is counted. */
  #lookAt({ path, kind }: FoundPath, isWatched: boolean): FileRecord {
    const { table, watcher } = this.#options;
    const isGuarded = kind !== "file" || (isWatched && watcher.guard(path));
    const record = table.look(path);
    return isGuarded || record.isShared ? record : { ...record, isShared: true };
  }
}

/** What a walk of a set has found, and what it was done by. */
interface Walked {
  readonly found: Found;
  readonly folders: ReadonlySet<string>;
  readonly watched: ReadonlySet<string>;
  readonly isWatched: boolean;
  /** How often the set had been looked at before. */
  readonly commits: number;
}

/** What a look at a set has seen. */
interface Seen {
  readonly snapshot: Snapshot;
  readonly records: ReadonlyMap<string, FileRecord>;
  readonly hasShared: boolean;
  /** Absent: the paths were known. */
  readonly walked: Walked | undefined;
  readonly commits: number;
}

/** Whether a link leads to a folder, or can't be looked at. */
function mayLeadToFolder(link: string): boolean {
  try {
    return leadsToFolder(link);
  } catch (error) {
    if (isSystemError(error)) return true;
    throw error;
  }
}

function* signaturesOf(records: ReadonlyMap<string, FileRecord>): Sliced<string> {
  const hash = new Sha256();
  for (const { signature } of records.values()) {
    yield;
    hash.update(`${signature}\n`);
  }
  return hash.hex();
}

function contentLine(folder: string, path: string, { content }: FileRecord): string {
  const name = pathInside(folder, path) ?? path;
  return `${name.length}:${name}${content}\n`;
}
