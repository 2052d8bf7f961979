/**
 * Reading files in a folder where a path may hold anything: a link, a FIFO, a folder, a file of
 * another user. Only a regular file of this user is opened. A link is not followed, and a FIFO does
 * not block.
 *
 * @module
 */

import { isAbsent, removeIfPresent, removeTree, systemErrorNumber } from "./files.ts";

/** EIO, and EUCLEAN of Linux: the disk has lost what it held. */
const DAMAGED = Deno.build.os === "linux" ? [5, 117] : [5];

/** Bytes of a file that are in memory at once at the most. */
const MAX_PIECE_BYTES = 1024 * 1024;

/** What is at a path. */
type Regular =
  | { readonly kind: "file"; readonly bytes: number }
  | { readonly kind: "absent" }
  /** A link, a folder, a FIFO, a socket, a device, or a file that belongs to another user. */
  | { readonly kind: "unfit" };

/** Tells what is at a path; links are not followed. */
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

/** What is read of a file. */
interface ReadOptions {
  /** A longer file is unfit; default: any length is read. */
  readonly maxBytes?: number;
  /** Whether a file of another user is read, too; default: `false`. */
  readonly anyUser?: boolean;
}

/**
 * Reads a regular file of this user piece by piece.
 *
 * @param take called with each piece, whose bytes are valid until it returns
 * @returns what was found; `unfit` also if the file can't be read: no permission, a damaged disk
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
    // One byte more than the file has, so that most end with the first piece.
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
 * @returns its bytes, or why there are none, as `readRegular` has it
 */
export function readRegularBytes(
  path: string,
  options: ReadOptions = {},
): Uint8Array<ArrayBuffer> | "absent" | "unfit" {
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  const found = readRegular(path, (piece) => pieces.push(piece.slice()), options);
  if (found !== "file") return found;
  const [first] = pieces;
  if (first !== undefined && pieces.length === 1) return first;
  const bytes = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}

/** Makes room for a regular file: removes what is at a path, unless it is one. */
export function clearUnlessRegular(path: string): void {
  if (lookForRegular(path).kind === "unfit") removeAnything(path);
}

/**
 * Gives a file that is whole its name, in the place of whatever has it, a link itself or a folder
 * with all that is in it. The folder of the name has to be there.
 */
export function putInPlace(aside: string, path: string): void {
  try {
    Deno.renameSync(aside, path);
  } catch (error) {
    // Only a folder is in the way of a file. Looking first would cost more than the rename.
    if (lookForRegular(path).kind !== "unfit") throw error;
    removeAnything(path);
    Deno.renameSync(aside, path);
  }
}

/** Makes room for a folder: removes what is at a path, unless it is one; a link to one is not. */
export function clearUnlessFolder(path: string): void {
  try {
    if (!Deno.lstatSync(path).isDirectory) removeAnything(path);
  } catch (error) {
    if (!isAbsent(error)) throw error;
  }
}

/** Removes what is at a path, whatever it is; a link itself, never its target. */
export function removeAnything(path: string): void {
  try {
    removeIfPresent(path);
  } catch (error) {
    // A folder that is not empty.
    if (!(error instanceof Error)) throw error;
    removeTree(path);
  }
}
