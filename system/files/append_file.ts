/**
 * Appends data to a file through a buffer, so that many small pieces cost few writes. Task logs,
 * the records of builds and the task history are written this way.
 *
 * @module
 */

import { type FileIdentity, fileIdentity, isSameFile } from "./files.ts";

const BUFFER_BYTES = 64 * 1024;

const encoder = new TextEncoder();

/** A file to which pieces are appended in order, buffered. */
export class AppendFile implements Disposable {
  readonly #file: Deno.FsFile;
  #identity: FileIdentity | undefined;
  #pieces: Uint8Array[] = [];
  #held = 0;
  /** Text that is not encoded yet. It follows `#pieces`. */
  #text = "";
  #isClosed = false;
  #written = 0;

  private constructor(file: Deno.FsFile) {
    this.#file = file;
  }

  /**
   * Opens a file for appending. Creates it with mode 0600 if it does not exist.
   *
   * @throws {Error} the system's error if the file can't be opened or created
   */
  static open(path: string): AppendFile {
    return new AppendFile(Deno.openSync(path, { create: true, append: true, mode: 0o600 }));
  }

  /** The number of bytes that were written to the file through this object. */
  get written(): number {
    return this.#written;
  }

  /** Returns true if the file at `path` is still this file, and was not deleted or replaced. */
  isAt(path: string): boolean {
    if (this.#identity === undefined) {
      const { dev, ino } = this.#file.statSync();
      this.#identity = { dev, ino: ino ?? 0 };
    }
    const now = fileIdentity(path);
    return now !== undefined && isSameFile(now, this.#identity);
  }

  /** Copies bytes into the buffer. They are in the file after `flush` at the latest. */
  add(bytes: Uint8Array): void {
    this.#encode();
    this.#take(bytes.slice());
  }

  /** Adds a text, like `add`. Texts cost less than bytes, because many are encoded at once. */
  addText(text: string): void {
    this.#text += text;
    if (this.#text.length >= BUFFER_BYTES) this.#encode();
  }

  /** Writes the buffer to the file. */
  flush(): void {
    this.#encode();
    this.#write();
  }

  #encode(): void {
    if (this.#text === "") return;
    const bytes = encoder.encode(this.#text);
    this.#text = "";
    this.#take(bytes);
  }

  #take(bytes: Uint8Array): void {
    this.#pieces.push(bytes);
    this.#held += bytes.length;
    if (this.#held >= BUFFER_BYTES) this.#write();
  }

  #write(): void {
    const whole = new Uint8Array(this.#held);
    let end = 0;
    for (const piece of this.#pieces) {
      whole.set(piece, end);
      end += piece.length;
    }
    this.#pieces = [];
    this.#held = 0;
    for (let at = 0; at < end;) {
      const count = this.#file.writeSync(whole.subarray(at));
      at += count;
      this.#written += count;
    }
  }

  /** Writes the buffer and closes the file. Safe to call twice. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    try {
      this.flush();
    } finally {
      this.#file.close();
    }
  }

  /** Discards the buffer and closes the file. Safe to call twice. */
  abandon(): void {
    this.#text = "";
    this.#pieces = [];
    this.#held = 0;
    this.close();
  }

  /** Same as `close`. */
  [Symbol.dispose](): void {
    this.close();
  }
}
