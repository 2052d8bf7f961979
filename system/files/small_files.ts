/**
 * File operations of the shell commands that run inside the server without a process, such as `cp`
 * and `rm`. They are synchronous. The callers limit the sizes, so that no call blocks the event
 * loop for long.
 *
 * @module
 */

import { isAbsent, readRegularFile } from "./files.ts";

/** The size and the identity of a regular file. */
export interface FileFacts {
  readonly size: number;
  readonly dev: number;
  readonly ino: number;
}

interface FolderEntry {
  readonly name: string;
  readonly isLink: boolean;
}

/** Returns the facts of a regular file. `undefined` for anything else or nothing. Follows links. */
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
 * Reads a whole regular file.
 *
 * @throws {SpecialFileError} if the path leads to a FIFO, a socket or a device
 */
export function readBytes(path: string): Uint8Array {
  return readRegularFile(path);
}

/** Overwrites a file or appends to it. An existing file keeps its inode. */
export function writeBytes(path: string, bytes: Uint8Array, append: boolean): void {
  Deno.writeFileSync(path, bytes, { append });
}

/** Copies a file and its mode. */
export function copyFile(from: string, to: string): void {
  Deno.copyFileSync(from, to);
}

/** Lists the entries of a folder, in no order. */
export function folderEntries(path: string): FolderEntry[] {
  return Array.from(Deno.readDirSync(path), ({ name, isSymlink }) => ({ name, isLink: isSymlink }));
}

/** Returns true if a folder has at most `most` entries, including those of all folders below it. */
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
