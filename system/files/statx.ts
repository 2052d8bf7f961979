/**
 * Reads an inode's status by `statx(2)`, with times to the nanosecond. Linux only.
 *
 * `Deno.stat` gives the time of an inode's last change (`ctime`) to the second only. Simmer needs
 * that time because, unlike a modification time, no program can set it.
 *
 * @module
 */

const AT_EMPTY_PATH = 0x1000;
const AT_SYMLINK_NOFOLLOW = 0x100;
const AT_FDCWD = -100;
const STATX_BASIC_STATS = 0x7ff;
const S_IFMT = 0o170000;
const KINDS: ReadonlyMap<number, InodeKind> = new Map([
  [0o100000, "file"],
  [0o040000, "folder"],
  [0o120000, "link"],
]);
/** Size of `struct statx`, and offsets in it. They are the same on every processor. */
const STATX_BYTES = 256;
const LINKS_OFFSET = 16;
const MODE_OFFSET = 28;
const INODE_OFFSET = 32;
const SIZE_OFFSET = 40;
const CHANGED_OFFSET = 96;
const WRITTEN_OFFSET = 112;
const DEVICE_OFFSET = 136;

/** The symbol for the modules that load it from the C library. */
export const STATX_SYMBOLS = {
  statx: { parameters: ["i32", "buffer", "i32", "u32", "buffer"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

type Symbols = Deno.DynamicLibrary<typeof STATX_SYMBOLS>["symbols"];

/** The kind of an inode. `"other"` is a FIFO, a socket or a device. */
type InodeKind = "file" | "folder" | "link" | "other";

const encoder = new TextEncoder();
const NO_PATH = new Uint8Array(1);

/** The status of the inode that was last looked at. One buffer serves all calls. */
export class InodeStatus {
  readonly #facts = new DataView(new ArrayBuffer(STATX_BYTES));
  readonly #bytes = new Uint8Array(this.#facts.buffer);

  /**
   * Reads the status of the inode at a path.
   *
   * @param isFollowed true for a link's target, false for the link itself
   * @returns true if the call succeeded. Otherwise `errno` has the reason.
   */
  look({ statx }: Symbols, path: string, isFollowed: boolean): boolean {
    const name = encoder.encode(`${path}\0`);
    const flags = isFollowed ? 0 : AT_SYMLINK_NOFOLLOW;
    return statx(AT_FDCWD, name, flags, STATX_BASIC_STATS, this.#bytes) === 0;
  }

  /** Reads the status of an open file, like {@linkcode look}. */
  lookAtOpen({ statx }: Symbols, descriptor: number): boolean {
    return statx(descriptor, NO_PATH, AT_EMPTY_PATH, STATX_BASIC_STATS, this.#bytes) === 0;
  }

  /** The inode's kind. It is `"link"` only if links were not followed. */
  get kind(): InodeKind {
    return KINDS.get(this.mode & S_IFMT) ?? "other";
  }

  /** The file type and the permissions. */
  get mode(): number {
    return this.#facts.getUint16(MODE_OFFSET, true);
  }

  /** The number of hard links to the inode. */
  get links(): number {
    return this.#facts.getUint32(LINKS_OFFSET, true);
  }

  /** The size in bytes. */
  get size(): number {
    return Number(this.#facts.getBigUint64(SIZE_OFFSET, true));
  }

  /** The device number and the inode number as a text. */
  get identity(): string {
    const major = this.#facts.getUint32(DEVICE_OFFSET, true);
    const minor = this.#facts.getUint32(DEVICE_OFFSET + 4, true);
    return `${major}:${minor}:${this.#facts.getBigUint64(INODE_OFFSET, true)}`;
  }

  /** The time of the inode's last change (`ctime`), in nanoseconds since the Unix epoch. */
  get changedAt(): bigint {
    return this.#time(CHANGED_OFFSET);
  }

  /** The modification time of the content (`mtime`), in nanoseconds since the Unix epoch. */
  get writtenAt(): bigint {
    return this.#time(WRITTEN_OFFSET);
  }

  #time(offset: number): bigint {
    const nanoseconds = BigInt(this.#facts.getUint32(offset + 8, true));
    return this.#facts.getBigInt64(offset, true) * 1_000_000_000n + nanoseconds;
  }
}
