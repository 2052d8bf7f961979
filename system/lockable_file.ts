/**
 * A file that can be locked with `flock(2)`.
 *
 * @module
 */

import { fileIdentity, isSameFile, parentFolder, removeIfPresent } from "./files.ts";

/** An open file, locked or not. Its lock ends when it is closed. */
export class LockableFile {
  readonly #file: Deno.FsFile;

  private constructor(file: Deno.FsFile) {
    this.#file = file;
  }

  /**
   * Opens a file, making it and its folder where they are not there.
   *
   * @throws {Deno.errors.PermissionDenied} where the folder can't be made or written
   */
  static open(path: string): LockableFile {
    const folder = parentFolder(path);
    try {
      Deno.mkdirSync(folder, { recursive: true });
      const options = { read: true, write: true, create: true, mode: 0o600 };
      return new LockableFile(Deno.openSync(path, options));
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      throw new Deno.errors.PermissionDenied(
        `Cannot lock ${path}: the folder ${folder} cannot be written: ${error.message}`,
        { cause: error },
      );
    }
  }

  /**
   * Takes the lock, or changes a shared one into an exclusive one, without waiting.
   *
   * @returns whether it is held now
   */
  tryLock(exclusive: boolean): boolean {
    return this.#file.tryLockSync(exclusive);
  }

  /** Whether the file at a path is this file. */
  isStillAt(path: string): boolean {
    const info = this.#file.statSync();
    return isSameFile({ dev: info.dev, ino: info.ino ?? 0 }, fileIdentity(path));
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
