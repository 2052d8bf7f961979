/**
 * A file that can be locked with `flock(2)`.
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

/** ENOLCK, ENOSYS, ENOTSUP and EOPNOTSUPP; Deno has no error classes for all of them. */
const NO_LOCKS = Deno.build.os === "darwin" ? [77, 78, 45, 102] : [37, 38, 95];

/** A file is on a file system that has no locks, as some network file systems. */
export class NoLocksError extends Error {
  /** The class name, as `Error.prototype.name` has it. */
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

/** An open file, locked or not. Its lock ends when it is closed. */
export class LockableFile {
  readonly #file: Deno.FsFile;
  readonly #path: string;

  private constructor(file: Deno.FsFile, path: string) {
    this.#file = file;
    this.#path = path;
  }

  /**
   * Opens a file, making it and its folder where they are not there.
   *
   * @throws {Deno.errors.PermissionDenied} where the folder can't be made or written, or the file
   *   can't be opened; the message names it
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
   * @returns `undefined` if there is no such file
   * @throws {Deno.errors.PermissionDenied} if the file cannot be opened; the message names it
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
   * Takes the lock, or changes a shared one into an exclusive one, without waiting. A shared lock
   * that can't be changed is lost.
   *
   * @returns whether it is held now
   * @throws {NoLocksError} where the file's file system has no locks
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

  /** Whether the file at a path, links followed, is this file. */
  isStillAt(path: string): boolean {
    // Opening follows links, so the check has to: a link itself is never the file.
    return isSameFile(this.identity, targetIdentity(path));
  }

  /** The open file, as the kernel knows it. */
  get identity(): FileIdentity {
    const { dev, ino } = this.#file.statSync();
    return { dev, ino: ino ?? 0 };
  }

  /** Replaces what the file holds. */
  rewrite(text: string): void {
    this.#file.truncateSync(0);
    this.#file.seekSync(0, Deno.SeekMode.Start);
    const bytes = new TextEncoder().encode(text);
    let offset = 0;
    while (offset < bytes.length) offset += this.#file.writeSync(bytes.subarray(offset));
  }

  /** Sets the file's times to now. */
  touch(now: Date): void {
    this.#file.utimeSync(now, now);
  }

  /** Removes the file at a path, which is this file. */
  remove(path: string): void {
    removeIfPresent(path);
  }

  /** Closes, and unlocks by that. */
  close(): void {
    this.#file.close();
  }
}

function isPresent(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch (error) {
    // Whatever hides it is what is wrong with its folder.
    if (error instanceof Error) return false;
    throw error;
  }
}
