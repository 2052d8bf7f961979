/**
 * Encodes and decodes the frames on BitBake's pipes: a length, followed by a pickle of that length.
 *
 * The length is a signed 32-bit big-endian number. If it is -1, an unsigned 64-bit length follows.
 * The decoder accepts the bytes in pieces of any size. Decoding cannot continue after a length
 * over the cap.
 *
 * @module
 */

import { PickleError } from "./pickle/errors.ts";

/** The longest pickle that is accepted, in bytes. */
export const MAX_PICKLE_BYTES = 64 * 1024 * 1024;

const SHORT_HEADER = 4;
const LONG_HEADER = 12;
const MAX_SHORT = 0x7fffffff;

/**
 * Prefixes a pickle with its length.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { encodeFrame } from "./frames.ts";
 *
 * assertEquals(encodeFrame(new Uint8Array([1, 2])), new Uint8Array([0, 0, 0, 2, 1, 2]));
 * ```
 */
export function encodeFrame(pickle: Uint8Array): Uint8Array {
  const isLong = pickle.length > MAX_SHORT;
  const header = isLong ? LONG_HEADER : SHORT_HEADER;
  const frame = new Uint8Array(header + pickle.length);
  const view = new DataView(frame.buffer);
  view.setInt32(0, isLong ? -1 : pickle.length);
  if (isLong) view.setBigUint64(SHORT_HEADER, BigInt(pickle.length));
  frame.set(pickle, header);
  return frame;
}

/** Splits a stream of bytes into pickles. */
export class PickleFrameDecoder {
  readonly #maxBytes: number;
  readonly #header = new Uint8Array(LONG_HEADER);
  #headerLength = 0;
  #body: Uint8Array | undefined;
  #bodyLength = 0;

  /**
   * Creates a decoder at the start of a stream.
   *
   * @param maxBytes the longest pickle to accept
   */
  constructor(maxBytes: number = MAX_PICKLE_BYTES) {
    this.#maxBytes = maxBytes;
  }

  /** True if a frame has begun and is incomplete. A stream that ends here is truncated. */
  get isInside(): boolean {
    return this.#headerLength > 0;
  }

  /**
   * Consumes the next bytes and yields the pickles that they complete.
   *
   * @param bytes any piece of the stream; the decoder copies it
   * @throws {PickleError} if a length is negative or over the cap; the decoder is unusable
   *   afterwards
   */
  *push(bytes: Uint8Array): Generator<Uint8Array> {
    let offset = 0;
    while (offset < bytes.length) {
      if (this.#body === undefined) {
        const wanted = this.#headerWanted() - this.#headerLength;
        const part = bytes.subarray(offset, offset + wanted);
        this.#header.set(part, this.#headerLength);
        this.#headerLength += part.length;
        offset += part.length;
        this.#begin();
      } else {
        const part = bytes.subarray(offset, offset + this.#left(this.#body));
        this.#body = this.#keep(this.#body, part);
        offset += part.length;
      }
      if (this.#body !== undefined && this.#left(this.#body) === 0) yield this.#end(this.#body);
    }
  }

  #view(): DataView {
    return new DataView(this.#header.buffer);
  }

  #headerWanted(): number {
    const isLong = this.#headerLength >= SHORT_HEADER && this.#view().getInt32(0) === -1;
    return isLong ? LONG_HEADER : SHORT_HEADER;
  }

  #begin(): void {
    if (this.#headerLength < this.#headerWanted()) return;
    const short = this.#view().getInt32(0);
    const length = short === -1 ? Number(this.#view().getBigUint64(SHORT_HEADER)) : short;
    if (length < 0) throw new PickleError("a frame has a negative length");
    if (length > this.#maxBytes) throw new PickleError(`a frame has over ${this.#maxBytes} bytes`);
    this.#body = new Uint8Array(length);
    this.#bodyLength = 0;
  }

  #left(body: Uint8Array): number {
    return body.length - this.#bodyLength;
  }

  #keep(body: Uint8Array, part: Uint8Array): Uint8Array {
    body.set(part, this.#bodyLength);
    this.#bodyLength += part.length;
    return body;
  }

  #end(body: Uint8Array): Uint8Array {
    this.#body = undefined;
    this.#headerLength = 0;
    return body;
  }
}
