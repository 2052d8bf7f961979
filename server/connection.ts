/**
 * Connection of one client: reads messages one by one, and writes lines through an outbox.
 *
 * @module
 */

import type { AcceptedStream } from "../system/net/unix_socket.ts";
import { isDisconnect } from "../system/net/streams.ts";
import type { Source } from "../system/source.ts";
import { type Frame, FrameDecoder, frameText } from "../wire/frame.ts";
import { type Message, parseMessage } from "../wire/messages.ts";
import { WireError } from "../wire/errors.ts";
import { Outbox } from "./outbox.ts";

/** Result of a read: a message, an invalid line, the start of an `execute`, or the end. */
export type Incoming =
  | { readonly kind: "message"; readonly message: Message }
  | { readonly kind: "error"; readonly error: WireError }
  /** The connection begins with `execute`; `bytes` are its first bytes. */
  | { readonly kind: "execute"; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly kind: "end" };

/** First byte of `execute`. No line of JSON begins with it. */
const EXECUTE = 0x45;

/** Size of the read buffer, in bytes. */
const READ_BYTES = 64 * 1024;
/**
 * Limit of the outbox, in characters. Above it, the client does not read its replies, so nothing
 * more is read from it.
 */
const MAX_HELD: number = 16 * 1024 * 1024;

/** Limits of a connection. */
export interface ConnectionLimits {
  /** Limit of a line's length, in bytes. */
  readonly maxFrameBytes?: number;
  /** Limit of the outbox in characters; default: {@linkcode MAX_HELD}. */
  readonly maxHeld?: number;
}

/** Options of a connection. */
interface ConnectionOptions extends ConnectionLimits {
  /** The connection may begin with `execute`. Default: `false`, so that it is an invalid line. */
  readonly takesExecute?: boolean;
}

/** A connection as a source of messages for the loop. */
export class Connection implements Source<Incoming> {
  readonly kind = "command";
  readonly name: string;
  readonly number: number;
  /** Queue of outgoing lines. */
  readonly outbox: Outbox;
  readonly #stream: AcceptedStream;
  readonly #decoder: FrameDecoder;
  readonly #buffer = new Uint8Array(READ_BYTES);
  readonly #maxHeld: number;
  #frames: Frame[] = [];
  #next = 0;
  #isClosed = false;
  #failure: unknown;
  #mayExecute: boolean;

  /**
   * @param number unique in the server's life; also the number of its UI
   * @param stream closed with the connection
   */
  constructor(number: number, stream: AcceptedStream, options: ConnectionOptions = {}) {
    this.number = number;
    this.name = `client ${number}`;
    this.#stream = stream;
    this.#decoder = new FrameDecoder(options.maxFrameBytes);
    this.#maxHeld = options.maxHeld ?? MAX_HELD;
    this.#mayExecute = options.takesExecute === true;
    this.outbox = new Outbox(stream, (error) => {
      // A client that cannot be answered counts as gone. The stream's end reports it to the loop.
      this.#failure = error;
      this.close();
    });
  }

  /**
   * Returns the next message, or the reason that there is none. No message follows `end`.
   *
   * @throws {Error} failure of the stream, unless the peer has merely disconnected
   */
  async read(): Promise<Incoming> {
    while (true) {
      if (this.outbox.held > this.#maxHeld) await this.outbox.room(this.#maxHeld / 2);
      const frame = this.#frames[this.#next];
      if (frame !== undefined) {
        if (++this.#next === this.#frames.length) this.#frames = [];
        return incoming(frame);
      }
      const count = await this.#readBytes();
      if (count === null) return { kind: "end" };
      if (this.#mayExecute && this.#buffer[0] === EXECUTE) {
        return { kind: "execute", bytes: this.#buffer.slice(0, count) };
      }
      this.#mayExecute = false;
      this.#frames = this.#decoder.push(this.#buffer.subarray(0, count));
      this.#next = 0;
    }
  }

  /** Sends a message. */
  send(message: Message): void {
    this.outbox.push(frameText(message));
  }

  /** Closes at once. Unwritten lines are lost. Safe to call twice. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.outbox.abandon();
    this.#stream.close();
  }

  /** Detaches the stream. The caller reads, writes and closes it from now on. */
  release(): AcceptedStream {
    this.#isClosed = true;
    this.outbox.abandon();
    return this.#stream;
  }

  async #readBytes(): Promise<number | null> {
    if (this.#isClosed) return this.#end();
    try {
      return await this.#stream.read(this.#buffer) ?? this.#end();
    } catch (error) {
      if (isDisconnect(error)) return this.#end();
      throw error;
    }
  }

  #end(): null {
    if (this.#failure === undefined || isDisconnect(this.#failure)) return null;
    throw this.#failure;
  }
}

function incoming(frame: Frame): Incoming {
  if (frame.kind === "error") return frame;
  try {
    return { kind: "message", message: parseMessage(frame.text) };
  } catch (error) {
    if (error instanceof WireError) return { kind: "error", error };
    throw error;
  }
}
