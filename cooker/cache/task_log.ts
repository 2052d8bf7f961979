/**
 * Encodes what a task printed, to be stored with its result: pieces in order, each with its stream.
 *
 * @module
 */

/** A piece of output. */
interface LogPiece {
  readonly stream: "stdout" | "stderr";
  readonly bytes: Uint8Array;
}

/** Largest log in bytes that is stored. A longer log is only in the task's own log file. */
const MAX_LOG_BYTES: number = 8 * 1024 * 1024;

const HEADER_BYTES = 5;
const STREAMS = ["stdout", "stderr"] as const;

/** Collects a task's log. */
export class LogRecorder {
  #pieces: LogPiece[] = [];
  #bytes = 0;

  /** Adds a copy of a piece. */
  add(stream: LogPiece["stream"], bytes: Uint8Array): void {
    this.#bytes += bytes.length;
    if (this.#bytes > MAX_LOG_BYTES) this.#pieces = [];
    else this.#pieces.push({ stream, bytes: bytes.slice() });
  }

  /** Returns the encoded log, or `undefined` if it is too long. */
  encode(): Uint8Array | undefined {
    if (this.#bytes > MAX_LOG_BYTES) return undefined;
    const bytes = new Uint8Array(this.#bytes + this.#pieces.length * HEADER_BYTES);
    const view = new DataView(bytes.buffer);
    let offset = 0;
    for (const piece of this.#pieces) {
      view.setUint8(offset, STREAMS.indexOf(piece.stream));
      view.setUint32(offset + 1, piece.bytes.length);
      bytes.set(piece.bytes, offset + HEADER_BYTES);
      offset += HEADER_BYTES + piece.bytes.length;
    }
    return bytes;
  }
}

/** Decodes a log into its pieces. */
export function* decodeLog(bytes: Uint8Array): Generator<LogPiece> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let offset = 0; offset + HEADER_BYTES <= bytes.length;) {
    const stream = STREAMS[view.getUint8(offset)] ?? "stdout";
    const start = offset + HEADER_BYTES;
    offset = start + view.getUint32(offset + 1);
    yield { stream, bytes: bytes.subarray(start, offset) };
  }
}
