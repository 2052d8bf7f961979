/**
 * Output of an execution that several builds may read: each from its beginning and at its own pace.
 *
 * The output is kept until the execution has ended, in memory up to a limit and then in a temporary
 * file. While one build reads, the process waits for it. With several, a slow one falls behind and
 * holds up nobody. Of a very long output only what a reader has not read is kept; no further build can
 * read it then.
 *
 * @module
 */

import type { OutputSink } from "../execute/executor.ts";
import { SpillFile } from "../../system/files/spill_file.ts";

/** Output that is kept in memory, in bytes. */
const MAX_HELD = 1024 * 1024;
/** Length of output above which pieces that all readers have are dropped, in bytes. */
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
  /**
   * Resolves when the reader has all output, or has left and its sink has taken the last piece.
   * Rejects if the sink fails.
   */
  readonly done: Promise<void>;
  /** Ends the reading. Pieces that have not been read are lost to this reader. */
  leave(): void;
}

/** Size of what a {@linkcode SharedOutput} keeps. */
interface HeldOutput {
  readonly pieces: number;
  /** Bytes in memory. */
  readonly bytes: number;
  readonly hasFile: boolean;
}

/** One reader, and its place in the output. */
interface Reader {
  /** Number of the piece that it gets next. */
  next: number;
  hasLeft: boolean;
}

/** Keeps the output of one execution, and passes it to its readers. */
export class SharedOutput {
  readonly #pieces: Piece[] = [];
  readonly #readers = new Set<Reader>();
  /** Bytes in memory. */
  #bytes = 0;
  #length = 0;
  /** Number of pieces at the beginning that were dropped. */
  #dropped = 0;
  #file: SpillFile | undefined;
  /** Number of pieces in the file. */
  #inFile = 0;
  #isEnded = false;
  /** Resolved when there is more to read. */
  #added = Promise.withResolvers<void>();
  /** Resolved when a reader has read, has come or has left. */
  #taken = Promise.withResolvers<void>();

  /** Number of builds that read the output. */
  get readers(): number {
    return this.#readers.size;
  }

  /** The part that is kept now. */
  get held(): HeldOutput {
    const hasFile = this.#file !== undefined;
    return { pieces: this.#pieces.length, bytes: this.#bytes, hasFile };
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
    const isKept = this.#bytes + bytes.length <= MAX_HELD;
    if (isKept) this.#bytes += bytes.length;
    this.#pieces.push({
      stream,
      length: bytes.length,
      bytes: isKept ? bytes.slice() : undefined,
      offset: isKept ? 0 : this.#spill(bytes),
    });
    this.#wakeReaders();
    if (this.#readers.size === 0) this.#changed();
    while (this.#isHeldBack()) await this.#taken.promise;
  }

  /** No output follows. Readers get the rest. */
  end(): void {
    this.#isEnded = true;
    this.#wakeReaders();
    this.#changed();
  }

  /**
   * Adds a reader.
   *
   * @param from `"now"` if it gets only what follows; default: all output from its beginning
   */
  read(sink: Pick<OutputSink, "write">, from: "beginning" | "now" = "beginning"): OutputReading {
    const next = this.#dropped + (from === "now" ? this.#pieces.length : 0);
    const reader: Reader = { next, hasLeft: false };
    this.#readers.add(reader);
    const done = this.#pass(reader, sink);
    this.#changed();
    return {
      done,
      leave: () => {
        reader.hasLeft = true;
        this.#readers.delete(reader);
        this.#changed();
      },
    };
  }

  #isHeldBack(): boolean {
    const [only] = this.#readers;
    return this.#readers.size === 1 && only !== undefined &&
      only.next < this.#dropped + this.#pieces.length;
  }

  async #pass(reader: Reader, sink: Pick<OutputSink, "write">): Promise<void> {
    while (true) {
      const piece = this.#pieces[reader.next - this.#dropped];
      if (piece === undefined) {
        if (this.#isEnded) break;
        await this.#added.promise;
        if (reader.hasLeft) return;
        continue;
      }
      for (const bytes of this.#bytesOf(piece)) {
        await sink.write(piece.stream, bytes);
        if (reader.hasLeft) return;
      }
      reader.next++;
      this.#changed();
    }
    this.#readers.delete(reader);
    this.#changed();
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
    this.#inFile++;
    this.#file ??= SpillFile.create();
    return this.#file.append(bytes);
  }

  /** Drops pieces that no reader needs, and wakes the writer. */
  #changed(): void {
    const isOver = this.#isEnded && this.#readers.size === 0;
    if (isOver || this.#length > MAX_WHOLE) this.#drop();
    const { resolve } = this.#taken;
    this.#taken = Promise.withResolvers();
    resolve();
  }

  /**
   * Drops the pieces that all readers have. The temporary file is closed with the last piece that is
   * in it.
   */
  #drop(): void {
    const end = this.#dropped + this.#pieces.length;
    const next = Math.min(end, ...[...this.#readers].map((reader) => reader.next));
    for (const { bytes, length } of this.#pieces.splice(0, next - this.#dropped)) {
      if (bytes === undefined) this.#inFile--;
      else this.#bytes -= length;
    }
    this.#dropped = next;
    if (this.#inFile > 0) return;
    this.#file?.close();
    this.#file = undefined;
  }

  #wakeReaders(): void {
    const { resolve } = this.#added;
    this.#added = Promise.withResolvers();
    resolve();
  }
}
