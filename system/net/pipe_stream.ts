/**
 * Pipes from raw descriptors, read and written without holding a thread.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { Socket } from "node:net";

/** The end of a pipe that is read from. */
export class PipeReader implements AsyncIterable<Uint8Array> {
  /** The descriptor; it must not be read from or closed. */
  readonly descriptor: number;
  readonly #socket: Socket;

  /** @param descriptor is this object's from now on */
  constructor(descriptor: number) {
    this.descriptor = descriptor;
    this.#socket = new Socket({ fd: descriptor, readable: true, writable: false });
    // A pipe that fails has no more to say: reading it ends.
    this.#socket.on("error", () => this.#socket.destroy());
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    try {
      for await (const piece of this.#socket) yield piece as Uint8Array;
    } catch (error) {
      if (!isPipeEnd(error)) throw error;
    }
  }

  /** Whether bytes have been read from the pipe that the iteration has not given yet. */
  get hasBuffered(): boolean {
    return this.#socket.readableLength > 0;
  }

  /** Whether it has been closed, or has come to its end. */
  get isClosed(): boolean {
    return this.#socket.destroyed || this.#socket.readableEnded;
  }

  /** Closes it; an iteration ends. Safe to call twice. */
  close(): void {
    this.#socket.destroy();
  }
}

/** The end of a pipe that is written to. */
export class PipeWriter {
  readonly #socket: Socket;
  #isBroken = false;
  readonly #broken = Promise.withResolvers<void>();

  /** @param descriptor is this object's from now on */
  constructor(descriptor: number) {
    this.#socket = new Socket({ fd: descriptor, readable: false, writable: true });
    const end = (): void => {
      this.#isBroken = true;
      this.#broken.resolve();
    };
    this.#socket.on("error", end);
    this.#socket.on("close", end);
  }

  /** Resolves when nothing can be written any more. */
  get broken(): Promise<void> {
    return this.#broken.promise;
  }

  /**
   * Writes bytes.
   *
   * @returns resolves when they are in the pipe, or when nobody will ever read them
   */
  write(bytes: Uint8Array): Promise<void> {
    if (this.#isBroken) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#broken.promise.then(resolve);
    this.#socket.write(Buffer.from(bytes), () => resolve());
    return promise;
  }

  /** Closes it when what was written is in the pipe. */
  end(): void {
    if (!this.#isBroken) this.#socket.end();
  }

  /** Closes it at once. Safe to call twice. */
  close(): void {
    this.#socket.destroy();
  }
}

function isPipeEnd(error: unknown): boolean {
  if (!(error instanceof Error) || !("code" in error)) return false;
  return error.code === "ERR_STREAM_PREMATURE_CLOSE" || error.code === "ECONNRESET" ||
    error.code === "EPIPE";
}
