/**
 * Reads the inode facts of files, the entries of folders and the targets of links. The inode facts
 * form a signature that tells if a file is likely to be unchanged since it was last read.
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

/** The facts about a file in its inode. */
export interface FileFacts {
  readonly kind: "file" | "folder" | "link" | "other";
  /** For the kind `other`: `fifo`, `socket`, or the type and number of a device. */
  readonly special?: string;
  /** The number of the file system that holds the file. */
  readonly device: number;
  /** A text that differs after every change that the file system's clock can distinguish. */
  readonly signature: string;
  /** The file's owner may execute it. */
  readonly isExecutable: boolean;
  /**
   * The file may change without an event of the watch on its folder, because it is a link or has
   * several hard links.
   */
  readonly isShared: boolean;
  /** The time of the inode's last change in milliseconds since the Unix epoch, to the second. */
  readonly changedAt: number;
  /** The modification time in milliseconds since the Unix epoch. Programs can set it. */
  readonly writtenAt: number;
}

/**
 * Returns the facts of the file at a path, or `undefined` if it is missing. Does not follow links.
 */
export function fileFacts(path: string): FileFacts | undefined {
  try {
    return factsOf(Deno.lstatSync(path));
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}

/** Returns the facts of the file at a path, or `undefined` if it is missing. Follows links. */
export function targetFacts(path: string): FileFacts | undefined {
  try {
    return factsOf(Deno.statSync(path));
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}

/**
 * Returns the device number of `/proc`, or `undefined` if there is none. The kernel generates the
 * regular files of `/proc` for the process that reads them, and some of them are endless.
 */
export function kernelDevice(): number | undefined {
  return Deno.build.os === "linux" ? targetFacts("/proc")?.device : undefined;
}

/** Returns true if two paths lead to the same folder at this moment. Does not follow links. */
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
    // Join all parts at once: the runtime stores a concatenated string in pieces, in ten times the
    // memory.
    signature: [dev, ino, size, mtime?.getTime(), changedAt, mode].join(":"),
    isExecutable: ((mode ?? 0) & 0o100) !== 0,
    isShared: !info.isDirectory && (info.isSymlink || (nlink ?? 1) > 1),
    changedAt,
    writtenAt: mtime?.getTime() ?? Infinity,
  };
}

/** Returns the facts of a FIFO, a socket or a device. Its times are left out: use changes them. */
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

export interface FolderEntry {
  readonly name: string;
  readonly kind: "file" | "folder" | "link" | "other";
}

/** Lists a folder, in no order. Returns `undefined` if the folder is missing or can't be read. */
export function folderEntries(path: string): FolderEntry[] | undefined {
  try {
    return readEntries(path);
  } catch (error) {
    if (isSystemError(error)) return undefined;
    throw error;
  }
}

/**
 * Lists a folder, in no order. In a name that is not UTF-8, U+FFFD replaces the invalid bytes.
 *
 * @returns `undefined` if the folder is missing
 * @throws {Error} the system's error if the folder can't be read
 */
export function readEntries(path: string): FolderEntry[] | undefined {
  try {
    return Array.from(Deno.readDirSync(path), entryOf);
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}

/** Lists a folder like {@linkcode readEntries}, but in another thread. */
export async function readEntriesAsync(path: string): Promise<FolderEntry[] | undefined> {
  try {
    return await Array.fromAsync(Deno.readDir(path), entryOf);
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}

/**
 * The size of a folder, in bytes, above which listing it takes milliseconds. It grows with entries.
 */
const LARGE_FOLDER_BYTES = 64 * 1024;

/** Returns true if a folder has so many entries that listing it would block the event loop. */
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

/** Returns the target of a link as stored in it, or `undefined` if the path is not a link. */
export function linkTarget(path: string): string | undefined {
  try {
    return Deno.readLinkSync(path);
  } catch (error) {
    if (isAbsent(error)) return undefined;
    // EINVAL: the path is not a link, or no longer one.
    if (error instanceof Error && "code" in error && error.code === "EINVAL") return undefined;
    throw error;
  }
}

/**
 * Reads a regular file. Follows links. Returns `undefined` if the file is missing, is not regular,
 * or this process has no permission.
 */
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

/** Returns the time to compare with file times, in milliseconds since the Unix epoch. */
export function fileTime(): number {
  return Date.now();
}
