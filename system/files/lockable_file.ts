/**
 * A file that can be locked with `flock(2)`. The server's lock file and the result store's lock are
 * such files.
 *
 * @module
 */

import {
  type FileIdentity,
  isAbsent,
  isSameFile,
  parentFolder,
  removeIfPresent,
  systemErrorNumber,
  targetIdentity,
} from "./files.ts";

/** ENOLCK, ENOSYS, ENOTSUP and EOPNOTSUPP. Deno has no error classes for all of them. */
const NO_LOCKS = Deno.build.os === "darwin" ? [77, 78, 45, 102] : [37, 38, 95];

/** Error: a file is on a file system without locks, such as some network file systems. */
export class NoLocksError extends Error {
  /** The class name, as in `Error.prototype.name`. */
  override readonly name: string = "NoLocksError";

  /**
   * Makes the error.
   *
   * @param path the file that can't be locked
   */
  constructor(path: string, options?: ErrorOptions) {
    super(`cannot lock ${path}: its file system has no locks`, options);
  }
}

/** An open file, locked or unlocked. Closing it releases the lock. */
export class LockableFile {
  readonly #file: Deno.FsFile;
  readonly #path: string;

  private constructor(file: Deno.FsFile, path: string) {
    this.#file = file;
    this.#path = path;
  }

  /**
   * Opens a file. Creates the file and its folder if they are missing.
   *
   * @throws {Deno.errors.PermissionDenied} if the folder can't be created or written, or if the
   *   file can't be opened. The message names the path.
   */
  static open(path: string): LockableFile {
    try {
      Deno.mkdirSync(parentFolder(path), { recursive: true });
      const options = { read: true, write: true, create: true, mode: 0o600 };
      return new LockableFile(Deno.openSync(path, options), path);
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      const reason = isPresent(path)
        ? "it cannot be opened"
        : `the folder ${parentFolder(path)} cannot be written`;
      throw new Deno.errors.PermissionDenied(`Cannot lock ${path}: ${reason}: ${error.message}`, {
        cause: error,
      });
    }
  }

  /**
   * Opens a file that exists. Neither the file nor its folder is created.
   *
   * @returns `undefined` if the file is missing
   * @throws {Deno.errors.PermissionDenied} if the file can't be opened. The message names it.
   */
  static openIfPresent(path: string): LockableFile | undefined {
    try {
      return new LockableFile(Deno.openSync(path, { read: true, write: true }), path);
    } catch (error) {
      if (isAbsent(error)) return undefined;
      if (!(error instanceof Error)) throw error;
      throw new Deno.errors.PermissionDenied(
        `Cannot lock ${path}: it cannot be opened: ${error.message}`,
        { cause: error },
      );
    }
  }

  /**
   * Takes the lock, or converts a shared lock into an exclusive one, without blocking. If the
   * conversion fails, the shared lock is lost.
   *
   * @returns true if the lock is now held
   * @throws {NoLocksError} if the file system has no locks
   */
  tryLock(exclusive: boolean): boolean {
    try {
      return this.#file.tryLockSync(exclusive);
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      if (!NO_LOCKS.includes(systemErrorNumber(error) ?? 0)) throw error;
      throw new NoLocksError(this.#path, { cause: error });
    }
  }

  /** Returns true if the file at a path is still this file. Follows links. */
  isStillAt(path: string): boolean {
    // The open followed links, so the check must follow them too.
    return isSameFile(this.identity, targetIdentity(path));
  }

  /** The kernel's identity of the open file. */
  get identity(): FileIdentity {
    const { dev, ino } = this.#file.statSync();
    return { dev, ino: ino ?? 0 };
  }

  /** Replaces the file's content. */
  rewrite(text: string): void {
    this.#file.truncateSync(0);
    this.#file.seekSync(0, Deno.SeekMode.Start);
    const bytes = new TextEncoder().encode(text);
    let offset = 0;
    while (offset < bytes.length) offset += this.#file.writeSync(bytes.subarray(offset));
  }

  /** Sets the file's access and modification times to `now`. */
  touch(now: Date): void {
    this.#file.utimeSync(now, now);
  }

  /** Removes the file at a path. The caller must know that it is this file. */
  remove(path: string): void {
    removeIfPresent(path);
  }

  /** Closes the file, which releases the lock. */
  close(): void {
    this.#file.close();
  }
}

function isPresent(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch (error) {
    // If the path can't be looked at, the problem is in its folder.
    if (error instanceof Error) return false;
    throw error;
  }
}
