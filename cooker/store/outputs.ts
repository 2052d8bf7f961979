/**
 * A task's outputs: from the working tree to entries, and back.
 *
 * @module
 */

import { linkTarget } from "../../system/file_signature.ts";
import {
  asidePath,
  ensureFolder,
  inFolder,
  isSystemError,
  joinPath,
  listFolder,
  parentFolder,
  removeIfPresent,
} from "../../system/files.ts";
import { macrotask } from "../../system/macrotask.ts";
import {
  copyFile,
  makeLink,
  removeEmptyFolder,
  renameFile,
  setMode,
  treeEntry,
} from "../../system/tree.ts";
import { type Blobs, fileDigest } from "./blobs.ts";
import { confinedPlace, type Place } from "./confine.ts";
import { StoreError } from "./errors.ts";
import type { OutputEntry } from "./result.ts";

/**
 * Says why nothing may be put at a place, as the end of a sentence that begins with the place;
 * `undefined` if it may.
 */
export type Forbid = (place: Place, kind: OutputEntry["kind"]) => string | undefined;

/** How outputs are put back. */
export interface RestoreOptions {
  /**
   * Where they are until they are whole, so that no program takes half of one for an output; on
   * another file system, and by default, they are beside where they belong.
   */
  readonly aside?: string;
  /** Default: nothing inside of the folder is forbidden. */
  readonly forbid?: Forbid;
}

/**
 * Keeps what is at paths.
 *
 * @param folder absolute; the paths are relative to it
 * @param forbid what may not be put back is not kept either
 * @throws {StoreError} where something is changed, or goes, while it is read, or is forbidden
 */
export async function captureOutputs(
  blobs: Blobs,
  folder: string,
  paths: readonly string[],
  forbid?: Forbid,
): Promise<readonly OutputEntry[]> {
  const entries: OutputEntry[] = [];
  for (const path of [...paths].sort()) {
    if (entries.length > 0) await macrotask();
    const place = confinedPlace(folder, path);
    const entry = captured(blobs, path, place.path);
    const reason = forbid?.(place, entry.kind);
    if (reason !== undefined) throw new StoreError(`${path} ${reason}`);
    entries.push(entry);
  }
  return entries;
}

function captured(blobs: Blobs, path: string, absolute: string): OutputEntry {
  const before = treeEntry(absolute);
  switch (before?.kind) {
    case "file": {
      const { bytes, mode } = before;
      return { kind: "file", path, digest: blobs.putFile(absolute, bytes), bytes, mode };
    }
    case "link":
      return { kind: "link", path, target: linkTarget(absolute) ?? "" };
    case "folder":
      return { kind: "folder", path, mode: before.mode };
    case "other":
      throw new StoreError(`${absolute} is neither a file nor a link nor a folder`);
    case undefined:
      throw new StoreError(`${absolute} is gone`);
  }
}

/**
 * Puts outputs where they belong; what is right already is not touched.
 *
 * The outputs may come from a record that another program has written, so that each path is checked
 * before the first one is used.
 *
 * @returns how many were not right
 * @throws {StoreError} where one can't be put back, or may not be; unless something is in the way,
 *   nothing has been touched then
 */
export async function restoreOutputs(
  blobs: Blobs,
  outputs: readonly OutputEntry[],
  folder: string,
  { aside, forbid }: RestoreOptions = {},
): Promise<number> {
  refuseClashes(outputs);
  const missing: [OutputEntry, string][] = [];
  for (const output of outputs) {
    const place = confinedPlace(folder, output.path);
    const reason = forbid?.(place, output.kind);
    if (reason !== undefined) throw new StoreError(`${output.path} ${reason}`);
    if (isRight(output, place.path)) continue;
    missing.push([output, place.path]);
    await macrotask();
  }
  // All of them are looked at before the first one is put anywhere.
  for (const [output] of missing) {
    if (output.kind !== "file" || blobs.isSound(output.digest)) continue;
    throw new StoreError(`the content of ${output.path} is gone or damaged`);
  }
  for (const [output] of missing) {
    put(blobs, output, confinedPlace(folder, output.path).path, aside);
    await macrotask();
  }
  return missing.length;
}

/** @throws {StoreError} if a path is named twice, or is inside of one that is a file or a link */
function refuseClashes(outputs: readonly OutputEntry[]): void {
  const paths = new Set(outputs.map(({ path }) => path));
  if (paths.size < outputs.length) throw new StoreError("the record names a path twice");
  for (const path of paths) {
    for (let end = path.lastIndexOf("/"); end > 0; end = path.lastIndexOf("/", end - 1)) {
      const outer = path.slice(0, end);
      // A folder is named only if it is empty.
      if (paths.has(outer)) throw new StoreError(`the record has ${path} inside of ${outer}`);
    }
  }
}

/** Whether what is at a path is what an entry says. */
export function isRight(output: OutputEntry, absolute: string): boolean {
  const now = treeEntry(absolute);
  if (now === undefined || now.kind !== output.kind) return false;
  switch (output.kind) {
    case "link":
      return linkTarget(absolute) === output.target;
    case "folder":
      return now.mode === (output.mode & 0o777);
    case "file":
      return now.bytes === output.bytes && now.mode === (output.mode & 0o777) &&
        fileDigest(absolute) === output.digest;
  }
}

function put(blobs: Blobs, output: OutputEntry, path: string, aside: string | undefined): void {
  ensureParents(parentFolder(path));
  if (output.kind === "folder") {
    if (treeEntry(path)?.kind !== "folder") clearWay(path);
    ensureFolder(path);
    setMode(path, output.mode & 0o777);
    return;
  }
  if (treeEntry(path)?.kind === "folder") clearWay(path);
  const beside = parentFolder(path);
  try {
    putThrough(aside ?? beside, blobs, output, path);
  } catch (error) {
    if (!isSystemError(error) || error.code !== "EXDEV") throw error;
    putThrough(beside, blobs, output, path);
  }
}

/** @throws {Error} with the code `EXDEV` where the folder is on another file system */
function putThrough(
  folder: string,
  blobs: Blobs,
  output: Exclude<OutputEntry, { kind: "folder" }>,
  path: string,
): void {
  const aside = asidePath(joinPath(folder, ".simmer"));
  try {
    inFolder(folder, () => {
      if (output.kind === "link") makeLink(output.target, aside);
      else copyFile(blobs.path(output.digest), aside);
    });
    if (output.kind === "file") setMode(aside, output.mode & 0o777);
    renameFile(aside, path);
  } catch (error) {
    removeIfPresent(aside);
    throw error;
  }
}

/** Makes folders; a file that is where one has to be is in the way. */
function ensureParents(folder: string): void {
  try {
    ensureFolder(folder);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    throw new StoreError(`cannot make the folder ${folder}: ${error.message}`);
  }
}

/** Nobody's files are taken away for an output: only an empty folder, a link or a file is. */
function clearWay(path: string): void {
  const kind = treeEntry(path)?.kind;
  if (kind === undefined) return;
  if (kind === "folder" ? removeEmptyFolder(path) : removeIfPresent(path)) return;
  throw new StoreError(`${path} is in the way: it is a folder that is not empty`);
}

/**
 * Removes what an earlier result has left and another one does not have, and the folders that are
 * empty then. What somebody has changed since stays.
 *
 * @returns how many files, links and folders were removed
 */
export function removeExtraOutputs(
  folder: string,
  earlier: readonly OutputEntry[],
  now: readonly OutputEntry[],
): number {
  const kept = new Set(now.map((output) => output.path));
  let removed = 0;
  const parents = new Set<string>();
  for (const output of earlier) {
    if (kept.has(output.path)) continue;
    const absolute = confinedPlace(folder, output.path).path;
    if (!isRight(output, absolute)) continue;
    if (output.kind === "folder" ? removeEmptyFolder(absolute) : removeIfPresent(absolute)) {
      removed++;
      parents.add(parentFolder(absolute));
    }
  }
  for (const parent of parents) {
    for (let each = parent; each !== folder && each.startsWith(folder); each = parentFolder(each)) {
      if (listFolder(each).length > 0 || !removeEmptyFolder(each)) break;
      removed++;
    }
  }
  return removed;
}
