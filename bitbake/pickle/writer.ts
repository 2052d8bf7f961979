/**
 * Writes the bytes of a pickle into a buffer that grows up to a cap.
 *
 * @module
 */

import { PickleError } from "./errors.ts";

const FIRST_BYTES = 256;

/** Writes opcodes and their arguments. Every method except `finish` returns the writer itself. */
export class PickleWriter {
  readonly #maxBytes: number;
  #bytes = new Uint8Array(FIRST_BYTES);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;

  /**
   * Creates an empty writer.
   *
   * @param maxBytes the maximum number of bytes
   */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Writes an opcode. */
  op(opcode: number): this {
    return this.uint8(opcode);
  }

  /** Writes an unsigned integer of one byte. */
  uint8(value: number): this {
    const at = this.#grow(1);
    this.#view.setUint8(at, value);
    return this;
  }

  /** Writes an unsigned integer of two bytes, little-endian. */
  uint16(value: number): this {
    const at = this.#grow(2);
    this.#view.setUint16(at, value, true);
    return this;
  }

  /** Writes a signed integer of four bytes, little-endian. */
  int32(value: number): this {
    const at = this.#grow(4);
    this.#view.setInt32(at, value, true);
    return this;
  }

  /** Writes an unsigned integer of four bytes, little-endian. */
  uint32(value: number): this {
    const at = this.#grow(4);
    this.#view.setUint32(at, value, true);
    return this;
  }

  /** Writes an unsigned integer of eight bytes, little-endian. */
  uint64(value: number): this {
    const at = this.#grow(8);
    this.#view.setBigUint64(at, BigInt(value), true);
    return this;
  }

  /** Writes a float of eight bytes, big-endian. */
  float64(value: number): this {
    const at = this.#grow(8);
    this.#view.setFloat64(at, value);
    return this;
  }

  /** Writes bytes unchanged. */
  bytes(bytes: Uint8Array): this {
    const at = this.#grow(bytes.length);
    this.#bytes.set(bytes, at);
    return this;
  }

  /** Returns the bytes that were written. */
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
