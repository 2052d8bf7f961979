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
import { confinedPath } from "./confine.ts";
import { StoreError } from "./errors.ts";
import type { OutputEntry } from "./result.ts";

/**
 * Keeps what is at paths.
 *
 * @param folder absolute; the paths are relative to it
 * @throws {StoreError} where something is changed, or goes, while it is read
 */
export async function captureOutputs(
  blobs: Blobs,
  folder: string,
  paths: readonly string[],
): Promise<readonly OutputEntry[]> {
  const entries: OutputEntry[] = [];
  for (const path of [...paths].sort()) {
    if (entries.length > 0) await macrotask();
    entries.push(captured(blobs, path, confinedPath(folder, path)));
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
 * @param aside where they are until they are whole, so that nobody takes half of one for an output;
 *   on another file system, or where it is absent, they are beside where they belong
 * @returns how many were not right
 * @throws {StoreError} where one can't be put back; unless something is in the way, nothing has been
 *   touched then
 */
export async function restoreOutputs(
  blobs: Blobs,
  outputs: readonly OutputEntry[],
  folder: string,
  aside?: string,
): Promise<number> {
  const missing: [OutputEntry, string][] = [];
  for (const output of outputs) {
    const absolute = confinedPath(folder, output.path);
    if (isRight(output, absolute)) continue;
    missing.push([output, absolute]);
    await macrotask();
  }
  // All of them are looked at before the first one is put anywhere.
  for (const [output] of missing) {
    if (output.kind !== "file" || blobs.isSound(output.digest)) continue;
    throw new StoreError(`the content of ${output.path} is gone or damaged`);
  }
  for (const [output] of missing) {
    put(blobs, output, confinedPath(folder, output.path), aside);
    await macrotask();
  }
  return missing.length;
}

/** Whether what is at a path is what an entry says. */
export function isRight(output: OutputEntry, absolute: string): boolean {
  const now = treeEntry(absolute);
  if (now === undefined || now.kind !== output.kind) return false;
  switch (output.kind) {
    case "link":
      return linkTarget(absolute) === output.target;
    case "folder":
      return now.mode === output.mode;
    case "file":
      return now.bytes === output.bytes && now.mode === output.mode &&
        fileDigest(absolute) === output.digest;
  }
}

function put(blobs: Blobs, output: OutputEntry, path: string, aside: string | undefined): void {
  ensureParents(parentFolder(path));
  if (output.kind === "folder") {
    if (treeEntry(path)?.kind !== "folder") clearWay(path);
    ensureFolder(path);
    setMode(path, output.mode);
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
    if (output.kind === "file") setMode(aside, output.mode);
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
    const absolute = confinedPath(folder, output.path);
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
