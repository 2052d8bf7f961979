/**
 * A file that can be locked with `flock(2)`.
 *
 * @module
 */

import { isAbsent, isSameFile, parentFolder, removeIfPresent } from "./files.ts";

/** An open file, locked or not. Its lock ends when it is closed. */
export class LockableFile {
  readonly #file: Deno.FsFile;

  private constructor(file: Deno.FsFile) {
    this.#file = file;
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
      return new LockableFile(Deno.openSync(path, options));
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
   * Takes the lock, or changes a shared one into an exclusive one, without waiting. A shared lock
   * that can't be changed is lost.
   *
   * @returns whether it is held now
   * @throws {Error} where the file's file system has no locks
   */
  tryLock(exclusive: boolean): boolean {
    return this.#file.tryLockSync(exclusive);
  }

  /** Whether the file at a path, links followed, is this file. */
  isStillAt(path: string): boolean {
    const { dev, ino } = this.#file.statSync();
    try {
      // As opening follows links, looking has to: a link itself never is the file.
      const info = Deno.statSync(path);
      return isSameFile({ dev, ino: ino ?? 0 }, { dev: info.dev, ino: info.ino ?? 0 });
    } catch (error) {
      if (isAbsent(error)) return false;
      throw error;
    }
  }

  /** Replaces what the file holds. */
  rewrite(text: string): void {
    this.#file.truncateSync(0);
    this.#file.seekSync(0, Deno.SeekMode.Start);
    const bytes = new TextEncoder().encode(text);
    let offset = 0;
    while (offset < bytes.length) offset += this.#file.writeSync(bytes.subarray(offset));
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
