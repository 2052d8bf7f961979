/**
 * What can be done to files at a stroke, without keeping others waiting: each function does all of
 * it or says that it is not for it.
 *
 * @module
 */

import { isAbsent, readRegularFile } from "./files.ts";

/** A regular file. */
export interface FileFacts {
  readonly size: number;
  readonly dev: number;
  readonly ino: number;
}

/** What a name in a folder stands for. */
interface FolderEntry {
  readonly name: string;
  readonly isLink: boolean;
}

/** A regular file at a path, links followed; `undefined` where anything else is, or nothing. */
export function fileFacts(path: string): FileFacts | undefined {
  try {
    const { isFile, size, dev, ino } = Deno.statSync(path);
    return isFile && ino !== null ? { size, dev, ino } : undefined;
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}

/**
 * The bytes of a regular file.
 *
 * @throws {SpecialFileError} if the path leads to a FIFO, a socket or a device
 */
export function readBytes(path: string): Uint8Array {
  return readRegularFile(path);
}

/** Writes a file from its beginning, or on from its end; one that is there stays the same file. */
export function writeBytes(path: string, bytes: Uint8Array, append: boolean): void {
  Deno.writeFileSync(path, bytes, { append });
}

/** Copies a file with its mode. */
export function copyFile(from: string, to: string): void {
  Deno.copyFileSync(from, to);
}

/** Gives what is at a path another name on the same file system. */
export function rename(from: string, to: string): void {
  Deno.renameSync(from, to);
}

/** Makes one folder, whose parent is there. */
export function makeFolder(path: string): void {
  Deno.mkdirSync(path);
}

/** What is in a folder, in no order. */
export function folderEntries(path: string): FolderEntry[] {
  return Array.from(Deno.readDirSync(path), ({ name, isSymlink }) => ({ name, isLink: isSymlink }));
}

/** Whether a folder holds at most so much, folders below it and all that is in them counted. */
export function holdsAtMost(folder: string, most: number): boolean {
  const waiting = [folder];
  let count = 0;
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    for (const { name, isDirectory } of Deno.readDirSync(next)) {
      if (++count > most) return false;
      if (isDirectory) waiting.push(`${next}/${name}`);
    }
  }
  return true;
}
