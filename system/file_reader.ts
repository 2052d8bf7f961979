/**
 * Reading many files whose paths may lead to anything: FIFOs, sockets, devices, endless files.
 *
 * Only regular files are read. On Linux a file is opened by `open(2)` with `O_NONBLOCK`, so that a
 * FIFO that has just taken a file's place does not block, and is checked by `fstat` (`statx`) after
 * the open. No more is read than the file's size says.
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
import { linkLibc, systemErrorText } from "./libc.ts";

const O_NOCTTY = 0o400;
const O_NONBLOCK = 0o4000;
const O_CLOEXEC = 0o2000000;
const AT_EMPTY_PATH = 0x1000;
const AT_SYMLINK_NOFOLLOW = 0x100;
const AT_FDCWD = -100;
const STATX_CTIME = 0x80;
const STATX_TYPE_SIZE = 0x1 | 0x200;
const S_IFMT = 0o170000;
const S_IFREG = 0o100000;
/** Places in `struct statx`, the same on every processor. */
const MODE_OFFSET = 28;
const SIZE_OFFSET = 40;
const CTIME_OFFSET = 96;
const STATX_BYTES = 256;
/** No such file; a part of the path that is no folder; links in a circle. */
const ABSENT: ReadonlySet<number> = new Set([2, 20, 40]);

const SYMBOLS = {
  open: { parameters: ["buffer", "i32"], result: "i32" },
  statx: { parameters: ["i32", "buffer", "i32", "u32", "buffer"], result: "i32" },
  read: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  close: { parameters: ["i32"], result: "i32" },
  __errno_location: { parameters: [], result: "pointer" },
} as const satisfies Deno.ForeignLibraryInterface;

/** A larger file is not read at once, which would keep everything else waiting. */
const MOST_AT_ONCE = 1024 * 1024;
/** Bytes that are read of a file whose size is given as 0, as in `/sys`. */
const UNKNOWN_SIZE_BYTES = 64 * 1024;
/** Bytes of a large file that are in memory at once. */
const PIECE_BYTES = 512 * 1024;

/** What is in a file. */
export type FileContent =
  /** A regular file: the SHA-256 of its bytes in hex. */
  | { readonly kind: "file"; readonly digest: string }
  /** A regular file that is too large to be read at once. */
  | { readonly kind: "large" }
  /** A folder, a FIFO, a socket or a device. */
  | { readonly kind: "special" }
  | { readonly kind: "absent" }
  /** A file that the system does not let this process read. */
  | { readonly kind: "unreadable"; readonly reason: string };

const encoder = new TextEncoder();
const NO_PATH = new Uint8Array(1);

/** Reads files; never waits for one. */
export class FileReader implements Disposable {
  #library: Deno.DynamicLibrary<typeof SYMBOLS> | undefined;
  #isLinked = false;
  #buffer = new Uint8Array(UNKNOWN_SIZE_BYTES);
  readonly #facts = new DataView(new ArrayBuffer(STATX_BYTES));

  /** The content of a file of up to 1 MiB, links followed; a larger one is not read. */
  digest(path: string): FileContent {
    try {
      return this.#linked() ? this.#read(path) : this.#readPortably(path);
    } catch (error) {
      return failure(error);
    }
  }

  /**
   * The time of an inode's last change (`ctime`) in milliseconds since the Unix epoch. Unlike a
   * modification time, no program can set it. `Deno.stat` gives it to the second only.
   *
   * @param isFollowed whether a link's target is meant instead of the link
   * @returns `undefined` if the system does not say
   */
  changedAt(path: string, isFollowed: boolean): number | undefined {
    if (!this.#linked()) return undefined;
    const facts = this.#facts;
    const result = this.#library?.symbols.statx(
      AT_FDCWD,
      encoder.encode(`${path}\0`),
      isFollowed ? 0 : AT_SYMLINK_NOFOLLOW,
      STATX_CTIME,
      new Uint8Array(facts.buffer),
    );
    if (result !== 0) return undefined;
    const seconds = Number(facts.getBigInt64(CTIME_OFFSET, true));
    const nanoseconds = facts.getUint32(CTIME_OFFSET + 8, true);
    return seconds * 1000 + Math.floor(nanoseconds / 1e6);
  }

  /**
   * The content of a file of any size, links followed: read piece by piece in another thread, so
   * that the event loop has its turn after each.
   *
   * @param signal aborts the reading
   * @throws the signal's reason if it is aborted
   */
  async digestLarge(path: string, signal?: AbortSignal): Promise<FileContent> {
    try {
      using file = this.#open(path);
      const { size } = file.statSync();
      const hash = new Sha256();
      const piece = new Uint8Array(Math.min(PIECE_BYTES, Math.max(size, UNKNOWN_SIZE_BYTES)));
      // No more than its size: a file that grows would otherwise have no end.
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

  /** Lets the C library go; the next reading links it again. */
  close(): void {
    this.#library?.close();
    this.#library = undefined;
    this.#isLinked = false;
  }

  /** As `close`. */
  [Symbol.dispose](): void {
    this.close();
  }

  #linked(): boolean {
    if (!this.#isLinked) this.#library = linkLibc(SYMBOLS);
    this.#isLinked = true;
    return this.#library !== undefined;
  }

  /** A file of Deno's on what `open(2)` has found to be a regular file. */
  #open(path: string): Deno.FsFile {
    if (!this.#linked() || this.#library === undefined) return openRegularFile(path);
    const { symbols } = this.#library;
    const descriptor = symbols.open(encoder.encode(`${path}\0`), O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    // The system says again what is wrong with the path.
    if (descriptor < 0) return openRegularFile(path);
    try {
      if (this.#sizeOf(descriptor) === undefined) throw new SpecialFileError(path);
      return openRegularFile(`/proc/self/fd/${descriptor}`);
    } finally {
      symbols.close(descriptor);
    }
  }

  #read(path: string): FileContent {
    const library = this.#library;
    if (library === undefined) return { kind: "absent" };
    const { open, close } = library.symbols;
    const descriptor = open(encoder.encode(`${path}\0`), O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (descriptor < 0) return this.#failure();
    try {
      const size = this.#sizeOf(descriptor);
      if (size === undefined) return { kind: "special" };
      if (size > MOST_AT_ONCE) return { kind: "large" };
      return this.#readAll(descriptor, size);
    } finally {
      close(descriptor);
    }
  }

  #readAll(descriptor: number, size: number): FileContent {
    const most = size === 0 ? UNKNOWN_SIZE_BYTES : size;
    if (this.#buffer.length < most) this.#buffer = new Uint8Array(MOST_AT_ONCE);
    let end = 0;
    while (end < most) {
      const part = this.#buffer.subarray(end, most);
      const count = Number(this.#library?.symbols.read(descriptor, part, BigInt(part.length)) ?? 0);
      if (count < 0) return this.#failure();
      if (count === 0) break;
      end += count;
    }
    return { kind: "file", digest: sha256Hex(this.#buffer.subarray(0, end)) };
  }

  /** The size of an opened file; `undefined` if it is not a regular one. */
  #sizeOf(descriptor: number): number | undefined {
    const facts = this.#facts;
    const bytes = new Uint8Array(facts.buffer);
    const result = this.#library?.symbols
      .statx(descriptor, NO_PATH, AT_EMPTY_PATH, STATX_TYPE_SIZE, bytes);
    if (result !== 0 || (facts.getUint16(MODE_OFFSET, true) & S_IFMT) !== S_IFREG) return undefined;
    return Number(facts.getBigUint64(SIZE_OFFSET, true));
  }

  #failure(): FileContent {
    const place = this.#library?.symbols.__errno_location() ?? null;
    const number = place === null ? 0 : new Deno.UnsafePointerView(place).getInt32();
    if (ABSENT.has(number)) return { kind: "absent" };
    return { kind: "unreadable", reason: systemErrorText(number) };
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

function failure(error: unknown): FileContent {
  if (isAbsent(error)) return { kind: "absent" };
  if (error instanceof SpecialFileError) return { kind: "special" };
  if (error instanceof Deno.errors.IsADirectory) return { kind: "special" };
  if (!isSystemError(error)) throw error;
  return { kind: "unreadable", reason: systemReason(error) };
}
