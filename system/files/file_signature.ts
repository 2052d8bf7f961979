/**
 * What a file's inode says: whether a file is likely to be the one that was read before.
 *
 * @module
 */

import {
  fileIdentity,
  isAbsent,
  isSameFile,
  isSystemError,
  readRegularFile,
  SpecialFileError,
} from "./files.ts";

/** A file as its inode describes it. */
export interface FileFacts {
  readonly kind: "file" | "folder" | "link" | "other";
  /** What a file of the kind `other` is: `fifo`, `socket` or a device with its number. */
  readonly special?: string;
  /** The file system that it is on. */
  readonly device: number;
  /** Different for every change that the file system's clock can tell apart. */
  readonly signature: string;
  /** Whether its owner may run it. */
  readonly isExecutable: boolean;
  /** Whether it may be changed by another name, or is something that a watch does not tell of. */
  readonly isShared: boolean;
  /** When its inode was last changed, in milliseconds since the Unix epoch, to the second. */
  readonly changedAt: number;
  /** When it was last written to, or says that it was, in milliseconds since the Unix epoch. */
  readonly writtenAt: number;
}

/** The facts of what is at a path, links not followed; `undefined` where nothing is. */
export function fileFacts(path: string): FileFacts | undefined {
  try {
    return factsOf(Deno.lstatSync(path));
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}

/** The facts of the file that a path leads to, links followed; `undefined` where nothing is. */
export function targetFacts(path: string): FileFacts | undefined {
  try {
    return factsOf(Deno.statSync(path));
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}

/**
 * The file system of `/proc`: its regular files are made by the kernel for the process that reads
 * them, some of them without an end. `undefined` if there is none.
 */
export function kernelDevice(): number | undefined {
  return Deno.build.os === "linux" ? targetFacts("/proc")?.device : undefined;
}

/** Whether two paths lead to one folder at this moment; links are not followed. */
export function isSameFolder(one: string, other: string): boolean {
  try {
    return isSameFile(fileIdentity(one), fileIdentity(other));
  } catch (error) {
    if (isSystemError(error)) return false;
    throw error;
  }
}

function factsOf(info: Deno.FileInfo): FileFacts {
  const { size, mtime, ctime, ino, dev, mode, nlink } = info;
  const changedAt = ctime?.getTime() ?? Infinity;
  if (!info.isFile && !info.isDirectory && !info.isSymlink) return specialFacts(info);
  return {
    kind: info.isFile ? "file" : info.isDirectory ? "folder" : "link",
    device: dev,
    // Put together at once: what is added up piece by piece is kept in pieces, in ten times the room.
    signature: [dev, ino, size, mtime?.getTime(), changedAt, mode].join(":"),
    isExecutable: ((mode ?? 0) & 0o100) !== 0,
    isShared: !info.isDirectory && (info.isSymlink || (nlink ?? 1) > 1),
    changedAt,
    writtenAt: mtime?.getTime() ?? Infinity,
  };
}

/** A FIFO, a socket or a device: its times are those of its use, and it holds nothing. */
function specialFacts(info: Deno.FileInfo): FileFacts {
  const special = specialOf(info);
  return {
    kind: "other",
    special,
    device: info.dev,
    signature: [info.dev, info.ino, special].join(":"),
    isExecutable: false,
    isShared: false,
    changedAt: 0,
    writtenAt: 0,
  };
}

function specialOf({ isFifo, isSocket, isBlockDevice, rdev }: Deno.FileInfo): string {
  if (isFifo === true) return "fifo";
  if (isSocket === true) return "socket";
  return `${isBlockDevice === true ? "block" : "character"} device ${rdev}`;
}

/** A folder's entry. */
export interface FolderEntry {
  readonly name: string;
  readonly kind: "file" | "folder" | "link" | "other";
}

/** The entries of a folder, in no order; `undefined` if it is missing or can't be read. */
export function folderEntries(path: string): FolderEntry[] | undefined {
  try {
    return readEntries(path);
  } catch (error) {
    if (isSystemError(error)) return undefined;
    throw error;
  }
}

/**
 * The entries of a folder, in no order; `undefined` if it is missing. A name that is not UTF-8 has
 * U+FFFD in the place of its other bytes.
 *
 * @throws {Error} the system's, if the folder can't be read
 */
export function readEntries(path: string): FolderEntry[] | undefined {
  try {
    return Array.from(Deno.readDirSync(path), entryOf);
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}

/** As {@linkcode readEntries}, in another thread. */
export async function readEntriesAside(path: string): Promise<FolderEntry[] | undefined> {
  try {
    return await Array.fromAsync(Deno.readDir(path), entryOf);
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}

/** Bytes of a folder, which grow with its entries, above which to read it takes milliseconds. */
const LARGE_FOLDER_BYTES = 64 * 1024;

/** Whether a folder has so many entries that reading them keeps everything else waiting. */
export function isLargeFolder(path: string, bytes: number = LARGE_FOLDER_BYTES): boolean {
  try {
    return Deno.statSync(path).size > bytes;
  } catch (error) {
    if (isSystemError(error)) return false;
    throw error;
  }
}

function entryOf({ name, isFile, isDirectory, isSymlink }: Deno.DirEntry): FolderEntry {
  return { name, kind: isFile ? "file" : isDirectory ? "folder" : isSymlink ? "link" : "other" };
}

/** Where a link points to, as it is written; `undefined` where there is none. */
export function linkTarget(path: string): string | undefined {
  try {
    return Deno.readLinkSync(path);
  } catch (error) {
    if (isAbsent(error)) return undefined;
    // What is no link any more has no target.
    if (error instanceof Error && "code" in error && error.code === "EINVAL") return undefined;
    throw error;
  }
}

/** The bytes of a regular file, links followed; `undefined` if there is none, or it can't be read. */
export function fileBytes(path: string): Uint8Array | undefined {
  try {
    return readRegularFile(path);
  } catch (error) {
    if (isAbsent(error) || error instanceof Deno.errors.PermissionDenied) return undefined;
    if (error instanceof Deno.errors.IsADirectory) return undefined;
    if (error instanceof SpecialFileError) return undefined;
    throw error;
  }
}

/** The time of this machine's files, in milliseconds since the Unix epoch. */
export function fileTime(): number {
  return Date.now();
}
