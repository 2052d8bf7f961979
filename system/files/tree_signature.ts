/**
 * Signatures of what is in folders: whether the run of a program has changed it.
 *
 * On Linux they have the inode's times to the nanosecond.
 *
 * @module
 */

import { isAbsent, isSystemError } from "./files.ts";
import { ERRNO_SYMBOLS, errnoOf, isAbsence, LazyLibc, systemError } from "../libc.ts";
import { InodeStatus, STATX_SYMBOLS } from "./statx.ts";
import type { TreeEntry } from "./tree.ts";

/** What is at a path, and a text that differs if the run of a program has changed it. */
export interface TreeSignature {
  readonly kind: TreeEntry["kind"];
  /**
   * Of a folder its inode and its mode: its times change with its entries. Of anything else also
   * the size and the times.
   */
  readonly text: string;
  /** Whether a change in this moment could leave the text as it is. */
  readonly isRecent: boolean;
  /** Whether the inode has several hard links; `false` for folders. */
  readonly isShared: boolean;
}

const CLOCK_REALTIME_COARSE = 5;

/** Milliseconds in which a file server's clock may not have ticked. */
const TICK_MS = 20;
/** Milliseconds of the times that Deno gives, and a tick. */
const PORTABLE_MS = 1000 + TICK_MS;

const SYMBOLS = {
  ...STATX_SYMBOLS,
  ...ERRNO_SYMBOLS,
  clock_gettime: { parameters: ["i32", "buffer"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

type Symbols = Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];

/** Takes signatures. */
export class TreeSignatures implements Disposable {
  readonly #libc = new LazyLibc(SYMBOLS);
  readonly #status = new InodeStatus();
  readonly #time = new BigInt64Array(2);
  readonly #timeBytes = new Uint8Array(this.#time.buffer);

  /**
   * The signature of what is at a path, links not followed; `undefined` where nothing is.
   *
   * @throws {Error} the system's, if it can't be looked at
   */
  of(path: string): TreeSignature | undefined {
    const { symbols } = this.#libc;
    return symbols === undefined ? portable(path) : this.#exact(path, symbols);
  }

  /** As {@linkcode of}; also `undefined` if the system refuses to look. */
  ofVisible(path: string): TreeSignature | undefined {
    try {
      return this.of(path);
    } catch (error) {
      if (isSystemError(error)) return undefined;
      throw error;
    }
  }

  /** Lets the C library go; the next signature links it again. */
  close(): void {
    this.#libc.close();
  }

  /** As `close`. */
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
    // The kernel stamps files with this clock, which may be late by more than a tick on a busy machine.
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
