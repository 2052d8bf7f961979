/**
 * Signatures of what is in folders: whether the run of a program has changed it.
 *
 * On Linux they have the inode's times to the nanosecond. Deno gives the time of an inode's last
 * change, the one that no program can set, to the second only.
 *
 * @module
 */

import { isAbsent } from "./files.ts";
import { linkLibc, systemError } from "./libc.ts";
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
}

const AT_SYMLINK_NOFOLLOW = 0x100;
const AT_FDCWD = -100;
const STATX_BASIC_STATS = 0x7ff;
const CLOCK_REALTIME_COARSE = 5;
const S_IFMT = 0o170000;
const KINDS: ReadonlyMap<number, TreeEntry["kind"]> = new Map([
  [0o100000, "file"],
  [0o040000, "folder"],
  [0o120000, "link"],
]);
/** Places in `struct statx`, the same on every processor. */
const STATX_BYTES = 256;
const MODE_OFFSET = 28;
const INODE_OFFSET = 32;
const SIZE_OFFSET = 40;
const CHANGED_OFFSET = 96;
const WRITTEN_OFFSET = 112;
const DEVICE_OFFSET = 136;
/** No such file; a part of the path that is no folder; links in a circle. */
const ABSENT: ReadonlySet<number> = new Set([2, 20, 40]);

/** Milliseconds in which a file server's clock may not have ticked. */
const TICK_MS = 20;
/** Milliseconds of the times that Deno gives, and a tick. */
const PORTABLE_MS = 1000 + TICK_MS;

const SYMBOLS = {
  statx: { parameters: ["i32", "buffer", "i32", "u32", "buffer"], result: "i32" },
  clock_gettime: { parameters: ["i32", "buffer"], result: "i32" },
  __errno_location: { parameters: [], result: "pointer" },
} as const satisfies Deno.ForeignLibraryInterface;

const encoder = new TextEncoder();

/** Takes signatures. */
export class TreeSignatures implements Disposable {
  #library: Deno.DynamicLibrary<typeof SYMBOLS> | undefined;
  #isLinked = false;
  readonly #facts = new DataView(new ArrayBuffer(STATX_BYTES));
  readonly #bytes = new Uint8Array(this.#facts.buffer);
  readonly #time = new BigInt64Array(2);

  /**
   * The signature of what is at a path, links not followed; `undefined` where nothing is.
   *
   * @throws {Error} the system's, if it can't be looked at
   */
  of(path: string): TreeSignature | undefined {
    if (!this.#isLinked) this.#library = linkLibc(SYMBOLS);
    this.#isLinked = true;
    return this.#library === undefined ? portable(path) : this.#exact(path, this.#library.symbols);
  }

  /** Lets the C library go; the next signature links it again. */
  close(): void {
    this.#library?.close();
    this.#library = undefined;
    this.#isLinked = false;
  }

  /** As `close`. */
  [Symbol.dispose](): void {
    this.close();
  }

  #exact(
    path: string,
    { statx, clock_gettime, __errno_location }: Deno.DynamicLibrary<typeof SYMBOLS>["symbols"],
  ): TreeSignature | undefined {
    const name = encoder.encode(`${path}\0`);
    if (statx(AT_FDCWD, name, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, this.#bytes) !== 0) {
      const place = __errno_location();
      const number = place === null ? 0 : new Deno.UnsafePointerView(place).getInt32();
      if (ABSENT.has(number)) return undefined;
      throw systemError(number, `Cannot look at ${path}`);
    }
    const facts = this.#facts;
    const mode = facts.getUint16(MODE_OFFSET, true);
    const kind = KINDS.get(mode & S_IFMT) ?? "other";
    const inode = [
      facts.getUint32(DEVICE_OFFSET, true),
      facts.getUint32(DEVICE_OFFSET + 4, true),
      facts.getBigUint64(INODE_OFFSET, true),
      mode,
    ];
    if (kind === "folder") return { kind, text: inode.join(":"), isRecent: false };
    const changedAt = timeAt(facts, CHANGED_OFFSET);
    const size = facts.getBigUint64(SIZE_OFFSET, true);
    const text = [...inode, size, timeAt(facts, WRITTEN_OFFSET), changedAt].join(":");
    // The kernel stamps files with this clock, which may be late by more than a tick on a busy machine.
    clock_gettime(CLOCK_REALTIME_COARSE, new Uint8Array(this.#time.buffer));
    const [seconds = 0n, nanoseconds = 0n] = this.#time;
    const isRecent = changedAt >= seconds * 1_000_000_000n + nanoseconds ||
      Math.abs(Date.now() - Number(changedAt / 1_000_000n)) < TICK_MS;
    return { kind, text, isRecent };
  }
}

/** Nanoseconds since the Unix epoch. */
function timeAt(facts: DataView, offset: number): bigint {
  const nanoseconds = BigInt(facts.getUint32(offset + 8, true));
  return facts.getBigInt64(offset, true) * 1_000_000_000n + nanoseconds;
}

function portable(path: string): TreeSignature | undefined {
  try {
    const info = Deno.lstatSync(path);
    const { dev, ino, mode, size, mtime, ctime } = info;
    if (info.isDirectory) {
      return { kind: "folder", text: [dev, ino, mode].join(":"), isRecent: false };
    }
    const changedAt = ctime?.getTime() ?? 0;
    return {
      kind: info.isFile ? "file" : info.isSymlink ? "link" : "other",
      text: [dev, ino, mode, size, mtime?.getTime(), changedAt].join(":"),
      isRecent: Math.abs(Date.now() - changedAt) < PORTABLE_MS,
    };
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}
