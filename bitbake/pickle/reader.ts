/**
 * Reads the bytes of a pickle from front to back, with bounds checks.
 *
 * @module
 */

import { PickleError } from "./errors.ts";

const NEWLINE = 0x0a;

/**
 * Reads opcodes and their arguments. Every read beyond the end throws a {@linkcode PickleError}.
 */
export class PickleReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #offset = 0;

  /**
   * Creates a reader at the first byte.
   *
   * @param bytes the pickle; it is not changed
   */
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** The number of bytes that have been read. */
  get offset(): number {
    return this.#offset;
  }

  /** The number of bytes that are left. */
  get left(): number {
    return this.#bytes.length - this.#offset;
  }

  /** Reads an unsigned integer of one byte. */
  uint8(): number {
    return this.#view.getUint8(this.#skip(1));
  }

  /** Reads an unsigned integer of two bytes, little-endian. */
  uint16(): number {
    return this.#view.getUint16(this.#skip(2), true);
  }

  /** Reads an unsigned integer of four bytes, little-endian. */
  uint32(): number {
    return this.#view.getUint32(this.#skip(4), true);
  }

  /** Reads a signed integer of four bytes, little-endian. */
  int32(): number {
    return this.#view.getInt32(this.#skip(4), true);
  }

  /**
   * Reads an unsigned integer of eight bytes, little-endian. It is only approximate beyond 2^53,
   * but every caller rejects a length of that size.
   */
  uint64(): number {
    return Number(this.#view.getBigUint64(this.#skip(8), true));
  }

  /** Reads a float of eight bytes, big-endian. */
  float64(): number {
    return this.#view.getFloat64(this.#skip(8));
  }

  /** Returns the next bytes, as a view on the pickle and not a copy. */
  bytes(count: number): Uint8Array {
    const begin = this.#skip(count);
    return this.#bytes.subarray(begin, begin + count);
  }

  /** Returns the bytes up to the next newline, and skips the newline. */
  line(): Uint8Array {
    const end = this.#bytes.indexOf(NEWLINE, this.#offset);
    if (end < 0) throw new PickleError("the pickle is cut off: a line has no end");
    const line = this.#bytes.subarray(this.#offset, end);
    this.#offset = end + 1;
    return line;
  }

  #skip(count: number): number {
    if (count > this.left) {
      throw new PickleError(`the pickle is cut off: ${count} bytes wanted, ${this.left} left`);
    }
    const begin = this.#offset;
    this.#offset += count;
    return begin;
  }
}
