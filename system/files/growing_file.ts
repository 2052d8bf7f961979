/**
 * A file that others write to: a log that is followed.
 *
 * @module
 */

import { type FileIdentity, fileIdentity, isAbsent, isSameFile } from "./files.ts";

/** Reads what is added to a file, also after another one has taken its place. */
export class GrowingFile implements Disposable {
  readonly #path: string;
  #file: Deno.FsFile | undefined;
  #identity: FileIdentity | undefined;
  #position: number;

  /** @param position the byte to begin at; a file that is shorter is read from its beginning */
  constructor(path: string, position = 0) {
    this.#path = path;
    this.#position = position;
  }

  /** The bytes that have been added since the last call, in pieces. */
  *added(): Generator<Uint8Array<ArrayBuffer>> {
    if (!isSameFile(this.#identity, fileIdentity(this.#path))) {
      // The rest of the old one first.
      yield* this.#rest();
      this.#open();
    }
    yield* this.#rest();
  }

  /** Closes the file. */
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
