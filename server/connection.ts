/**
 * One client's connection: messages in, one by one; lines out.
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

/** What a connection brings: a message, a line that is none, or its end. */
export type Incoming =
  | { readonly kind: "message"; readonly message: Message }
  | { readonly kind: "error"; readonly error: WireError }
  /** It begins with `execute`: the first bytes of it. */
  | { readonly kind: "execute"; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly kind: "end" };

/** First byte of a connection that begins with `execute`: no line of JSON begins with it. */
const EXECUTE = 0x45;

/** How much is read at once, in bytes. */
const READ_BYTES = 64 * 1024;
/** Characters in the way out above which nothing more is read from a client: it takes no answers. */
const MAX_HELD: number = 16 * 1024 * 1024;

/** Bounds of a connection. */
export interface ConnectionLimits {
  /** The longest line that is taken, in bytes. */
  readonly maxFrameBytes?: number;
  /** Default: {@linkcode MAX_HELD}. */
  readonly maxHeld?: number;
}

/** Whether a connection may begin with `execute`, beside its bounds. */
interface ConnectionOptions extends ConnectionLimits {
  /** Default: `false`, which makes such a beginning an unreadable line. */
  readonly takesExecute?: boolean;
}

/** A connection as a source of messages. */
export class Connection implements Source<Incoming> {
  readonly kind = "command";
  readonly name: string;
  readonly number: number;
  /** The way out. */
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
   * @param number unique in the server's life; its UI's number too
   * @param stream is closed with the connection
   */
  constructor(number: number, stream: AcceptedStream, options: ConnectionOptions = {}) {
    this.number = number;
    this.name = `client ${number}`;
    this.#stream = stream;
    this.#decoder = new FrameDecoder(options.maxFrameBytes);
    this.#maxHeld = options.maxHeld ?? MAX_HELD;
    this.#mayExecute = options.takesExecute === true;
    this.outbox = new Outbox(stream, (error) => {
      // The end of the stream tells the loop: a client that can't be answered has left.
      this.#failure = error;
      this.close();
    });
  }

  /**
   * The next message, or why there is none. After `end` there is nothing more.
   *
   * @throws {Error} what the stream failed with, where that is more than a peer that has left
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

  /** Closes at once; what is not written yet is lost. Safe to call twice. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.outbox.abandon();
    this.#stream.close();
  }

  /** Leaves the stream to somebody else, who reads, writes and closes it from now on. */
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
