/**
 * Making and changing what is in folders: copies, links, modes, times.
 *
 * @module
 */

import { isAbsent } from "./files.ts";

/** A file or folder as it is listed; times in milliseconds since the Unix epoch. */
export interface TreeEntry {
  readonly kind: "file" | "folder" | "link" | "other";
  readonly bytes: number;
  /** The permission bits of user, group and others: `0o777` at the most. */
  readonly mode: number;
  readonly modifiedAt: number;
}

/** What is at a path, links not followed; `undefined` where nothing is. */
export function treeEntry(path: string): TreeEntry | undefined {
  try {
    const info = Deno.lstatSync(path);
    return {
      kind: info.isFile ? "file" : info.isDirectory ? "folder" : info.isSymlink ? "link" : "other",
      bytes: info.size,
      mode: (info.mode ?? 0) & 0o777,
      modifiedAt: info.mtime?.getTime() ?? 0,
    };
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}

/** What is at a path, and a text that differs if the run of a program has changed it. */
export interface TreeSignature {
  readonly kind: TreeEntry["kind"];
  /**
   * Of a folder its inode and its mode: its times change with its entries. Of anything else also
   * the size and the times.
   */
  readonly text: string;
  /** When the inode was changed, in milliseconds since the Unix epoch. */
  readonly changedAt: number;
}

/** The signature of what is at a path, links not followed; `undefined` where nothing is. */
export function treeSignature(path: string): TreeSignature | undefined {
  try {
    const info = Deno.lstatSync(path);
    const { dev, ino, mode, size, mtime, ctime } = info;
    const changedAt = ctime?.getTime() ?? 0;
    if (info.isDirectory) return { kind: "folder", text: [dev, ino, mode].join(":"), changedAt };
    const kind = info.isFile ? "file" : info.isSymlink ? "link" : "other";
    const text = [dev, ino, mode, size, mtime?.getTime(), changedAt].join(":");
    return { kind, text, changedAt };
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}

/** Copies a file's content to a path where nothing is; its mode is copied, too. */
export function copyFile(from: string, to: string): void {
  Deno.copyFileSync(from, to);
}

/** Gives a file another name, in the place of what has it. */
export function renameFile(from: string, to: string): void {
  Deno.renameSync(from, to);
}

/** Sets a file's permissions. */
export function setMode(path: string, mode: number): void {
  Deno.chmodSync(path, mode);
}

/** Makes a link that points to `target` as it is written. */
export function makeLink(target: string, path: string): void {
  Deno.symlinkSync(target, path);
}

/** Sets a file's times to now; one that is gone meanwhile stays so. */
export function refreshTimes(path: string, now: Date): boolean {
  try {
    Deno.utimeSync(path, now, now);
    return true;
  } catch (error) {
    if (isAbsent(error)) return false;
    throw error;
  }
}

/**
 * Removes a folder that is empty.
 *
 * @returns whether it was there and empty
 */
export function removeEmptyFolder(path: string): boolean {
  try {
    Deno.removeSync(path);
    return true;
  } catch (error) {
    if (isAbsent(error)) return false;
    if (error instanceof Error && "code" in error && error.code === "ENOTEMPTY") return false;
    throw error;
  }
}

/** Writes bytes into a file of that mode where nothing is. */
export function writeNewFile(path: string, bytes: Uint8Array, mode: number): void {
  Deno.writeFileSync(path, bytes, { createNew: true, mode });
}
