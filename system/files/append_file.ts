/**
 * A file that grows: many small pieces, few writes.
 *
 * @module
 */

import { type FileIdentity, fileIdentity, isSameFile } from "./files.ts";

const BUFFER_BYTES = 64 * 1024;

const encoder = new TextEncoder();

/** A file to which pieces are added, in order. */
export class AppendFile implements Disposable {
  readonly #file: Deno.FsFile;
  #identity: FileIdentity | undefined;
  #pieces: Uint8Array[] = [];
  #held = 0;
  /** Added last of all, and not encoded yet. */
  #text = "";
  #isClosed = false;
  #written = 0;

  private constructor(file: Deno.FsFile) {
    this.#file = file;
  }

  /**
   * Opens a file of mode 0600, and makes it if it is not there.
   *
   * @throws {Error} what the system says where that can't be done
   */
  static open(path: string): AppendFile {
    return new AppendFile(Deno.openSync(path, { create: true, append: true, mode: 0o600 }));
  }

  /** Bytes that this process has written to the file. */
  get written(): number {
    return this.#written;
  }

  /** Returns whether the file at `path` is still this file. */
  isAt(path: string): boolean {
    if (this.#identity === undefined) {
      const { dev, ino } = this.#file.statSync();
      this.#identity = { dev, ino: ino ?? 0 };
    }
    const now = fileIdentity(path);
    return now !== undefined && isSameFile(now, this.#identity);
  }

  /** Adds bytes, which are copied; they are in the file at the latest after `flush`. */
  add(bytes: Uint8Array): void {
    this.#encode();
    this.#take(bytes.slice());
  }

  /** Adds a text, as `add`; texts cost less, as many are encoded at once. */
  addText(text: string): void {
    this.#text += text;
    if (this.#text.length >= BUFFER_BYTES) this.#encode();
  }

  /** Writes what was added. */
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

  /** Writes what was added and closes; safe to call twice. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    try {
      this.flush();
    } finally {
      this.#file.close();
    }
  }

  /** Closes without writing what was added since the last write; safe to call twice. */
  abandon(): void {
    this.#text = "";
    this.#pieces = [];
    this.#held = 0;
    this.close();
  }

  /** As `close`. */
  [Symbol.dispose](): void {
    this.close();
  }
}
