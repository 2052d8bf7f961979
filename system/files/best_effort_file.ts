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
  #file: AppendFile | undefined;
  #isOver = false;

  /**
   * @param path absolute; it is made with the first piece, or by `open`
   * @param failed is told what the system says, once at the most; nothing is written from then on
   */
  constructor(path: string, failed: (error: Error) => void) {
    this.#path = path;
    this.#failed = failed;
  }

  /** Makes the file if it is not there; says whether pieces are still taken. */
  open(): boolean {
    if (!this.#isOver) this.#attempt(() => this.#file ??= AppendFile.open(this.#path));
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
