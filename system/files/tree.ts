/**
 * Creates and changes files, links and folders for the result store: copies, modes and times.
 *
 * @module
 */

import { isAbsent } from "./files.ts";

/** The facts about a file, a folder or a link. Times are in milliseconds since the Unix epoch. */
export interface TreeEntry {
  readonly kind: "file" | "folder" | "link" | "other";
  readonly bytes: number;
  /** The permission bits of user, group and others, at most `0o777`. */
  readonly mode: number;
  readonly modifiedAt: number;
  /** The file takes less disk space than its size, because it has holes or is compressed. */
  readonly isSparse: boolean;
}

/** The size of a file system's blocks in bytes. A hole is at least that long. */
const BLOCK_BYTES = 4096;
/** The bytes of a sparse file that are read at a time, a whole number of blocks. */
const PIECE_BYTES = 256 * BLOCK_BYTES;

function isSparse({ isFile, size, blocks }: Deno.FileInfo): boolean {
  return isFile && blocks !== null && size >= BLOCK_BYTES && blocks * 512 < size;
}

/** Returns the facts about a path, or `undefined` if it is missing. Does not follow links. */
export function treeEntry(path: string): TreeEntry | undefined {
  try {
    const info = Deno.lstatSync(path);
    return {
      kind: info.isFile ? "file" : info.isDirectory ? "folder" : info.isSymlink ? "link" : "other",
      bytes: info.size,
      mode: (info.mode ?? 0) & 0o777,
      modifiedAt: info.mtime?.getTime() ?? 0,
      isSparse: isSparse(info),
    };
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}

/**
 * Copies a file's content and mode to a path that does not exist. The copy of a sparse file is
 * sparse: blocks of zeros become holes.
 */
export function copyFile(from: string, to: string): void {
  const info = Deno.statSync(from);
  if (!isSparse(info)) return Deno.copyFileSync(from, to);
  using source = Deno.openSync(from);
  using target = Deno.openSync(to, { write: true, createNew: true, mode: 0o600 });
  const words = new Uint32Array(PIECE_BYTES / 4);
  const piece = new Uint8Array(words.buffer);
  let size = 0;
  for (let count = fill(source, piece); count > 0; count = fill(source, piece)) {
    piece.fill(0, count);
    for (const [start, end] of blocksWithData(words, count)) {
      target.seekSync(size + start, Deno.SeekMode.Start);
      for (let at = start; at < end;) at += target.writeSync(piece.subarray(at, end));
    }
    size += count;
  }
  target.truncateSync(size);
  Deno.chmodSync(to, (info.mode ?? 0o600) & 0o777);
}

/** Reads until the buffer is full or the file ends. Returns the number of bytes read. */
function fill(file: Deno.FsFile, buffer: Uint8Array): number {
  let end = 0;
  while (end < buffer.length) {
    const count = file.readSync(buffer.subarray(end));
    if (count === null) break;
    end += count;
  }
  return end;
}

function hasData(words: Uint32Array, start: number): boolean {
  for (let at = start; at < start + BLOCK_BYTES / 4; at++) if (words[at] !== 0) return true;
  return false;
}

/** Yields the byte ranges of a buffer whose blocks are not all zeros. */
function* blocksWithData(words: Uint32Array, count: number): Generator<[number, number]> {
  let start: number | undefined;
  for (let at = 0; at < count; at += BLOCK_BYTES) {
    if (hasData(words, at / 4)) start ??= at;
    else if (start !== undefined) {
      yield [start, at];
      start = undefined;
    }
  }
  if (start !== undefined) yield [start, count];
}

/** Renames a file. Replaces a file that has the new name. */
export function renameFile(from: string, to: string): void {
  Deno.renameSync(from, to);
}

export function setMode(path: string, mode: number): void {
  Deno.chmodSync(path, mode);
}

/** Creates a symbolic link whose text is `target`, unresolved. */
export function makeLink(target: string, path: string): void {
  Deno.symlinkSync(target, path);
}

/** Sets a file's times to `now`. Returns false if the file is missing. */
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
 * Removes a folder if it is empty.
 *
 * @returns true if the folder existed and was empty
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

/** Creates a file with the given bytes and mode. Fails if the path exists. */
export function writeNewFile(path: string, bytes: Uint8Array, mode: number): void {
  Deno.writeFileSync(path, bytes, { createNew: true, mode });
}
