/**
 * Channel: carries messages in both directions, either as framed bytes over a stream or as objects
 * in memory. The maker of the channel decides, and its users do not see the difference.
 *
 * @module
 */

import { type ByteStream, isDisconnect, writeAll } from "../system/net/streams.ts";
import { WireError } from "../wire/errors.ts";
import { type Frame, FrameDecoder, frameText } from "../wire/frame.ts";
import { type Message, parseMessage } from "../wire/messages.ts";
import { type Item, Outbox } from "./outbox.ts";

/** A message, an invalid line, or the start of an `execute`. */
export type Incoming =
  | { readonly kind: "message"; readonly message: Message }
  | { readonly kind: "error"; readonly error: WireError }
  /** The connection begins with `execute`; `bytes` are its first bytes. */
  | { readonly kind: "execute"; readonly bytes: Uint8Array<ArrayBuffer> };

/** One end of a transport: {@linkcode framed} bytes, or objects {@linkcode inMemory}. */
export interface Carrier {
  /** Returns the form in which the carrier writes a message, given a function for its line. */
  pack(message: Message, line: () => string): Item;
  /** Writes messages. Resolves when there is room for more. */
  write(items: readonly Item[]): Promise<void>;
  /** Reads what has come, at least one; `null` at the end. */
  read(): Promise<readonly Incoming[] | null>;
  /** Closes both directions. A pending read ends. Safe to call twice. */
  close(): void;
}

/** One end of a connection. */
export class Channel {
  /** Queue of outgoing messages. */
  readonly outbox: Outbox;
  readonly #carrier: Carrier;
  #failure: unknown;

  /**
   * Creates a channel.
   *
   * @param carrier closed with the channel
   * @param side decides what a broken pipe means. A server closes the channel, because the client
   *   cannot be answered. A client first reads what the server has sent last.
   */
  constructor(carrier: Carrier, side: "client" | "server") {
    this.#carrier = carrier;
    this.outbox = new Outbox((items) => carrier.write(items), (error) => {
      if (!isDisconnect(error)) this.#failure = error;
      else if (side === "client") return;
      this.close();
    });
  }

  /**
   * Sends a message. Messages of the same turn share a write.
   *
   * @param line returns the message's line; default: makes it. Several channels can thus share it.
   */
  send(message: Message, line: () => string = () => frameText(message)): void {
    this.outbox.push(this.#carrier.pack(message, line));
  }

  /**
   * Receives what has come, at least one; `null` at the end.
   *
   * @throws {Error} failure of reading or writing, unless the peer has merely disconnected
   */
  async receive(): Promise<readonly Incoming[] | null> {
    try {
      const incoming = await this.#carrier.read();
      if (incoming !== null) return incoming;
    } catch (error) {
      if (!isDisconnect(error)) throw error;
    }
    if (this.#failure !== undefined) throw this.#failure;
    return null;
  }

  /** Closes at once. Unwritten messages are lost. Safe to call twice. */
  close(): void {
    this.outbox.abandon();
    this.#carrier.close();
  }
}

/** Options of {@linkcode framed}. */
interface FramedOptions {
  /** Limit of a line's length, in bytes. */
  readonly maxFrameBytes?: number;
  /** The connection may begin with `execute`. Default: `false`, so that it is an invalid line. */
  readonly takesExecute?: boolean;
}

/** First byte of `execute`. No line of JSON begins with it. */
const EXECUTE = 0x45;

/** Size of the read buffer, in bytes. */
const READ_BYTES = 64 * 1024;

const encoder = new TextEncoder();

/**
 * Carries messages as lines of JSON.
 *
 * @param stream closed with the carrier
 */
export function framed(stream: ByteStream, options: FramedOptions = {}): Carrier {
  const decoder = new FrameDecoder(options.maxFrameBytes);
  const buffer = new Uint8Array(READ_BYTES);
  let mayExecute = options.takesExecute === true;
  let isClosed = false;
  return {
    pack: (_, line) => line(),
    write: (lines) => writeAll(stream, encoder.encode(lines.join(""))),
    read: async () => {
      while (!isClosed) {
        const count = await stream.read(buffer);
        if (count === null) break;
        if (mayExecute && buffer[0] === EXECUTE) {
          return [{ kind: "execute", bytes: buffer.slice(0, count) }];
        }
        mayExecute = false;
        const frames = decoder.push(buffer.subarray(0, count));
        if (frames.length > 0) return frames.map(readFrame);
      }
      return null;
    },
    close: () => {
      if (isClosed) return;
      isClosed = true;
      stream.close();
    },
  };
}

function readFrame(frame: Frame): Incoming {
  if (frame.kind === "error") return frame;
  try {
    return { kind: "message", message: parseMessage(frame.text) };
  } catch (error) {
    if (error instanceof WireError) return { kind: "error", error };
    throw error;
  }
}

/** One direction of {@linkcode inMemory}. */
class Queue {
  #incoming: Incoming[] = [];
  #isClosed = false;
  #taken: PromiseWithResolvers<void> | undefined;
  #come: (() => void) | undefined;

  /** Resolves when the other end has read the messages, or when the queue is closed. */
  async write(items: readonly Item[]): Promise<void> {
    if (this.#isClosed) throw new Deno.errors.BrokenPipe("The other end is closed");
    // Every item is a message, as `pack` makes it.
    for (const message of items) {
      if (typeof message !== "string") this.#incoming.push({ kind: "message", message });
    }
    this.#taken ??= Promise.withResolvers();
    this.#come?.();
    await this.#taken.promise;
  }

  async read(): Promise<readonly Incoming[] | null> {
    while (this.#incoming.length === 0) {
      if (this.#isClosed) return null;
      await new Promise<void>((resolve) => this.#come = resolve);
    }
    const incoming = this.#incoming;
    this.#incoming = [];
    this.#taken?.resolve();
    this.#taken = undefined;
    return incoming;
  }

  /** Closes the queue. What was written can still be read. */
  close(): void {
    this.#isClosed = true;
    this.#taken?.resolve();
    this.#taken = undefined;
    this.#come?.();
  }

  /** Closes the queue, and drops what was not read. */
  discard(): void {
    this.#incoming = [];
    this.close();
  }
}

function endOf(incoming: Queue, outgoing: Queue): Carrier {
  return {
    pack: (message) => message,
    write: (items) => outgoing.write(items),
    read: () => incoming.read(),
    close: () => {
      incoming.discard();
      outgoing.close();
    },
  };
}

/** Creates two connected carriers. They pass messages as objects, which the receiver shares. */
export function inMemory(): [Carrier, Carrier] {
  const there = new Queue();
  const back = new Queue();
  return [endOf(back, there), endOf(there, back)];
}

/** Creates the client's and the server's end of a connection in memory. */
export function channelPair(): [client: Channel, server: Channel] {
  const [near, far] = inMemory();
  return [new Channel(near, "client"), new Channel(far, "server")];
}
