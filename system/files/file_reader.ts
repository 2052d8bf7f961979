/**
 * Computes the digests of task input files. An input path may lead to a FIFO, a socket, a device or
 * an endless file, none of which may block the server.
 *
 * Only regular files are read. On Linux a file is opened by `open(2)` with `O_NONBLOCK`, so that a
 * FIFO that has just replaced a file does not block. After the open, `statx(2)` on the descriptor
 * checks the kind of file. The read stops at the size that the file had when it was opened.
 *
 * @module
 */

import { Sha256, sha256Hex } from "./digest.ts";
import {
  isAbsent,
  isSystemError,
  openRegularFile,
  SpecialFileError,
  systemReason,
} from "./files.ts";
import { ERRNO_SYMBOLS, errnoOf, isAbsence, LazyLibc, systemErrorText } from "../libc.ts";
import { InodeStatus, STATX_SYMBOLS } from "./statx.ts";

const O_NOCTTY = 0o400;
const O_NONBLOCK = 0o4000;
const O_CLOEXEC = 0o2000000;

const SYMBOLS = {
  ...STATX_SYMBOLS,
  ...ERRNO_SYMBOLS,
  open: { parameters: ["buffer", "i32"], result: "i32" },
  read: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  close: { parameters: ["i32"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

type Symbols = Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];

/**
 * The largest file that is read synchronously, in bytes. A larger one would block the event loop.
 */
const MOST_AT_ONCE = 1024 * 1024;
/** The most bytes that are read from a file whose reported size is 0, as in `/sys`. */
const UNKNOWN_SIZE_BYTES = 64 * 1024;
/** The most bytes of a large file that are in memory at a time. */
const PIECE_BYTES = 512 * 1024;

/** The content of a file, or the reason why it was not read. */
type FileContent =
  /** A regular file. `digest` is the SHA-256 of its bytes in hex. */
  | { readonly kind: "file"; readonly digest: string }
  /** A regular file that is too large to be read synchronously. */
  | { readonly kind: "large" }
  /** A folder, a FIFO, a socket or a device. */
  | { readonly kind: "special" }
  | { readonly kind: "absent" }
  /** A file that this process can't read. */
  | { readonly kind: "unreadable"; readonly reason: string };

const encoder = new TextEncoder();

/** Reads regular files. It never blocks on a FIFO or a device. */
export class FileReader implements Disposable {
  readonly #libc = new LazyLibc(SYMBOLS);
  #buffer = new Uint8Array(UNKNOWN_SIZE_BYTES);
  readonly #status = new InodeStatus();

  /** Reads a file of up to 1 MiB. Links are followed. A larger file is not read. */
  digest(path: string): FileContent {
    try {
      const { symbols } = this.#libc;
      return symbols === undefined ? this.#readPortably(path) : this.#read(path, symbols);
    } catch (error) {
      return failure(error);
    }
  }

  /**
   * Returns the time of an inode's last change (`ctime`), in milliseconds since the Unix epoch.
   * Unlike a modification time, no program can set it. `Deno.stat` gives it to the second only.
   *
   * @param isFollowed true for a link's target, false for the link itself
   * @returns `undefined` if the time is not available
   */
  changedAt(path: string, isFollowed: boolean): number | undefined {
    const { symbols } = this.#libc;
    if (symbols === undefined || !this.#status.look(symbols, path, isFollowed)) return undefined;
    return Number(this.#status.changedAt / 1_000_000n);
  }

  /**
   * Reads a file of any size. Links are followed. The file is read piece by piece in another
   * thread, so that the event loop runs after each piece.
   *
   * @param signal aborts the read
   * @throws the signal's reason if it is aborted
   */
  async digestLarge(path: string, signal?: AbortSignal): Promise<FileContent> {
    try {
      using file = this.#open(path);
      const { size } = file.statSync();
      const hash = new Sha256();
      const piece = new Uint8Array(Math.min(PIECE_BYTES, Math.max(size, UNKNOWN_SIZE_BYTES)));
      // Stop at the size: the read of a file that keeps growing would never end.
      for (let left = size; left > 0;) {
        const count = await file.read(piece.subarray(0, Math.min(piece.length, left)));
        signal?.throwIfAborted();
        if (count === null) break;
        hash.update(piece.subarray(0, count));
        left -= count;
      }
      return { kind: "file", digest: hash.hex() };
    } catch (error) {
      if (signal?.aborted === true) throw error;
      return failure(error);
    }
  }

  /** Closes the C library. The next read opens it again. */
  close(): void {
    this.#libc.close();
  }

  /** Same as `close`. */
  [Symbol.dispose](): void {
    this.close();
  }

  /**
   * Opens a regular file as a `Deno.FsFile`. On Linux, `open(2)` opens it without blocking and its
   * kind is checked. Deno then reopens that descriptor.
   */
  #open(path: string): Deno.FsFile {
    const { symbols } = this.#libc;
    if (symbols === undefined) return openRegularFile(path);
    const descriptor = symbols.open(encoder.encode(`${path}\0`), O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    // Deno's open fails in the same way, and throws the system's error.
    if (descriptor < 0) return openRegularFile(path);
    try {
      if (this.#sizeOf(descriptor, symbols) === undefined) throw new SpecialFileError(path);
      return openRegularFile(`/proc/self/fd/${descriptor}`);
    } finally {
      symbols.close(descriptor);
    }
  }

  #read(path: string, symbols: Symbols): FileContent {
    const { open, close } = symbols;
    const descriptor = open(encoder.encode(`${path}\0`), O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (descriptor < 0) return lastFailure(symbols);
    try {
      const size = this.#sizeOf(descriptor, symbols);
      if (size === undefined) return { kind: "special" };
      if (size > MOST_AT_ONCE) return { kind: "large" };
      return this.#readAll(descriptor, size, symbols);
    } finally {
      close(descriptor);
    }
  }

  #readAll(descriptor: number, size: number, symbols: Symbols): FileContent {
    const most = size === 0 ? UNKNOWN_SIZE_BYTES : size;
    if (this.#buffer.length < most) this.#buffer = new Uint8Array(MOST_AT_ONCE);
    let end = 0;
    while (end < most) {
      const part = this.#buffer.subarray(end, most);
      const count = Number(symbols.read(descriptor, part, BigInt(part.length)));
      if (count < 0) return lastFailure(symbols);
      if (count === 0) break;
      end += count;
    }
    return { kind: "file", digest: sha256Hex(this.#buffer.subarray(0, end)) };
  }

  /** Returns the size of an open file, or `undefined` if it is not a regular file. */
  #sizeOf(descriptor: number, symbols: Symbols): number | undefined {
    const status = this.#status;
    return status.lookAtOpen(symbols, descriptor) && status.kind === "file"
      ? status.size
      : undefined;
  }

  #readPortably(path: string): FileContent {
    using file = openRegularFile(path);
    const { size } = file.statSync();
    if (size > MOST_AT_ONCE) return { kind: "large" };
    const most = size === 0 ? UNKNOWN_SIZE_BYTES : size;
    const bytes = new Uint8Array(most);
    let end = 0;
    for (let count: number | null = 0; count !== null && end < most;) {
      count = file.readSync(bytes.subarray(end));
      end += count ?? 0;
    }
    return { kind: "file", digest: sha256Hex(bytes.subarray(0, end)) };
  }
}

function lastFailure(symbols: Symbols): FileContent {
  const number = errnoOf(symbols);
  if (isAbsence(number)) return { kind: "absent" };
  return { kind: "unreadable", reason: systemErrorText(number) };
}

function failure(error: unknown): FileContent {
  if (isAbsent(error)) return { kind: "absent" };
  if (error instanceof SpecialFileError) return { kind: "special" };
  if (error instanceof Deno.errors.IsADirectory) return { kind: "special" };
  if (!isSystemError(error)) throw error;
  return { kind: "unreadable", reason: systemReason(error) };
}
