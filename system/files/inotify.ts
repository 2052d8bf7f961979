/**
 * Watches folders with inotify (Linux), for the tracker of task inputs.
 *
 * The kernel queues an event before the system call that caused it returns. Reading the queue is
 * one call that does not block. A read therefore reports every change that was made before it. No
 * thread, promise or timer can delay an event.
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
/** Adds to the mask of an inode that is already watched, instead of replacing the mask. */
const IN_MASK_ADD = 0x20000000;
const IN_NONBLOCK = 0o4000;
const IN_CLOEXEC = 0o2000000;

/** Events that change a file's content or a folder's entries. Reads are not among them. */
const CHANGES = IN_MODIFY | IN_ATTRIB | IN_CLOSE_WRITE | IN_MOVED_FROM | IN_MOVED_TO | IN_CREATE |
  IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;
/** Events that change only an entry's content or attributes. The folder has the same entries. */
const CONTENT = IN_MODIFY | IN_ATTRIB | IN_CLOSE_WRITE;

/** The size of an event without its name, in bytes. */
const HEADER_BYTES = 16;
const BUFFER_BYTES = 256 * 1024;

/** Magic numbers of file systems that report every change to inotify: local disks and memory. */
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
 * The reason why no queue could be created:
 *
 * - `instances`: the user has as many queues as the kernel allows (`fs.inotify.max_user_instances`)
 * - `descriptors`: this process, or the machine, has no file descriptor left
 */
export type OpenFailure = "instances" | "descriptors";

/**
 * The reason why a folder can't be watched:
 *
 * - `watches`: the user has as many watches as the kernel allows (`fs.inotify.max_user_watches`)
 * - `fileSystem`: its file system does not report every change
 * - `unreadable`: this process can't read it
 * - `absent`: it is missing
 */
type WatchFailure = "watches" | "fileSystem" | "unreadable" | "absent";

type Library = Deno.DynamicLibrary<typeof SYMBOLS>;

/** An event in a watched folder. */
export interface FolderEvent {
  /** The number of the watch, as `add` or `guard` returned it. */
  readonly watch: number;
  /** The name of the entry. Empty if the event is about the watched folder or file itself. */
  readonly name: string;
  /**
   * - `content`: the entry was written, or its mode or times were set
   * - `entries`: the entry was created, deleted or replaced
   * - `gone`: the folder itself was deleted, moved or unmounted
   */
  readonly kind: "content" | "entries" | "gone";
}

/** The events since the last read. */
interface FolderEvents {
  readonly events: readonly FolderEvent[];
  /** The queue was full and events were lost. Any file may have changed. */
  readonly isOverflown: boolean;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** A queue of events in watched folders. */
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
   * Creates a queue.
   *
   * @returns the reason if the kernel refuses one; `undefined` on platforms other than Linux
   */
  static open(): Inotify | OpenFailure | undefined {
    const library = linkLibc(SYMBOLS);
    if (library === undefined) return undefined;
    const descriptor = library.symbols.inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (descriptor >= 0) return new Inotify(library, descriptor);
    library.close();
    // The kernel reports EMFILE for both limits. An attempt to open a file tells which one it is.
    return canOpenFile() ? "instances" : "descriptors";
  }

  /**
   * Watches a folder. A folder that is already watched keeps its number.
   *
   * @returns the watch's number, or the reason why the folder can't be watched
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
   * Watches a file's inode for changes of its attributes, which include its number of hard links. A
   * write through a hard link in another folder causes no event in this folder's watch, but the
   * creation of the link causes one here. The events have no name.
   *
   * @returns the watch's number, one for each inode; `undefined` if the inode can't be watched
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

  /** Reads all events since the last call. Does not block. */
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

  /** Closes the queue with all of its watches. Safe to call twice. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#library.symbols.close(this.#descriptor);
    this.#library.close();
  }

  /** Same as `close`. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** Returns the magic number of a path's file system. `undefined` if the call fails. */
  #fileSystem(path: Uint8Array<ArrayBuffer>): number | undefined {
    const info = new Uint8Array(256);
    if (this.#library.symbols.statfs(path, info) !== 0) return undefined;
    return new DataView(info.buffer).getUint32(0, true);
  }

  /** Maps the error of the last call to a reason. */
  #failure(): WatchFailure {
    const number = errnoOf(this.#library.symbols);
    if (number === ENOENT || number === ENOTDIR) return "absent";
    if (number === ENOSPC) return "watches";
    return number === EACCES ? "unreadable" : "fileSystem";
  }
}

/**
 * Returns the number of watches that the kernel allows this user, in all processes together.
 *
 * @returns 0 if the limit is unknown
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
