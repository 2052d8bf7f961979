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

  /** Whether it is larger than it may be. */
  readonly isTooLarge: boolean;

  /** @param facts `info` of what is at the path, if that is not a regular file */
  constructor(
    message: string,
    { info, isTooLarge = false, cause }: {
      readonly info?: Deno.FileInfo;
      readonly isTooLarge?: boolean;
      readonly cause?: unknown;
    },
  ) {
    super(message, { cause });
    this.isFolder = info?.isDirectory === true;
    this.isSpecial = info !== undefined && !info.isDirectory;
    this.isTooLarge = isTooLarge;
  }
}

/** Decodes as `Deno.readTextFileSync` does: a byte order mark stays, invalid bytes are replaced. */
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/**
 * The text of a regular file, links followed; `undefined` if nothing is at the path.
 *
 * @param maxBytes the largest size, in bytes
 * @throws {NotReadableError} as {@linkcode readBoundedBytes}
 */
export function readBoundedText(path: string, maxBytes: number): string | undefined {
  const bytes = readBoundedBytes(path, maxBytes);
  return bytes && decoder.decode(bytes);
}

/** How a file is read. */
interface BoundedOptions {
  /** Whether a pipe or a device is read, too, which may wait for its writer; default: `false`. */
  readonly takesSpecial?: boolean;
}

/**
 * The bytes of a file, links followed; `undefined` if nothing is at the path.
 *
 * The size is checked while reading as well, for files that grow.
 *
 * @param maxBytes the largest size, in bytes
 * @throws {NotReadableError} if it is no regular file, is larger, or the system refuses to read it
 */
export function readBoundedBytes(
  path: string,
  maxBytes: number,
  { takesSpecial = false }: BoundedOptions = {},
): Uint8Array | undefined {
  try {
    const info = Deno.statSync(path);
    if (!takesSpecial || info.isDirectory) requireRegular(info);
    using file = Deno.openSync(path);
    // Another file may be at the path by now.
    if (!takesSpecial) requireRegular(file.statSync());
    return readAtMost(file, info.size, maxBytes);
  } catch (error) {
    if (isAbsent(error)) return undefined;
    if (!isSystemError(error)) throw error;
    throw new NotReadableError(reasonOf(error), { cause: error });
  }
}

function reasonOf(error: Error): string {
  return error instanceof Deno.errors.PermissionDenied ? "permission denied" : systemReason(error);
}

function requireRegular(info: Deno.FileInfo): void {
  if (info.isFile) return;
  throw new NotReadableError(`it is ${kindOf(info)}, not a regular file`, { info });
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

function tooLarge(maxBytes: number): NotReadableError {
  return new NotReadableError(`it is larger than ${maxBytes / 1024 ** 2} MiB`, {
    isTooLarge: true,
  });
}

function kindOf(info: Deno.FileInfo): string {
  if (info.isDirectory) return "a folder";
  if (info.isFifo === true) return "a FIFO";
  if (info.isSocket === true) return "a socket";
  return "a device";
}
