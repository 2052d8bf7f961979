/**
 * Temporary file for data that is too large to stay in memory. It has no name, so that it is gone
 * when this process ends, however it ends.
 *
 * @module
 */

/** A nameless file to which bytes are appended, and from which they are read at any place. */
export class SpillFile implements Disposable {
  readonly #file: Deno.FsFile;
  #size = 0;

  private constructor(file: Deno.FsFile) {
    this.#file = file;
  }

  /**
   * Creates a file in the folder for temporary files.
   *
   * @throws {Error} the system's error if it cannot be created
   */
  static create(): SpillFile {
    const path = Deno.makeTempFileSync({ prefix: "simmer_output_" });
    try {
      return new SpillFile(Deno.openSync(path, { read: true, write: true }));
    } finally {
      Deno.removeSync(path);
    }
  }

  /**
   * Appends bytes.
   *
   * @returns their place in the file
   * @throws {Error} the system's error if the disk is full
   */
  append(bytes: Uint8Array): number {
    const offset = this.#size;
    this.#file.seekSync(offset, Deno.SeekMode.Start);
    for (let at = 0; at < bytes.length;) at += this.#file.writeSync(bytes.subarray(at));
    this.#size += bytes.length;
    return offset;
  }

  /** Reads bytes. Fewer are returned at the end of the file. */
  read(offset: number, length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    this.#file.seekSync(offset, Deno.SeekMode.Start);
    let filled = 0;
    while (filled < length) {
      const count = this.#file.readSync(bytes.subarray(filled));
      if (count === null) break;
      filled += count;
    }
    return bytes.subarray(0, filled);
  }

  /** Closes the file, which removes it. Safe to call once. */
  close(): void {
    this.#file.close();
  }

  /** Calls `close`. */
  [Symbol.dispose](): void {
    this.close();
  }
}
