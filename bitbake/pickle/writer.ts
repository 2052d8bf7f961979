/**
 * The bytes of a pickle that is being written: a buffer that grows up to its cap.
 *
 * @module
 */

import { PickleError } from "./errors.ts";

const FIRST_BYTES = 256;

/** Writes opcodes and their arguments; every method gives the writer itself, but the last. */
export class PickleWriter {
  readonly #maxBytes: number;
  #bytes = new Uint8Array(FIRST_BYTES);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;

  /**
   * Makes an empty one.
   *
   * @param maxBytes the most that it holds
   */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** An opcode. */
  op(opcode: number): this {
    return this.uint8(opcode);
  }

  /** Unsigned, one byte. */
  uint8(value: number): this {
    const at = this.#grow(1);
    this.#view.setUint8(at, value);
    return this;
  }

  /** Unsigned, two bytes, little-endian. */
  uint16(value: number): this {
    const at = this.#grow(2);
    this.#view.setUint16(at, value, true);
    return this;
  }

  /** Signed, four bytes, little-endian. */
  int32(value: number): this {
    const at = this.#grow(4);
    this.#view.setInt32(at, value, true);
    return this;
  }

  /** Unsigned, four bytes, little-endian. */
  uint32(value: number): this {
    const at = this.#grow(4);
    this.#view.setUint32(at, value, true);
    return this;
  }

  /** Unsigned, eight bytes, little-endian. */
  uint64(value: number): this {
    const at = this.#grow(8);
    this.#view.setBigUint64(at, BigInt(value), true);
    return this;
  }

  /** A float of eight bytes, big-endian. */
  float64(value: number): this {
    const at = this.#grow(8);
    this.#view.setFloat64(at, value);
    return this;
  }

  /** Bytes as they are. */
  bytes(bytes: Uint8Array): this {
    const at = this.#grow(bytes.length);
    this.#bytes.set(bytes, at);
    return this;
  }

  /** All that was written. */
  finish(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  #grow(count: number): number {
    const at = this.#length;
    const wanted = at + count;
    if (wanted > this.#maxBytes) {
      throw new PickleError(`the pickle has over ${this.#maxBytes} bytes`);
    }
    if (wanted > this.#bytes.length) {
      const bytes = new Uint8Array(Math.max(wanted, this.#bytes.length * 2));
      bytes.set(this.#bytes);
      this.#bytes = bytes;
      this.#view = new DataView(bytes.buffer);
    }
    this.#length = wanted;
    return at;
  }
}
