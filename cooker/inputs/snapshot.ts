/**
 * Snapshots of the contents of a set of files, and the names that files have in them.
 *
 * @module
 */

import { pathInside, relativePath } from "../../system/files/files.ts";
import type { FileRecord } from "./file_table.ts";
import type { InputProblem } from "./walk.ts";

/** The contents of a set at one time. */
export interface Snapshot {
  /** Digest of all paths with their contents; `undefined` if the patterns match no file. */
  readonly digest: string | undefined;
  /**
   * Content of each file by its path relative to the set's folder, sorted. Files outside of the
   * project have absolute paths.
   */
  readonly files: ReadonlyMap<string, string>;
  /** Number of files. */
  readonly count: number;
  /** Iterates over the entries of `files`. There may be too many to be copied at once. */
  entries(): Iterable<readonly [path: string, content: string]>;
  /** Inode of each file by its absolute path, in the same order. */
  signaturesByPath(): Iterable<readonly [path: string, signature: string]>;
  /** The set's version at that time. */
  readonly version: number;
  /** True if the kernel reports every later change of the paths, so that the version shows it. */
  readonly isWatched: boolean;
  /** Digest of all inodes if a change may go unreported, otherwise empty. */
  readonly signatures: string;
  /** Time of the last change according to the inodes, in milliseconds since the Unix epoch. */
  readonly changedAt: number;
  /**
   * Returns the files that were changed later than a time according to their inodes, relative to the
   * set's folder.
   *
   * @param time in milliseconds since the Unix epoch
   */
  changedAfter(time: number): string[];
  /**
   * The first input whose content cannot be known. If present, no result may be stored or looked up
   * by this snapshot.
   */
  readonly problem: InputProblem | undefined;
  /** True if the content of a large file is not known yet. */
  readonly isPending: boolean;
}

/**
 * A snapshot that shares the set's records instead of copying them, because there may be hundreds
 * of thousands of files.
 */
export class SetSnapshot implements Snapshot {
  readonly digest: string | undefined;
  readonly version: number;
  readonly isWatched: boolean;
  readonly signatures: string;
  readonly changedAt: number;
  readonly problem: InputProblem | undefined;
  readonly isPending: boolean;
  readonly #names: FileNames;
  readonly #records: ReadonlyMap<string, FileRecord>;

  constructor(
    names: FileNames,
    records: ReadonlyMap<string, FileRecord>,
    facts: Omit<Snapshot, "files" | "count" | "entries" | "signaturesByPath" | "changedAfter">,
  ) {
    this.#names = names;
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

  get count(): number {
    return this.#records.size;
  }

  *entries(): Generator<readonly [path: string, content: string]> {
    for (const [path, { content }] of this.#records) {
      yield [nameOf(path, this.#names), content];
    }
  }

  changedAfter(time: number): string[] {
    if (this.changedAt <= time) return [];
    return [...this.#records]
      .filter(([, { changedAt }]) => changedAt > time)
      .map(([path]) => nameOf(path, this.#names));
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

/** The folders that paths in a snapshot are relative to. */
export interface FileNames {
  readonly root: string;
  readonly folder: string;
}

/**
 * Returns the name of a file in a snapshot. In the project, it is the same in every checkout, also
 * outside of the set's folder.
 */
export function nameOf(path: string, { root, folder }: FileNames): string {
  const inside = pathInside(folder, path);
  if (inside !== undefined) return inside;
  return pathInside(root, path) === undefined ? path : relativePath(folder, path);
}
