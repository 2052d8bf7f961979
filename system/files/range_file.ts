/**
 * Reads parts of a file, for readers that begin at its end or skip most of it.
 *
 * @module
 */

import { isAbsent } from "./files.ts";

/** An open file. */
export class RangeFile implements Disposable {
  readonly #file: Deno.FsFile;

  private constructor(file: Deno.FsFile) {
    this.#file = file;
  }

  /**
   * Opens a file.
   *
   * @returns `undefined` if it does not exist
   * @throws {Error} the system's error if it cannot be read
   */
  static open(path: string): RangeFile | undefined {
    try {
      return new RangeFile(Deno.openSync(path));
    } catch (error) {
      if (isAbsent(error)) return undefined;
      throw error;
    }
  }

  /** Present size in bytes. */
  get size(): number {
    return this.#file.statSync().size;
  }

  /**
   * Reads a part.
   *
   * @param from offset in bytes
   * @param length number of bytes; fewer are returned at the end of the file
   */
  read(from: number, length: number): Uint8Array {
    this.#file.seekSync(from, Deno.SeekMode.Start);
    const bytes = new Uint8Array(length);
    let end = 0;
    while (end < length) {
      const count = this.#file.readSync(bytes.subarray(end));
      if (count === null) break;
      end += count;
    }
    return bytes.subarray(0, end);
  }

  [Symbol.dispose](): void {
    this.#file.close();
  }
}
