/**
 * The bytes of a pickle, read from front to back without ever leaving them.
 *
 * @module
 */

import { PickleError } from "./errors.ts";

const NEWLINE = 0x0a;

/** Reads the arguments of opcodes. */
export class PickleReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #offset = 0;

  /**
   * Reads from the first byte on.
   *
   * @param bytes the pickle; not changed and, but for copies, not kept
   */
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** How many bytes have been read. */
  get offset(): number {
    return this.#offset;
  }

  /** How many bytes are left. */
  get left(): number {
    return this.#bytes.length - this.#offset;
  }

  /** Unsigned, one byte. */
  uint8(): number {
    return this.#view.getUint8(this.#skip(1));
  }

  /** Unsigned, two bytes, little-endian. */
  uint16(): number {
    return this.#view.getUint16(this.#skip(2), true);
  }

  /** Unsigned, four bytes, little-endian. */
  uint32(): number {
    return this.#view.getUint32(this.#skip(4), true);
  }

  /** Signed, four bytes, little-endian. */
  int32(): number {
    return this.#view.getInt32(this.#skip(4), true);
  }

  /** Unsigned, eight bytes, little-endian; beyond 2^53 only roughly right, and too large anyway. */
  uint64(): number {
    return Number(this.#view.getBigUint64(this.#skip(8), true));
  }

  /** A float of eight bytes, big-endian. */
  float64(): number {
    return this.#view.getFloat64(this.#skip(8));
  }

  /** The next bytes, not copied. */
  bytes(count: number): Uint8Array {
    const begin = this.#skip(count);
    return this.#bytes.subarray(begin, begin + count);
  }

  /** The bytes up to the next newline, which is skipped. */
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
