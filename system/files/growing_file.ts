/**
 * Follows a file that another process appends to, for the client's `logs` command. It also follows
 * the file's rotation.
 *
 * @module
 */

import { type FileIdentity, fileIdentity, isAbsent, isSameFile } from "./files.ts";

/** Reads the bytes that are appended to a file, also after another file has replaced it. */
export class GrowingFile implements Disposable {
  readonly #path: string;
  #file: Deno.FsFile | undefined;
  #identity: FileIdentity | undefined;
  #position: number;

  /** @param position the first byte to read. A file that is shorter is read from its beginning. */
  constructor(path: string, position = 0) {
    this.#path = path;
    this.#position = position;
  }

  /** Yields the bytes that were appended since the last call, in pieces. */
  *added(): Generator<Uint8Array<ArrayBuffer>> {
    if (!isSameFile(this.#identity, fileIdentity(this.#path))) {
      // Read the rest of the replaced file first.
      yield* this.#rest();
      this.#open();
    }
    yield* this.#rest();
  }

  [Symbol.dispose](): void {
    this.#file?.close();
    this.#file = undefined;
  }

  #open(): void {
    const isFirst = this.#identity === undefined;
    this[Symbol.dispose]();
    try {
      this.#file = Deno.openSync(this.#path);
    } catch (error) {
      if (!isAbsent(error)) throw error;
      return;
    }
    this.#identity = fileIdentity(this.#path);
    const begin = isFirst && this.#position <= this.#file.statSync().size ? this.#position : 0;
    this.#position = begin;
    this.#file.seekSync(begin, Deno.SeekMode.Start);
  }

  *#rest(): Generator<Uint8Array<ArrayBuffer>> {
    const buffer = new Uint8Array(64 * 1024);
    for (let count = this.#read(buffer); count !== null; count = this.#read(buffer)) {
      yield buffer.slice(0, count);
    }
  }

  #read(buffer: Uint8Array): number | null {
    return this.#file?.readSync(buffer) ?? null;
  }
}
