/**
 * Captures a task's outputs from the working tree into the store, and restores them.
 *
 * @module
 */

import { linkTarget } from "../../system/files/file_signature.ts";
import {
  ensureFolder,
  inFolder,
  isSystemError,
  joinPath,
  listFolder,
  parentFolder,
  removeIfPresent,
  temporaryPath,
} from "../../system/files/files.ts";
import { macrotask } from "../../system/macrotask.ts";
import {
  copyFile,
  makeLink,
  removeEmptyFolder,
  renameFile,
  setMode,
  treeEntry,
} from "../../system/files/tree.ts";
import { type Blobs, fileDigest } from "./blobs.ts";
import { confinedPlace, type Place } from "./confine.ts";
import { StoreError } from "./errors.ts";
import type { OutputEntry } from "./result.ts";

/**
 * Returns the reason why a place may not be written, phrased as the end of a sentence that begins
 * with the place. Returns `undefined` if it may be written.
 */
export type Forbid = (place: Place, kind: OutputEntry["kind"]) => string | undefined;

/** Options of a restore. */
export interface RestoreOptions {
  /**
   * Folder for temporary files. An output is renamed into place when it is complete, so that no
   * program reads a half-written one. By default, or if this folder is on another file system,
   * temporary files are written next to the outputs.
   */
  readonly staging?: string;
  /** Default: nothing inside the folder is forbidden. */
  readonly forbid?: Forbid;
  /**
   * Returns true if the mode of an existing folder is to be set. Default: always. A folder that
   * only leads to outputs gets its mode only when it is created.
   */
  readonly owns?: (folder: Place) => boolean;
}

/**
 * Stores the files, links and folders at `paths`.
 *
 * @param folder absolute; the paths are relative to it
 * @param forbid paths that may not be restored are not stored either
 * @throws {StoreError} if an output changes or disappears while it is read, or is forbidden
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
      return { kind: "file", path, digest: blobs.putFile(absolute, before), bytes, mode };
    }
    case "link":
      return { kind: "link", path, target: linkTarget(absolute) ?? "" };
    case "folder":
      return { kind: "folder", path, mode: before.mode };
    case "other":
      throw new StoreError(`${absolute} is not a file, a link or a folder`);
    case undefined:
      throw new StoreError(`${absolute} does not exist`);
  }
}

/**
 * Restores outputs. Outputs that are correct already are not touched.
 *
 * The record of the outputs may have been written by another program. Each path is therefore
 * checked before the first one is used.
 *
 * @returns the number of outputs that were not correct
 * @throws {StoreError} if an output can't or may not be restored; nothing has been touched then,
 *   unless the reason is something in the way
 */
export async function restoreOutputs(
  blobs: Blobs,
  outputs: readonly OutputEntry[],
  folder: string,
  { staging, forbid, owns = () => true }: RestoreOptions = {},
): Promise<number> {
  refuseClashes(outputs);
  const missing: [OutputEntry, string][] = [];
  for (const output of outputs) {
    const place = confinedPlace(folder, output.path);
    const reason = forbid?.(place, output.kind);
    if (reason !== undefined) throw new StoreError(`${output.path} ${reason}`);
    if (isRight(output, place.path)) continue;
    const isThere = output.kind === "folder" && treeEntry(place.path)?.kind === "folder";
    if (isThere && !owns(place)) continue;
    missing.push([output, place.path]);
    await macrotask();
  }
  // Verify all blobs before the first output is restored.
  for (const [output] of missing) {
    if (output.kind !== "file" || blobs.isSound(output.digest)) continue;
    throw new StoreError(`the content of ${output.path} is missing or damaged`);
  }
  if (missing.length === 0) return 0;
  using opened = new OpenedFolders(folder, outputs);
  for (const [output] of missing) {
    const { path } = confinedPlace(folder, output.path);
    opened.open(parentFolder(path));
    if (output.kind === "folder") {
      if (treeEntry(path)?.kind !== "folder") clearWay(path);
      ensureFolder(path);
      opened.closeWith(path, output.mode & 0o777);
    } else {
      put(blobs, output, path, staging);
    }
    await macrotask();
  }
  return missing.length;
}

/** Permissions that this process needs in a folder to change its entries. */
const OWNER_ACCESS = 0o700;

/**
 * Makes folders of a result writable for a while, because a task may have made them read-only.
 * Their modes are set at the end, the innermost folder first.
 */
class OpenedFolders implements Disposable {
  readonly #folders: ReadonlySet<string>;
  /** Modes to set at the end. */
  readonly #modes = new Map<string, number>();

  constructor(folder: string, outputs: readonly Pick<OutputEntry, "path" | "kind">[]) {
    const own = outputs.filter(({ kind }) => kind === "folder");
    this.#folders = new Set(own.map(({ path }) => joinPath(folder, path)));
  }

  /** Lets this process write into a folder, if the folder belongs to the result. */
  open(path: string): void {
    if (!this.#folders.has(path)) return;
    const now = treeEntry(path);
    if (now?.kind !== "folder" || (now.mode & OWNER_ACCESS) === OWNER_ACCESS) return;
    if (!this.#modes.has(path)) this.#modes.set(path, now.mode);
    setMode(path, now.mode | OWNER_ACCESS);
  }

  /** Sets a folder's mode at the end. Until then this process can write into the folder. */
  closeWith(path: string, mode: number): void {
    this.#modes.set(path, mode);
    setMode(path, mode | OWNER_ACCESS);
  }

  [Symbol.dispose](): void {
    const innermostFirst = [...this.#modes].sort(([a], [b]) => a < b ? 1 : -1);
    for (const [path, mode] of innermostFirst) {
      if (treeEntry(path)?.kind === "folder") setMode(path, mode);
    }
  }
}

/** @throws {StoreError} if the record names a path twice, or a path inside a file or a link */
function refuseClashes(outputs: readonly OutputEntry[]): void {
  const kinds = new Map(outputs.map(({ path, kind }) => [path, kind]));
  if (kinds.size < outputs.length) throw new StoreError("the record names a path twice");
  for (const path of kinds.keys()) {
    for (let end = path.lastIndexOf("/"); end > 0; end = path.lastIndexOf("/", end - 1)) {
      const outer = path.slice(0, end);
      const kind = kinds.get(outer);
      if (kind === undefined || kind === "folder") continue;
      throw new StoreError(`the record has ${path} inside ${outer}`);
    }
  }
}

/** Returns true if a path has the kind, the mode and the content that an entry says. */
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

function put(
  blobs: Blobs,
  output: Exclude<OutputEntry, { kind: "folder" }>,
  path: string,
  staging: string | undefined,
): void {
  ensureParents(parentFolder(path));
  if (treeEntry(path)?.kind === "folder") clearWay(path);
  const beside = parentFolder(path);
  try {
    putThrough(staging ?? beside, blobs, output, path);
  } catch (error) {
    if (!isSystemError(error) || error.code !== "EXDEV") throw error;
    putThrough(beside, blobs, output, path);
  }
}

/** @throws {Error} with the code `EXDEV` if the folder is on another file system */
function putThrough(
  folder: string,
  blobs: Blobs,
  output: Exclude<OutputEntry, { kind: "folder" }>,
  path: string,
): void {
  const temporary = temporaryPath(joinPath(folder, ".simmer"));
  try {
    inFolder(folder, () => {
      if (output.kind === "link") makeLink(output.target, temporary);
      else copyFile(blobs.path(output.digest), temporary);
    });
    if (output.kind === "file") setMode(temporary, output.mode & 0o777);
    renameFile(temporary, path);
  } catch (error) {
    removeIfPresent(temporary);
    throw error;
  }
}

/**
 * Creates folders.
 *
 * @throws {StoreError} if this fails, for example because a file has the name of one of them
 */
function ensureParents(folder: string): void {
  try {
    ensureFolder(folder);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    throw new StoreError(`cannot make the folder ${folder}: ${error.message}`);
  }
}

/**
 * Removes an empty folder, a link or a file that is in the way of an output. A folder that is not
 * empty may hold a user's files, so it is never removed.
 */
function clearWay(path: string): void {
  const kind = treeEntry(path)?.kind;
  if (kind === undefined) return;
  if (kind === "folder" ? removeEmptyFolder(path) : removeIfPresent(path)) return;
  throw new StoreError(`${path} is a folder that is not empty`);
}

/**
 * Removes files, links and folders. Folders that hold anything else stay.
 *
 * @param own everything that the task has made: folders among it are made writable for the removal
 * @returns the number of removed files, links and folders
 */
export function removeOutputs(
  folder: string,
  outputs: readonly Pick<OutputEntry, "path" | "kind">[],
  own: readonly Pick<OutputEntry, "path" | "kind">[] = outputs,
): number {
  let removed = 0;
  const folders: string[] = [];
  using opened = new OpenedFolders(folder, own);
  for (const { path, kind } of outputs) {
    const { path: absolute } = confinedPlace(folder, path);
    if (kind === "folder") {
      folders.push(absolute);
      continue;
    }
    opened.open(parentFolder(absolute));
    if (removeIfPresent(absolute)) removed++;
  }
  // A folder comes after its contents.
  for (const path of folders.sort().reverse()) {
    if (treeEntry(path)?.kind !== "folder" || listFolder(path).length > 0) continue;
    opened.open(parentFolder(path));
    if (removeEmptyFolder(path)) removed++;
  }
  return removed;
}
