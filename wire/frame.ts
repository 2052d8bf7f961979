/**
 * Frames: each message is one line of UTF-8 that ends with a newline.
 *
 * The decoder accepts bytes in pieces of any size and returns whole lines. A broken or overlong
 * line causes one error, and decoding continues after the next newline.
 *
 * @module
 */

import { concat } from "@std/bytes/concat";
import { WireError } from "./errors.ts";
import type { Message } from "./messages.ts";

/** Maximum length of a line in bytes, without its newline. */
export const MAX_FRAME_BYTES = 16 * 1024 * 1024;

/** One line, or the error that replaces it. */
export type Frame =
  | { readonly kind: "line"; readonly text: string }
  | { readonly kind: "error"; readonly error: WireError };

const NEWLINE = 0x0a;
const encoder = new TextEncoder();

/**
 * Splits a stream of bytes into lines.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { FrameDecoder } from "@simmer/simmer/wire";
 *
 * const decoder = new FrameDecoder();
 * const bytes = new TextEncoder().encode('{"a":1}\n{"b"');
 * assertEquals(decoder.push(bytes), [{ kind: "line", text: '{"a":1}' }]);
 * ```
 */
export class FrameDecoder {
  readonly #maxBytes: number;
  readonly #decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  #pieces: Uint8Array[] = [];
  #pending = 0;
  #skipping = false;

  /**
   * Creates a decoder.
   *
   * @param maxBytes maximum length of a line, from 1; default {@linkcode MAX_FRAME_BYTES}
   */
  constructor(maxBytes: number = MAX_FRAME_BYTES) {
    this.#maxBytes = maxBytes;
  }

  /** Number of buffered bytes of an incomplete line. */
  get pendingBytes(): number {
    return this.#pending;
  }

  /**
   * Decodes the next bytes and returns the frames that they complete. Empty lines are skipped.
   *
   * Bytes of an incomplete line are copied, so that the caller may reuse its buffer.
   */
  push(bytes: Uint8Array): Frame[] {
    const frames: Frame[] = [];
    let start = 0;
    while (start < bytes.length) {
      const end = bytes.indexOf(NEWLINE, start);
      if (end < 0) {
        this.#keep(bytes.subarray(start), frames);
        break;
      }
      this.#complete(bytes.subarray(start, end), frames);
      start = end + 1;
    }
    return frames;
  }

  /** Ends the stream. Returns an error if the last line is incomplete. */
  end(): Frame[] {
    if (this.#pending === 0) return [];
    this.#forget();
    return [errorFrame("The stream ended in the middle of a line")];
  }

  #keep(piece: Uint8Array, frames: Frame[]): void {
    if (this.#skipping) return;
    if (this.#pending + piece.length > this.#maxBytes) {
      this.#forget();
      this.#skipping = true;
      frames.push(this.#tooLong());
      return;
    }
    this.#pieces.push(piece.slice());
    this.#pending += piece.length;
  }

  #complete(piece: Uint8Array, frames: Frame[]): void {
    if (this.#skipping) {
      this.#skipping = false;
      return;
    }
    if (this.#pending + piece.length > this.#maxBytes) {
      this.#forget();
      frames.push(this.#tooLong());
      return;
    }
    const line = this.#pending === 0 ? piece : concat([...this.#pieces, piece]);
    this.#forget();
    if (line.length === 0) return;
    try {
      frames.push({ kind: "line", text: this.#decoder.decode(line) });
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      frames.push(errorFrame("The line is not UTF-8"));
    }
  }

  #forget(): void {
    this.#pieces = [];
    this.#pending = 0;
  }

  #tooLong(): Frame {
    return errorFrame(`The line is longer than ${this.#maxBytes} bytes`);
  }
}

function errorFrame(message: string): Frame {
  return { kind: "error", error: new WireError("parseError", message) };
}

/** Encodes a message as a line of text, with its newline. */
export function frameText(message: Message): string {
  return `${JSON.stringify(message)}\n`;
}

/** Encodes a message as bytes for the wire. */
export function encodeFrame(message: Message): Uint8Array<ArrayBuffer> {
  return encoder.encode(frameText(message));
}
