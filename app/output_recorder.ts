/**
 * Records the output of a command line, so that the same request can get it again.
 *
 * @module
 */

import { joined, MAX_BYTES, type WrittenPiece } from "./answer_memo.ts";

/** The output of one command line so far. */
export class OutputRecorder {
  readonly #pieces: WrittenPiece[] = [];
  #bytes = 0;

  /** The whole output, or `undefined` if it is too long or must not be repeated. */
  get recorded(): readonly WrittenPiece[] | undefined {
    return this.#bytes <= MAX_BYTES ? joined(this.#pieces) : undefined;
  }

  /** Records a piece of output. Its bytes are copied. */
  add({ kind, bytes }: WrittenPiece): void {
    this.#bytes += bytes.length;
    if (this.#bytes <= MAX_BYTES) this.#pieces.push({ kind, bytes: bytes.slice() });
  }

  /** Prevents that the output is repeated. */
  discard(): void {
    this.#bytes = Infinity;
    this.#pieces.length = 0;
  }
}
