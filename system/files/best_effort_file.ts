/**
 * A file that grows for as long as that can be done: on a full disk, or in a folder that is gone or
 * can't be written, what was to be in it is lost, which is told once.
 *
 * @module
 */

import { AppendFile } from "./append_file.ts";
import { isSystemError } from "./files.ts";

/** A file to which pieces are added, in order, as long as the system takes them. */
export class BestEffortFile implements Disposable {
  readonly #path: string;
  readonly #failed: (error: Error) => void;
  readonly #prepare: () => boolean;
  #file: AppendFile | undefined;
  #isOver = false;

  /**
   * @param path absolute; it is made with the first piece, or by `open`
   * @param failed is told what the system says, once at the most; nothing is written from then on
   * @param prepare is called before the file is made, as for its folder; if it returns `false`, there is
   *   to be no file, and nobody is told
   */
  constructor(path: string, failed: (error: Error) => void, prepare: () => boolean = () => true) {
    this.#path = path;
    this.#failed = failed;
    this.#prepare = prepare;
  }

  /** Makes the file if it is not there; says whether pieces are still taken. */
  open(): boolean {
    if (!this.#isOver && this.#file === undefined) {
      this.#attempt(() => {
        if (this.#prepare()) this.#file = AppendFile.open(this.#path);
        else this.#isOver = true;
      });
    }
    return !this.#isOver;
  }

  /** Adds bytes, which are copied; they are in the file at the latest after `flush`. */
  add(bytes: Uint8Array): void {
    if (this.open()) this.#attempt(() => this.#file?.add(bytes));
  }

  /** Adds a text, as `add`. */
  addText(text: string): void {
    if (this.open()) this.#attempt(() => this.#file?.addText(text));
  }

  /** Writes what was added. */
  flush(): void {
    this.#attempt(() => this.#file?.flush());
  }

  /** Writes what was added and closes; safe to call twice. */
  close(): void {
    const file = this.#file;
    this.#file = undefined;
    this.#attempt(() => file?.close());
    this.#isOver = true;
  }

  /** As `close`. */
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
      // What is held back is lost: writing it would fail again.
      this.#file?.abandon();
      this.#file = undefined;
      if (isFirst) this.#failed(error);
    }
  }
}
