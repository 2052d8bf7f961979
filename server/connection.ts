/**
 * One client's connection: messages in, one by one; lines out.
 *
 * @module
 */

import type { AcceptedStream } from "../system/unix_socket.ts";
import { isDisconnect } from "../system/streams.ts";
import type { Source } from "../system/source.ts";
import { type Frame, FrameDecoder, frameText } from "../wire/frame.ts";
import { type Message, parseMessage } from "../wire/messages.ts";
import { WireError } from "../wire/errors.ts";
import { Outbox } from "./outbox.ts";

/** What a connection brings: a message, a line that is none, or its end. */
export type Incoming =
  | { readonly kind: "message"; readonly message: Message }
  | { readonly kind: "error"; readonly error: WireError }
  | { readonly kind: "end" };

/** How much is read at once, in bytes. */
const READ_BYTES = 64 * 1024;
/** Characters in the way out above which its UI is behind, and at which it is not any more. */
const LOW_WATER = 256 * 1024;

/** A connection as a source of messages. */
export class Connection implements Source<Incoming> {
  readonly kind = "connection";
  readonly name: string;
  /** The way out. */
  readonly outbox: Outbox;
  readonly #stream: AcceptedStream;
  readonly #decoder: FrameDecoder;
  readonly #buffer = new Uint8Array(READ_BYTES);
  #frames: Frame[] = [];
  #next = 0;
  #isClosed = false;

  /**
   * @param stream is closed with the connection
   * @param maxFrameBytes the longest line that is taken
   */
  constructor(name: string, stream: AcceptedStream, maxFrameBytes?: number) {
    this.name = name;
    this.#stream = stream;
    this.#decoder = new FrameDecoder(maxFrameBytes);
    this.outbox = new Outbox(stream, LOW_WATER);
  }

  /** The user at the other end; `undefined` where the platform can't tell. */
  get peerUid(): number | undefined {
    return this.#stream.peer?.uid;
  }

  /** The next message, or why there is none. After `end` there is nothing more. */
  async read(): Promise<Incoming> {
    while (true) {
      const frame = this.#frames[this.#next];
      if (frame !== undefined) {
        this.#next++;
        return incoming(frame);
      }
      const count = await this.#readBytes();
      if (count === null) return { kind: "end" };
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

  async #readBytes(): Promise<number | null> {
    if (this.#isClosed) return null;
    try {
      return await this.#stream.read(this.#buffer);
    } catch (error) {
      if (isDisconnect(error)) return null;
      throw error;
    }
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
