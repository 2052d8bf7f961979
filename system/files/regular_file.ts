/**
 * Reads and replaces files of the result store, where a path may hold anything: a link, a FIFO, a
 * folder, or a file of another user. By default only a regular file of this user is read. Links are
 * not followed, and a FIFO is not opened, because that could block.
 *
 * @module
 */

import { concat } from "@std/bytes/concat";
import { isAbsent, removeIfPresent, removeTree, systemErrorNumber } from "./files.ts";

/** EIO, and EUCLEAN on Linux: the disk is damaged. */
const DAMAGED = Deno.build.os === "linux" ? [5, 117] : [5];

/** The most bytes of a file that are in memory at a time. */
const MAX_PIECE_BYTES = 1024 * 1024;

/** The kind of file at a path, and its size. */
type Regular =
  | { readonly kind: "file"; readonly bytes: number }
  | { readonly kind: "absent" }
  /** A link, a folder, a FIFO, a socket, a device, or a file that belongs to another user. */
  | { readonly kind: "unfit" };

/** Looks up the kind of file at a path. Does not follow links. */
export function lookForRegular(path: string): Regular {
  try {
    return regularOf(Deno.lstatSync(path));
  } catch (error) {
    if (isAbsent(error)) return { kind: "absent" };
    throw error;
  }
}

function regularOf({ isFile, uid, size }: Deno.FileInfo, anyUser = false): Regular {
  const own = Deno.uid();
  const isOwn = anyUser || own === null || uid === own;
  return isFile && isOwn ? { kind: "file", bytes: size } : { kind: "unfit" };
}

/** Options of {@linkcode readRegular}. */
interface ReadOptions {
  /** The largest size in bytes. A larger file is unfit. Default: no limit. */
  readonly maxBytes?: number;
  /** Also reads files of other users. Default: `false`. */
  readonly anyUser?: boolean;
}

/**
 * Reads a regular file of this user piece by piece.
 *
 * @param take called with each piece, whose bytes are valid until `take` returns
 * @returns the kind of file. Also `unfit` if the file can't be read: it was replaced, is larger
 *   than allowed, this process has no permission, or the disk is damaged.
 */
export function readRegular(
  path: string,
  take: (piece: Uint8Array<ArrayBuffer>) => void,
  { maxBytes = Infinity, anyUser = false }: ReadOptions = {},
): Regular["kind"] {
  try {
    const before = Deno.lstatSync(path);
    const found = regularOf(before, anyUser);
    if (found.kind !== "file") return found.kind;
    if (found.bytes > maxBytes) return "unfit";
    using file = Deno.openSync(path);
    const now = file.statSync();
    if (!now.isFile || now.dev !== before.dev || now.ino !== before.ino) return "unfit";
    // One byte more than the size, so that most files are read in one piece.
    const buffer = new Uint8Array(Math.min(MAX_PIECE_BYTES, now.size + 1));
    let total = 0;
    for (let count = file.readSync(buffer); count !== null; count = file.readSync(buffer)) {
      total += count;
      if (total > maxBytes) return "unfit";
      take(buffer.subarray(0, count));
    }
    return "file";
  } catch (error) {
    if (isAbsent(error)) return "absent";
    if (error instanceof Deno.errors.PermissionDenied) return "unfit";
    if (error instanceof Error && DAMAGED.includes(systemErrorNumber(error) ?? 0)) return "unfit";
    throw error;
  }
}

/**
 * Reads a regular file of this user into memory.
 *
 * @returns its bytes, or the reason why it was not read, like `readRegular`
 */
export function readRegularBytes(
  path: string,
  options: ReadOptions = {},
): Uint8Array<ArrayBuffer> | "absent" | "unfit" {
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  const found = readRegular(path, (piece) => pieces.push(piece.slice()), options);
  if (found !== "file") return found;
  const [first] = pieces;
  return first !== undefined && pieces.length === 1 ? first : concat(pieces);
}

/** Makes room for a regular file: removes anything at a path except a regular file of this user. */
export function clearUnlessRegular(path: string): void {
  if (lookForRegular(path).kind === "unfit") removeAnything(path);
}

/**
 * Renames a complete temporary file to its final path. It replaces anything at that path: a link
 * itself, or a folder with all of its content. The parent folder must exist.
 */
export function putInPlace(temporary: string, path: string): void {
  try {
    Deno.renameSync(temporary, path);
  } catch (error) {
    // Only a folder prevents the rename. A check before it would cost more than the rename itself.
    if (lookForRegular(path).kind !== "unfit") throw error;
    removeAnything(path);
    Deno.renameSync(temporary, path);
  }
}

/** Makes room for a folder: removes anything at a path except a folder. A link is removed too. */
export function clearUnlessFolder(path: string): void {
  try {
    if (!Deno.lstatSync(path).isDirectory) removeAnything(path);
  } catch (error) {
    if (!isAbsent(error)) throw error;
  }
}

/** Removes anything at a path. Removes a link itself, never its target. */
export function removeAnything(path: string): void {
  try {
    removeIfPresent(path);
  } catch (error) {
    // The path holds a folder that is not empty.
    if (!(error instanceof Error)) throw error;
    removeTree(path);
  }
}
