/**
 * What a file's inode says: whether a file is likely to be the one that was read before.
 *
 * @module
 */

import { isAbsent } from "./files.ts";

/** A file as its inode describes it; links are not followed. */
export interface FileFacts {
  readonly kind: "file" | "folder" | "link" | "other";
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

/** The facts of what is at a path; `undefined` where nothing is. */
export function fileFacts(path: string): FileFacts | undefined {
  try {
    return factsOf(Deno.lstatSync(path));
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}

function factsOf(info: Deno.FileInfo): FileFacts {
  const { size, mtime, ctime, ino, dev, mode, nlink } = info;
  const changedAt = ctime?.getTime() ?? Infinity;
  return {
    kind: info.isFile ? "file" : info.isDirectory ? "folder" : info.isSymlink ? "link" : "other",
    // Put together at once: what is added up piece by piece is kept in pieces, in ten times the room.
    signature: [dev, ino, size, mtime?.getTime(), changedAt, mode].join(":"),
    isExecutable: ((mode ?? 0) & 0o100) !== 0,
    isShared: !info.isDirectory && (info.isSymlink || (nlink ?? 1) > 1),
    changedAt,
    writtenAt: mtime?.getTime() ?? Infinity,
  };
}

/** A folder's entry. */
export interface FolderEntry {
  readonly name: string;
  readonly kind: "file" | "folder" | "link" | "other";
}

/** The entries of a folder, in no order; `undefined` where it is not there or can't be read. */
export function folderEntries(path: string): FolderEntry[] | undefined {
  try {
    return [...Deno.readDirSync(path)].map(({ name, isFile, isDirectory, isSymlink }) => ({
      name,
      kind: isFile ? "file" : isDirectory ? "folder" : isSymlink ? "link" : "other",
    }));
  } catch (error) {
    if (isAbsent(error) || error instanceof Deno.errors.PermissionDenied) return undefined;
    throw error;
  }
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

/**
 * The bytes of a regular file, links followed; `undefined` where it is not there or can't be read.
 * What a link leads to may be a FIFO or a device, which a read would wait for without end.
 */
export function fileBytes(path: string): Uint8Array | undefined {
  try {
    if (!Deno.statSync(path).isFile) return undefined;
    return Deno.readFileSync(path);
  } catch (error) {
    if (isAbsent(error) || error instanceof Deno.errors.PermissionDenied) return undefined;
    if (error instanceof Deno.errors.IsADirectory) return undefined;
    throw error;
  }
}

/** The time of this machine's files, in milliseconds since the Unix epoch. */
export function fileTime(): number {
  return Date.now();
}
