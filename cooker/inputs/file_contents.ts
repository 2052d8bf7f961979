/**
 * Reads the contents of the files that a walk has found.
 *
 * @module
 */

import { Sha256 } from "../../system/files/digest.ts";
import type { FileRecord, FileTable } from "./file_table.ts";
import type { Sliced } from "./pace.ts";
import { type FileNames, nameOf } from "./snapshot.ts";
import { type Found, type FoundPath, type InputProblem, unreadable } from "./walk.ts";

/**
 * Returns a function that replaces the content of a file by what counts of it. Returns `undefined`
 * for files of which everything counts.
 */
export type PartReader = (path: string) => ((content: string) => Promise<string>) | undefined;

/** Decides how files are read. */
interface ContentsOptions {
  readonly names: FileNames;
  readonly table: FileTable;
  /** Returns the record of a file, which may be known already. */
  readonly record: (found: FoundPath) => FileRecord;
  /** If absent, everything counts of each file. */
  readonly partOf?: PartReader;
  /** True if large files are read. Otherwise their contents stay unknown. */
  readonly waits: boolean;
  /** Aborts the reading of a large file. */
  readonly signal?: AbortSignal;
}

/** The contents of files. */
interface FileContents {
  /** By the files' absolute paths, sorted. */
  readonly records: ReadonlyMap<string, FileRecord>;
  /** Digest of all names with their contents; `undefined` if there is no file. */
  readonly digest: string | undefined;
  /** True if a file has several names, by which it can be changed unnoticed. */
  readonly hasShared: boolean;
  /** True if the content of a large file is not known yet. */
  readonly isPending: boolean;
  /** Time of the last change according to the inodes, in milliseconds since the Unix epoch. */
  readonly changedAt: number;
  /** The first input whose content cannot be known. */
  readonly problem: InputProblem | undefined;
}

/** Reads the files that a walk has found, in slices. */
export function* readContents(
  found: Found,
  { names, table, record: recordOf, partOf, waits, signal }: ContentsOptions,
): Sliced<FileContents> {
  const records = new Map<string, FileRecord>();
  const contents = new Sha256();
  let [hasShared, isPending, changedAt] = [false, false, 0];
  let [problem] = found.problems;
  for (const { path, kind } of found.paths) {
    yield;
    if (kind === "folder") continue;
    let record = recordOf({ path, kind });
    if (record.isPending === true && waits) {
      yield async () => {
        record = await table.settle(path, signal);
      };
    }
    const readPart = partOf?.(path);
    if (readPart !== undefined && record.problem === undefined) {
      const whole = record.whole ?? record.content;
      if (waits) {
        yield async () => {
          record = { ...record, whole, content: await readPart(whole) };
        };
      } else {
        record = { ...record, whole, content: whole, isPending: true };
      }
    }
    records.set(path, record);
    contents.update(contentLine(nameOf(path, names), record));
    hasShared ||= record.isShared;
    isPending ||= record.isPending === true;
    changedAt = Math.max(changedAt, record.changedAt);
    if (record.problem !== undefined) problem ??= unreadable(path, record.problem);
  }
  const digest = records.size === 0 ? undefined : contents.hex();
  return { records, digest, hasShared, isPending, changedAt, problem };
}

/** Returns the digest of the inodes of all files. */
export function* signaturesOf(records: ReadonlyMap<string, FileRecord>): Sliced<string> {
  const hash = new Sha256();
  for (const { signature } of records.values()) {
    yield;
    hash.update(`${signature}\n`);
  }
  return hash.hex();
}

function contentLine(name: string, { content }: FileRecord): string {
  return `${name.length}:${name}${content}\n`;
}
