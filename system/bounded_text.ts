/**
 * Whole text files of a bounded size: a read never blocks on a FIFO and never fills memory.
 *
 * @module
 */

import { isAbsent, isSystemError, systemReason } from "./files.ts";

/** A file can't be read as text; the message says why, and begins in lower case. */
export class NotReadableError extends Error {
  /** The class name, as `Error.prototype.name` has it. */
  override readonly name = "NotReadableError";
  /** Whether it is not a regular file: a read might block, or never end. */
  readonly isSpecial: boolean;
  /** Whether it is a folder. */
  readonly isFolder: boolean;

  /** @param info of what is at the path, if that is not a regular file */
  constructor(message: string, info?: Deno.FileInfo, cause?: unknown) {
    super(message, { cause });
    this.isFolder = info?.isDirectory === true;
    this.isSpecial = info !== undefined && !info.isDirectory;
  }
}

/** Decodes as `Deno.readTextFileSync` does: a byte order mark stays, invalid bytes are replaced. */
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/**
 * The text of a regular file, links followed; `undefined` if nothing is at the path.
 *
 * The size is checked while reading as well, for files that grow.
 *
 * @param maxBytes the largest size, in bytes
 * @throws {NotReadableError} if it is no regular file, is larger, or the system refuses to read it
 */
export function readBoundedText(path: string, maxBytes: number): string | undefined {
  try {
    const info = Deno.statSync(path);
    requireRegular(info);
    using file = Deno.openSync(path);
    // Another file may be at the path by now.
    requireRegular(file.statSync());
    return decoder.decode(readAtMost(file, info.size, maxBytes));
  } catch (error) {
    if (isAbsent(error)) return undefined;
    if (!isSystemError(error)) throw error;
    throw new NotReadableError(reasonOf(error), undefined, error);
  }
}

/**
 * The text of anything that can be read to its end, such as a pipe of the shell's `<(…)`; it may
 * block until the end comes.
 *
 * @param maxBytes the largest size, in bytes
 * @throws {NotReadableError} if there is more, or the system refuses to read it
 */
export async function readStreamText(path: string, maxBytes: number): Promise<string | undefined> {
  try {
    using file = await Deno.open(path);
    const pieces: Uint8Array[] = [];
    let size = 0;
    for (;;) {
      const buffer = new Uint8Array(64 * 1024);
      const count = await file.read(buffer);
      if (count === null) break;
      size += count;
      if (size > maxBytes) throw tooLarge(maxBytes);
      pieces.push(buffer.subarray(0, count));
    }
    return decoder.decode(joined(pieces, size));
  } catch (error) {
    if (isAbsent(error)) return undefined;
    if (!isSystemError(error)) throw error;
    throw new NotReadableError(reasonOf(error), undefined, error);
  }
}

function reasonOf(error: Error): string {
  return error instanceof Deno.errors.PermissionDenied ? "permission denied" : systemReason(error);
}

function requireRegular(info: Deno.FileInfo): void {
  if (info.isFile) return;
  throw new NotReadableError(`it is ${kindOf(info)}, not a regular file`, info);
}

function readAtMost(file: Deno.FsFile, size: number, maxBytes: number): Uint8Array {
  if (size > maxBytes) throw tooLarge(maxBytes);
  // Files below /proc have a size of 0: one byte more than expected shows that there is more.
  let buffer = new Uint8Array(size + 1);
  let end = 0;
  for (let count = file.readSync(buffer); count !== null;) {
    end += count;
    if (end > maxBytes) throw tooLarge(maxBytes);
    if (end === buffer.length) buffer = grown(buffer);
    count = file.readSync(buffer.subarray(end));
  }
  return buffer.subarray(0, end);
}

function grown(buffer: Uint8Array): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(Math.max(4096, buffer.length * 2));
  larger.set(buffer);
  return larger;
}

function joined(pieces: readonly Uint8Array[], size: number): Uint8Array {
  const whole = new Uint8Array(size);
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

function tooLarge(maxBytes: number): NotReadableError {
  return new NotReadableError(`it is larger than ${maxBytes / 1024 ** 2} MiB`);
}

function kindOf(info: Deno.FileInfo): string {
  if (info.isDirectory) return "a folder";
  if (info.isFifo === true) return "a FIFO";
  if (info.isSocket === true) return "a socket";
  return "a device";
}
