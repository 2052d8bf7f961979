/**
 * Output of an execution that several builds may read: each from its beginning and at its own pace.
 *
 * The output is kept until the execution has ended, in memory up to a limit and then in a temporary
 * file. While one build reads, the process waits for it. With several, a slow one falls behind and
 * holds up nobody. Of a very long output the beginning is dropped; no further build can read it then.
 *
 * @module
 */

import type { OutputSink } from "../execute/executor.ts";
import { SpillFile } from "../../system/files/spill_file.ts";

/** Output that is kept in memory, in bytes. */
const MAX_HELD = 1024 * 1024;
/** Length of output above which what all readers have is dropped, in bytes. */
const MAX_WHOLE = 64 * 1024 * 1024;
/** Largest piece that is read back from the file, in bytes. */
const READ_BYTES = 64 * 1024;

type Stream = "stdout" | "stderr";

/** A piece of output; its bytes are in memory, or in the file. */
interface Piece {
  readonly stream: Stream;
  readonly length: number;
  readonly bytes: Uint8Array | undefined;
  /** Place in the file, if the bytes are there. */
  readonly offset: number;
}

/** A build's reading of the output. */
export interface OutputReading {
  /** Resolves when the reader has all output, or has left. Rejects if its sink fails. */
  readonly done: Promise<void>;
  /** Ends the reading. Pieces that have not been read are lost to this reader. */
  leave(): void;
}

/** One reader, and its place in the output. */
interface Reader {
  next: number;
  hasLeft: boolean;
}

/** Keeps the output of one execution, and passes it to its readers. */
export class SharedOutput {
  /** The output, without the pieces at its beginning that were dropped. */
  #pieces: Piece[] = [];
  readonly #readers = new Set<Reader>();
  #held = 0;
  #length = 0;
  /** Number of pieces at the beginning that were dropped. */
  #dropped = 0;
  #file: SpillFile | undefined;
  #isEnded = false;
  #changed = Promise.withResolvers<void>();

  /** Number of builds that read the output. */
  get readers(): number {
    return this.#readers.size;
  }

  /** True if a further reader would get all output from its beginning. */
  get isWhole(): boolean {
    return this.#dropped === 0 && this.#length <= MAX_WHOLE;
  }

  /**
   * Adds output; the bytes are copied. Resolves when the process may go on: at once, unless exactly
   * one build reads the output and is behind.
   */
  async write(stream: Stream, bytes: Uint8Array): Promise<void> {
    this.#length += bytes.length;
    const isKept = this.#held + bytes.length <= MAX_HELD;
    if (isKept) this.#held += bytes.length;
    this.#pieces.push({
      stream,
      length: bytes.length,
      bytes: isKept ? bytes.slice() : undefined,
      offset: isKept ? 0 : this.#spill(bytes),
    });
    this.#drop();
    this.#change();
    while (this.#isHeldBack()) await this.#changed.promise;
  }

  /** No output follows. Readers get the rest. */
  end(): void {
    this.#isEnded = true;
    this.#change();
  }

  /**
   * Adds a reader.
   *
   * @param from `"now"` if it gets only what follows; default: all output from its beginning
   */
  read(sink: Pick<OutputSink, "write">, from: "beginning" | "now" = "beginning"): OutputReading {
    const next = from === "now" ? this.#end : this.#dropped;
    const reader: Reader = { next, hasLeft: false };
    this.#readers.add(reader);
    return {
      done: this.#pass(reader, sink),
      leave: () => {
        reader.hasLeft = true;
        this.#readers.delete(reader);
        this.#change();
      },
    };
  }

  #isHeldBack(): boolean {
    const [only] = this.#readers;
    return this.#readers.size === 1 && only !== undefined && only.next < this.#end;
  }

  async #pass(reader: Reader, sink: Pick<OutputSink, "write">): Promise<void> {
    while (!reader.hasLeft) {
      const piece = this.#pieces[reader.next - this.#dropped];
      if (piece === undefined) {
        if (this.#isEnded) break;
        await this.#changed.promise;
        continue;
      }
      for (const bytes of this.#bytesOf(piece)) await sink.write(piece.stream, bytes);
      reader.next++;
      this.#drop();
      this.#change();
    }
    this.#readers.delete(reader);
    this.#change();
  }

  /** Number of all pieces so far. */
  get #end(): number {
    return this.#dropped + this.#pieces.length;
  }

  /** Drops what all readers of a very long output have. */
  #drop(): void {
    if (this.#length <= MAX_WHOLE) return;
    const first = Math.min(this.#end, ...[...this.#readers].map(({ next }) => next));
    const dropped = this.#pieces.splice(0, first - this.#dropped);
    this.#dropped = first;
    for (const { bytes, length } of dropped) if (bytes !== undefined) this.#held -= length;
    if (this.#pieces.length === 0) this.#file?.clear();
  }

  *#bytesOf({ bytes, offset, length }: Piece): Generator<Uint8Array> {
    if (bytes !== undefined) {
      yield bytes;
      return;
    }
    for (let at = 0; at < length; at += READ_BYTES) {
      const part = this.#file?.read(offset + at, Math.min(READ_BYTES, length - at));
      if (part !== undefined) yield part;
    }
  }

  #spill(bytes: Uint8Array): number {
    this.#file ??= SpillFile.create();
    return this.#file.append(bytes);
  }

  /** Wakes readers and the writer. The temporary file is closed after the last reader. */
  #change(): void {
    if (this.#isEnded && this.#readers.size === 0) {
      this.#file?.close();
      this.#file = undefined;
    }
    const { resolve } = this.#changed;
    this.#changed = Promise.withResolvers();
    resolve();
  }
}
