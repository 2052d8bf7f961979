/**
 * Appends to a file until a write fails, for logs and records that must not fail a build. If the
 * disk is full, or the folder was deleted or can't be written, the rest of the data is lost and the
 * failure is reported once.
 *
 * @module
 */

import { AppendFile } from "./append_file.ts";
import { isSystemError } from "./files.ts";

/** A file to which pieces are appended in order, until the system refuses one. */
export class BestEffortFile implements Disposable {
  readonly #path: string;
  readonly #failed: (error: Error) => void;
  readonly #prepare: () => boolean;
  #file: AppendFile | undefined;
  #isOver = false;

  /**
   * @param path absolute. The file is created with the first piece, or by `open`.
   * @param failed called at most once, with the system's error. Nothing is written after that.
   * @param prepare called before the file is created, for example to create its folder. If it
   *   returns `false`, no file is created and `failed` is not called.
   */
  constructor(path: string, failed: (error: Error) => void, prepare: () => boolean = () => true) {
    this.#path = path;
    this.#failed = failed;
    this.#prepare = prepare;
  }

  /** Creates the file if it does not exist. Returns true if pieces are still accepted. */
  open(): boolean {
    if (!this.#isOver && this.#file === undefined) {
      this.#attempt(() => {
        if (this.#prepare()) this.#file = AppendFile.open(this.#path);
        else this.#isOver = true;
      });
    }
    return !this.#isOver;
  }

  /** Copies bytes into the buffer. They are in the file after `flush` at the latest. */
  add(bytes: Uint8Array): void {
    if (this.open()) this.#attempt(() => this.#file?.add(bytes));
  }

  /** Adds a text, like `add`. */
  addText(text: string): void {
    if (this.open()) this.#attempt(() => this.#file?.addText(text));
  }

  /** Writes the buffer to the file. */
  flush(): void {
    this.#attempt(() => this.#file?.flush());
  }

  /** Writes the buffer and closes the file. Safe to call twice. */
  close(): void {
    const file = this.#file;
    this.#file = undefined;
    this.#attempt(() => file?.close());
    this.#isOver = true;
  }

  /** Same as `close`. */
  [Symbol.dispose](): void {
    this.close();
  }

  #attempt(work: () => void): void {
    try {
      work();
    } catch (error) {
      if (!isSystemError(error)) throw error;
      const isFirst = !this.#isOver;
      this.#isOver = true;
      // Discard the buffer, because writing it would fail again.
      this.#file?.abandon();
      this.#file = undefined;
      if (isFirst) this.#failed(error);
    }
  }
}
