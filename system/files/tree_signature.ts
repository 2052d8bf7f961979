/**
 * Computes signatures of files and folders from their inodes, without reading them. The result
 * cache compares signatures from before and after a task's run to find the files that it has
 * changed.
 *
 * On Linux they contain the inode's times to the nanosecond.
 *
 * @module
 */

import { isAbsent, isSystemError } from "./files.ts";
import { ERRNO_SYMBOLS, errnoOf, isAbsence, LazyLibc, systemError } from "../libc.ts";
import { InodeStatus, STATX_SYMBOLS } from "./statx.ts";
import type { TreeEntry } from "./tree.ts";

/** The kind of a file, and a text that differs if a program has changed the file. */
export interface TreeSignature {
  readonly kind: TreeEntry["kind"];
  /**
   * The inode and the mode, and for anything but a folder also the size and the times. The times of
   * a folder are left out, because they change with its entries.
   */
  readonly text: string;
  /** The file changed so recently that another change now could leave the text the same. */
  readonly isRecent: boolean;
  /** The inode has several hard links. `false` for folders. */
  readonly isShared: boolean;
}

const CLOCK_REALTIME_COARSE = 5;

/** The time for which a file server's clock may not have ticked, in milliseconds. */
const TICK_MS = 20;
/** The resolution of the times that Deno gives, plus a tick, in milliseconds. */
const PORTABLE_MS = 1000 + TICK_MS;

const SYMBOLS = {
  ...STATX_SYMBOLS,
  ...ERRNO_SYMBOLS,
  clock_gettime: { parameters: ["i32", "buffer"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

type Symbols = Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];

/** Computes signatures. */
export class TreeSignatures implements Disposable {
  readonly #libc = new LazyLibc(SYMBOLS);
  readonly #status = new InodeStatus();
  readonly #time = new BigInt64Array(2);
  readonly #timeBytes = new Uint8Array(this.#time.buffer);

  /**
   * Computes the signature of a path. Does not follow links.
   *
   * @returns `undefined` if the path is missing
   * @throws {Error} the system's error if its status can't be read
   */
  of(path: string): TreeSignature | undefined {
    const { symbols } = this.#libc;
    return symbols === undefined ? portable(path) : this.#exact(path, symbols);
  }

  /** Computes a signature like {@linkcode of}. Also returns `undefined` if the system refuses. */
  ofVisible(path: string): TreeSignature | undefined {
    try {
      return this.of(path);
    } catch (error) {
      if (isSystemError(error)) return undefined;
      throw error;
    }
  }

  /** Closes the C library. The next signature opens it again. */
  close(): void {
    this.#libc.close();
  }

  /** Same as `close`. */
  [Symbol.dispose](): void {
    this.close();
  }

  #exact(path: string, symbols: Symbols): TreeSignature | undefined {
    const status = this.#status;
    if (!status.look(symbols, path, false)) {
      const number = errnoOf(symbols);
      if (isAbsence(number)) return undefined;
      throw systemError(number, `Cannot look at ${path}`);
    }
    const { kind, identity, mode } = status;
    if (kind === "folder") return folderSignature(`${identity}:${mode}`);
    const { size, writtenAt, changedAt, links } = status;
    // The kernel takes file times from this clock. On a busy machine it may lag by more than a
    // tick.
    symbols.clock_gettime(CLOCK_REALTIME_COARSE, this.#timeBytes);
    const [seconds = 0n, nanoseconds = 0n] = this.#time;
    const isRecent = changedAt >= seconds * 1_000_000_000n + nanoseconds ||
      Math.abs(Date.now() - Number(changedAt / 1_000_000n)) < TICK_MS;
    const text = [identity, mode, size, writtenAt, changedAt].join(":");
    return { kind, text, isRecent, isShared: links > 1 };
  }
}

function folderSignature(text: string): TreeSignature {
  return { kind: "folder", text, isRecent: false, isShared: false };
}

function portable(path: string): TreeSignature | undefined {
  try {
    const info = Deno.lstatSync(path);
    const { dev, ino, mode, size, mtime, ctime } = info;
    if (info.isDirectory) return folderSignature([dev, ino, mode].join(":"));
    const changedAt = ctime?.getTime() ?? 0;
    return {
      kind: info.isFile ? "file" : info.isSymlink ? "link" : "other",
      text: [dev, ino, mode, size, mtime?.getTime(), changedAt].join(":"),
      isRecent: Math.abs(Date.now() - changedAt) < PORTABLE_MS,
      isShared: (info.nlink ?? 1) > 1,
    };
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}
