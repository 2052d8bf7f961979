/**
 * Reads whole files of a bounded size, such as configuration and env files. A read never fills the
 * memory, and never blocks on a FIFO unless the caller allows that.
 *
 * @module
 */

import { isAbsent, isSystemError, systemReason } from "./files.ts";

/** Error: a file can't be read. The message says why, and begins in lower case. */
export class NotReadableError extends Error {
  /** The class name, as in `Error.prototype.name`. */
  override readonly name = "NotReadableError";
  /** The path leads to a FIFO, a socket or a device. Reading it might block, or never end. */
  readonly isSpecial: boolean;
  /** The path leads to a folder. */
  readonly isFolder: boolean;

  /** The file is larger than the limit. */
  readonly isTooLarge: boolean;

  /** @param facts `info` is the status of the file if it is not a regular file */
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

/** Decodes like `Deno.readTextFileSync`: keeps a byte order mark and replaces invalid bytes. */
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/**
 * Reads the text of a regular file. Links are followed.
 *
 * @param maxBytes the largest size, in bytes
 * @returns `undefined` if the file is missing
 * @throws {NotReadableError} like {@linkcode readBoundedBytes}
 */
export function readBoundedText(path: string, maxBytes: number): string | undefined {
  const bytes = readBoundedBytes(path, maxBytes);
  return bytes && decoder.decode(bytes);
}

/** Options of {@linkcode readBoundedBytes}. */
interface BoundedOptions {
  /** Also reads pipes and devices, which may block until their writer writes. Default: `false`. */
  readonly takesSpecial?: boolean;
}

/**
 * Reads the bytes of a file. Links are followed.
 *
 * The size is checked before the read and during it, because a file may grow.
 *
 * @param maxBytes the largest size, in bytes
 * @returns `undefined` if the file is missing
 * @throws {NotReadableError} if the file is not regular, is larger, or can't be read by this
 *   process
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
    // Check again, because another file may have replaced it since.
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
  // Files in /proc report a size of 0. A buffer of one byte more than the size detects more data.
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
