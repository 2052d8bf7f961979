/**
 * Server's end of an `execute` connection: reads the client's frames, and writes frames in order.
 *
 * @module
 */

import {
  frame,
  FrameReader,
  HEAD_BYTES,
  type IncomingFrame,
  putHead,
} from "../forward/protocol.ts";
import { maxPayload } from "../forward/requests.ts";
import type { Clock } from "../system/clock.ts";
import { isDisconnect, writeAll } from "../system/net/streams.ts";
import type { AcceptedStream } from "../system/net/unix_socket.ts";
import type { WrittenPiece } from "./answer_memo.ts";

const READ_BYTES = 64 * 1024;

/** The options of an {@linkcode ExecuteConnection}. */
interface ExecuteConnectionOptions {
  readonly stream: AcceptedStream;
  /** Bytes that have already been read from the stream. */
  readonly first: Uint8Array<ArrayBuffer>;
  readonly clock: Clock;
}

/** Frames from and to one client. */
export class ExecuteConnection {
  readonly #stream: AcceptedStream;
  readonly #clock: Clock;
  readonly #frames = new FrameReader(maxPayload);
  readonly #buffer = new Uint8Array(READ_BYTES);
  /** Resolves when the frames so far have been written, or cannot be. */
  #writing: Promise<void> | undefined;

  constructor({ stream, first, clock }: ExecuteConnectionOptions) {
    this.#stream = stream;
    this.#clock = clock;
    this.#frames.push(first);
  }

  /** Adds bytes that were read from the stream elsewhere. */
  push(bytes: Uint8Array<ArrayBuffer>): void {
    this.#frames.push(bytes);
  }

  /**
   * Returns the next frame that has been read completely, or `undefined`.
   *
   * @throws {FrameLengthError} if the frame exceeds the limit of its type
   */
  buffered(): IncomingFrame | undefined {
    return this.#frames.next();
  }

  /**
   * Returns the next frame, or `undefined` at the end. Its payload is valid until the next read.
   *
   * @throws {FrameLengthError} if the frame exceeds the limit of its type
   */
  async read(): Promise<IncomingFrame | undefined> {
    for (let next = this.#frames.next();; next = this.#frames.next()) {
      if (next !== undefined) return next;
      this.#frames.keep();
      const count = await this.#readBytes();
      if (count === null) return undefined;
      this.#frames.push(this.#buffer.subarray(0, count));
    }
  }

  /**
   * Reads from the client within a time limit. The connection is closed if the client exceeds it,
   * which ends the read.
   *
   * @param ms the limit in milliseconds
   */
  async within<T>(ms: number, read: () => Promise<T>): Promise<T> {
    const done = new AbortController();
    const patience = this.#clock.sleep(ms, done.signal).then(() => {
      // Closing the stream ends the read.
      if (!done.signal.aborted) this.#stream.close();
    });
    try {
      return await read();
    } finally {
      done.abort("done");
      await patience;
    }
  }

  /** Writes a frame, after those before. Does nothing if the client has disconnected. */
  async send(type: number, payload?: Uint8Array): Promise<void> {
    await this.#write(frame(type, payload), false);
  }

  /**
   * Writes pieces of output as frames in one write, after the frames before.
   *
   * @param must true to throw if the client has disconnected
   */
  async sendPieces(pieces: readonly WrittenPiece[], must: boolean): Promise<void> {
    await this.#write(encoded(pieces), must);
  }

  /** Closes the connection, which ends a pending read. */
  close(): void {
    this.#stream.close();
  }

  async #readBytes(): Promise<number | null> {
    try {
      return await this.#stream.read(this.#buffer);
    } catch (error) {
      if (!isDisconnect(error)) throw error;
      return null;
    }
  }

  async #write(bytes: Uint8Array, must: boolean): Promise<void> {
    const written = this.#writing === undefined
      ? writeAll(this.#stream, bytes)
      : this.#writing.then(() => writeAll(this.#stream, bytes));
    // The next frame waits, however this one ends: two long ones must not be mixed.
    const ended = written.catch(() => {}).then(() => {
      if (this.#writing === ended) this.#writing = undefined;
    });
    this.#writing = ended;
    try {
      await written;
    } catch (error) {
      if (must || !isDisconnect(error)) throw error;
    }
  }
}

/** Encodes pieces as frames. */
function encoded(pieces: readonly WrittenPiece[]): Uint8Array<ArrayBuffer> {
  const size = pieces.reduce((sum, { bytes }) => sum + HEAD_BYTES + bytes.length, 0);
  const whole = new Uint8Array(size);
  let at = 0;
  for (const { kind, bytes } of pieces) {
    putHead(whole, at, kind, bytes.length);
    whole.set(bytes, at + HEAD_BYTES);
    at += HEAD_BYTES + bytes.length;
  }
  return whole;
}
