/**
 * Watching folders with inotify (Linux).
 *
 * The kernel puts an event into the queue before the call that causes it returns, and reading the
 * queue is one call that does not wait. Whoever reads it therefore knows of everything that was
 * done before: no thread, no promise and no timer is between.
 *
 * @module
 */

import { ERRNO_SYMBOLS, errnoOf, linkLibc } from "../libc.ts";

const IN_MODIFY = 0x2;
const IN_ATTRIB = 0x4;
const IN_CLOSE_WRITE = 0x8;
const IN_MOVED_FROM = 0x40;
const IN_MOVED_TO = 0x80;
const IN_CREATE = 0x100;
const IN_DELETE = 0x200;
const IN_DELETE_SELF = 0x400;
const IN_MOVE_SELF = 0x800;
const IN_UNMOUNT = 0x2000;
const IN_Q_OVERFLOW = 0x4000;
const IN_IGNORED = 0x8000;
const IN_ONLYDIR = 0x01000000;
const IN_DONT_FOLLOW = 0x02000000;
/** Adds to the mask of an inode that is watched already, instead of replacing it. */
const IN_MASK_ADD = 0x20000000;
const IN_NONBLOCK = 0o4000;
const IN_CLOEXEC = 0o2000000;

/** What changes a file's content or a folder's entries; reading is not among it. */
const CHANGES = IN_MODIFY | IN_ATTRIB | IN_CLOSE_WRITE | IN_MOVED_FROM | IN_MOVED_TO | IN_CREATE |
  IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;
/** What is about an entry's content alone: the folder has the same entries as before. */
const CONTENT = IN_MODIFY | IN_ATTRIB | IN_CLOSE_WRITE;

/** Bytes of an event before its name. */
const HEADER_BYTES = 16;
const BUFFER_BYTES = 256 * 1024;

/** File systems that tell of every change, by their magic numbers: local disks and memory. */
const LOCAL_FILE_SYSTEMS: ReadonlySet<number> = new Set([
  0xef53, // ext2, ext3, ext4
  0x58465342, // XFS
  0x9123683e, // Btrfs
  0x01021994, // tmpfs
  0x858458f6, // ramfs
  0x794c7630, // overlayfs
  0xf2f52010, // F2FS
  0x2fc12fc1, // ZFS
  0xca451a4e, // bcachefs
  0x52654973, // ReiserFS
  0x3153464a, // JFS
]);

const SYMBOLS = {
  inotify_init1: { parameters: ["i32"], result: "i32" },
  inotify_add_watch: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  inotify_rm_watch: { parameters: ["i32", "i32"], result: "i32" },
  read: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  close: { parameters: ["i32"], result: "i32" },
  ...ERRNO_SYMBOLS,
  statfs: { parameters: ["buffer", "buffer"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

const ENOENT = 2;
const EACCES = 13;
const ENOTDIR = 20;
const ENOSPC = 28;

/**
 * Why there is no queue:
 *
 * - `instances`: the user has as many queues as the kernel allows (`fs.inotify.max_user_instances`)
 * - `descriptors`: this process, or the machine, has no descriptor left
 */
export type OpenFailure = "instances" | "descriptors";

/**
 * Why a folder can't be watched:
 *
 * - `watches`: the user has as many watches as the kernel allows (`fs.inotify.max_user_watches`)
 * - `fileSystem`: its file system does not tell of every change
 * - `unreadable`: it can't be read
 * - `absent`: there is no such folder
 */
type WatchFailure = "watches" | "fileSystem" | "unreadable" | "absent";

type Library = Deno.DynamicLibrary<typeof SYMBOLS>;

/** Something that happened in a watched folder. */
export interface FolderEvent {
  /** The watch that it happened in, as `add` gave it. */
  readonly watch: number;
  /** The entry that it is about; empty where it is the folder itself. */
  readonly name: string;
  /**
   * - `content`: the entry was written, or its mode or times were set
   * - `entries`: the entry came, went, or was replaced
   * - `gone`: the folder itself is no longer there, or no longer where it was
   */
  readonly kind: "content" | "entries" | "gone";
}

/** What has happened since the last look. */
interface FolderEvents {
  readonly events: readonly FolderEvent[];
  /** Whether the queue was full, so that events are missing: anything may have changed. */
  readonly isOverflown: boolean;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** A queue of what happens in folders. */
export class Inotify implements Disposable {
  readonly #library: Library;
  readonly #descriptor: number;
  readonly #buffer = new Uint8Array(BUFFER_BYTES);
  #isClosed = false;

  private constructor(library: Library, descriptor: number) {
    this.#library = library;
    this.#descriptor = descriptor;
  }

  /**
   * Makes a queue.
   *
   * @returns why there is none; `undefined` on other platforms than Linux
   */
  static open(): Inotify | OpenFailure | undefined {
    const library = linkLibc(SYMBOLS);
    if (library === undefined) return undefined;
    const descriptor = library.symbols.inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (descriptor >= 0) return new Inotify(library, descriptor);
    library.close();
    // EMFILE stands for both: a file that can be opened tells them apart.
    return canOpenFile() ? "instances" : "descriptors";
  }

  /**
   * Watches a folder; one that is watched already keeps its number.
   *
   * @returns the watch's number, or why there is none
   */
  add(folder: string): number | WatchFailure {
    const path = encoder.encode(`${folder}\0`);
    const magic = this.#fileSystem(path);
    if (magic === undefined) return this.#failure();
    if (!LOCAL_FILE_SYSTEMS.has(magic)) return "fileSystem";
    const watch = this.#library.symbols.inotify_add_watch(this.#descriptor, path, CHANGES);
    return watch < 0 ? this.#failure() : watch;
  }

  /**
   * Watches a file's inode for changes of its attributes, among them the number of its names: what is
   * written by a name in another folder is told of by no watch of this one. Events have no name.
   *
   * @returns the watch's number, which is the inode's; `undefined` if it can't be watched
   */
  guard(file: string): number | undefined {
    const path = encoder.encode(`${file}\0`);
    const mask = IN_ATTRIB | IN_DONT_FOLLOW | IN_MASK_ADD;
    const watch = this.#library.symbols.inotify_add_watch(this.#descriptor, path, mask);
    return watch < 0 ? undefined : watch;
  }

  /** Stops watching a folder, or a file's inode. */
  remove(watch: number): void {
    this.#library.symbols.inotify_rm_watch(this.#descriptor, watch);
  }

  /** Everything that has happened since the last call. */
  read(): FolderEvents {
    const events: FolderEvent[] = [];
    let isOverflown = false;
    while (!this.#isClosed) {
      const size = BigInt(this.#buffer.length);
      const count = Number(
        this.#library.symbols.read(this.#descriptor, this.#buffer, size),
      );
      if (count <= 0) break;
      const view = new DataView(this.#buffer.buffer, 0, count);
      for (let offset = 0; offset < count;) {
        const mask = view.getUint32(offset + 4, true);
        const nameBytes = view.getUint32(offset + 12, true);
        if ((mask & IN_Q_OVERFLOW) !== 0) isOverflown = true;
        else if ((mask & IN_IGNORED) === 0) {
          const start = offset + HEADER_BYTES;
          events.push({
            watch: view.getInt32(offset, true),
            name: nameOf(this.#buffer.subarray(start, start + nameBytes)),
            kind: kindOf(mask),
          });
        }
        offset += HEADER_BYTES + nameBytes;
      }
    }
    return { events, isOverflown };
  }

  /** Stops watching; safe to call twice. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#library.symbols.close(this.#descriptor);
    this.#library.close();
  }

  /** As `close`. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** The magic number of a path's file system. */
  #fileSystem(path: Uint8Array<ArrayBuffer>): number | undefined {
    const info = new Uint8Array(256);
    if (this.#library.symbols.statfs(path, info) !== 0) return undefined;
    return new DataView(info.buffer).getUint32(0, true);
  }

  /** What the error of the last call says. */
  #failure(): WatchFailure {
    const number = errnoOf(this.#library.symbols);
    if (number === ENOENT || number === ENOTDIR) return "absent";
    if (number === ENOSPC) return "watches";
    return number === EACCES ? "unreadable" : "fileSystem";
  }
}

/**
 * How many watches the kernel allows this user, all processes together.
 *
 * @returns 0 if that is unknown
 */
export function watchLimit(): number {
  try {
    return Number(Deno.readTextFileSync("/proc/sys/fs/inotify/max_user_watches")) || 0;
  } catch (error) {
    if (error instanceof Error) return 0;
    throw error;
  }
}

function canOpenFile(): boolean {
  try {
    Deno.openSync("/dev/null").close();
    return true;
  } catch (error) {
    if (error instanceof Error) return false;
    throw error;
  }
}

function kindOf(mask: number): FolderEvent["kind"] {
  if ((mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT)) !== 0) return "gone";
  return (mask & CONTENT) !== 0 ? "content" : "entries";
}

function nameOf(bytes: Uint8Array): string {
  if (bytes.length === 0) return "";
  const end = bytes.indexOf(0);
  return decoder.decode(end < 0 ? bytes : bytes.subarray(0, end));
}
