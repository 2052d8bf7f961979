/**
 * Reads and writes pipes that are given as raw descriptors, without blocking a thread. BitBake's
 * connections use them.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { Socket } from "node:net";

/** The read end of a pipe. */
export class PipeReader implements AsyncIterable<Uint8Array> {
  /** The descriptor. Callers must not read from it or close it. */
  readonly descriptor: number;
  readonly #socket: Socket;

  /** @param descriptor owned by this object from now on */
  constructor(descriptor: number) {
    this.descriptor = descriptor;
    this.#socket = new Socket({ fd: descriptor, readable: true, writable: false });
    // A pipe that fails has no more data, so reading ends without an error.
    this.#socket.on("error", () => this.#socket.destroy());
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    try {
      for await (const piece of this.#socket) yield piece as Uint8Array;
    } catch (error) {
      if (!isPipeEnd(error)) throw error;
    }
  }

  /** True if bytes have been read from the pipe that the iteration has not returned yet. */
  get hasBuffered(): boolean {
    return this.#socket.readableLength > 0;
  }

  /** True if the pipe was closed, or has reached its end. */
  get isClosed(): boolean {
    return this.#socket.destroyed || this.#socket.readableEnded;
  }

  /** Closes the pipe and ends an iteration. Safe to call twice. */
  close(): void {
    this.#socket.destroy();
  }
}

/** The write end of a pipe. */
export class PipeWriter {
  readonly #socket: Socket;
  #isBroken = false;
  readonly #broken = Promise.withResolvers<void>();

  /** @param descriptor owned by this object from now on */
  constructor(descriptor: number) {
    this.#socket = new Socket({ fd: descriptor, readable: false, writable: true });
    const end = (): void => {
      this.#isBroken = true;
      this.#broken.resolve();
    };
    this.#socket.on("error", end);
    this.#socket.on("close", end);
  }

  /** Resolves when the pipe can no longer be written to. */
  get broken(): Promise<void> {
    return this.#broken.promise;
  }

  /**
   * Writes bytes.
   *
   * @returns resolves when the bytes are in the pipe, or when the pipe is broken
   */
  write(bytes: Uint8Array): Promise<void> {
    if (this.#isBroken) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#broken.promise.then(resolve);
    this.#socket.write(Buffer.from(bytes), () => resolve());
    return promise;
  }

  /** Closes the pipe after all bytes have been written. */
  end(): void {
    if (!this.#isBroken) this.#socket.end();
  }

  /** Closes the pipe at once. Safe to call twice. */
  close(): void {
    this.#socket.destroy();
  }
}

function isPipeEnd(error: unknown): boolean {
  if (!(error instanceof Error) || !("code" in error)) return false;
  return error.code === "ERR_STREAM_PREMATURE_CLOSE" || error.code === "ECONNRESET" ||
    error.code === "EPIPE";
}
