/**
 * What the kernel says of an inode: `statx(2)`, with its times to the nanosecond. Linux only.
 *
 * `Deno.stat` gives the time of an inode's last change to the second only. Unlike a modification time,
 * no program can set it.
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
/** Places in `struct statx`, the same on every processor. */
const STATX_BYTES = 256;
const LINKS_OFFSET = 16;
const MODE_OFFSET = 28;
const INODE_OFFSET = 32;
const SIZE_OFFSET = 40;
const CHANGED_OFFSET = 96;
const WRITTEN_OFFSET = 112;
const DEVICE_OFFSET = 136;

/** The call, for those that link it. */
export const STATX_SYMBOLS = {
  statx: { parameters: ["i32", "buffer", "i32", "u32", "buffer"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

type Symbols = Deno.DynamicLibrary<typeof STATX_SYMBOLS>["symbols"];

/** `"other"`: a FIFO, a socket or a device. */
type InodeKind = "file" | "folder" | "link" | "other";

const encoder = new TextEncoder();
const NO_PATH = new Uint8Array(1);

/** The status of the inode that was looked at last. */
export class InodeStatus {
  readonly #facts = new DataView(new ArrayBuffer(STATX_BYTES));
  readonly #bytes = new Uint8Array(this.#facts.buffer);

  /**
   * Looks at what is at a path.
   *
   * @param isFollowed whether a link's target is meant instead of the link
   * @returns whether it could be looked at; if not, `errno` says why
   */
  look({ statx }: Symbols, path: string, isFollowed: boolean): boolean {
    const name = encoder.encode(`${path}\0`);
    const flags = isFollowed ? 0 : AT_SYMLINK_NOFOLLOW;
    return statx(AT_FDCWD, name, flags, STATX_BASIC_STATS, this.#bytes) === 0;
  }

  /** Looks at what is open; as {@linkcode look}. */
  lookAtOpen({ statx }: Symbols, descriptor: number): boolean {
    return statx(descriptor, NO_PATH, AT_EMPTY_PATH, STATX_BASIC_STATS, this.#bytes) === 0;
  }

  /** The inode's kind; a link is one where links are not followed. */
  get kind(): InodeKind {
    return KINDS.get(this.mode & S_IFMT) ?? "other";
  }

  /** Type and permissions. */
  get mode(): number {
    return this.#facts.getUint16(MODE_OFFSET, true);
  }

  /** The number of hard links to the inode. */
  get links(): number {
    return this.#facts.getUint32(LINKS_OFFSET, true);
  }

  /** Bytes. */
  get size(): number {
    return Number(this.#facts.getBigUint64(SIZE_OFFSET, true));
  }

  /** The device and the inode's number in it. */
  get identity(): string {
    const major = this.#facts.getUint32(DEVICE_OFFSET, true);
    const minor = this.#facts.getUint32(DEVICE_OFFSET + 4, true);
    return `${major}:${minor}:${this.#facts.getBigUint64(INODE_OFFSET, true)}`;
  }

  /** When the inode was changed (`ctime`), in nanoseconds since the Unix epoch. */
  get changedAt(): bigint {
    return this.#time(CHANGED_OFFSET);
  }

  /** When the content was changed (`mtime`), in nanoseconds since the Unix epoch. */
  get writtenAt(): bigint {
    return this.#time(WRITTEN_OFFSET);
  }

  #time(offset: number): bigint {
    const nanoseconds = BigInt(this.#facts.getUint32(offset + 8, true));
    return this.#facts.getBigInt64(offset, true) * 1_000_000_000n + nanoseconds;
  }
}
