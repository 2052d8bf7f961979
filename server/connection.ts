/**
 * Connection of one client: takes messages one by one from its channel, as a source of the loop.
 *
 * @module
 */

import type { Channel, Incoming as Received } from "../rpc/channel.ts";
import type { Outbox } from "../rpc/outbox.ts";
import type { Source } from "../system/source.ts";
import type { Message } from "../wire/messages.ts";

/** Result of a read: what has come, or the end. */
export type Incoming = Received | { readonly kind: "end" };

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

/** A connection as a source of messages for the loop. */
export class Connection implements Source<Incoming> {
  readonly kind = "command";
  readonly name: string;
  readonly number: number;
  readonly #channel: Channel;
  readonly #maxHeld: number;
  #received: readonly Received[] = [];
  #next = 0;

  /**
   * @param number unique in the server's life; also the number of its UI
   * @param channel closed with the connection
   */
  constructor(number: number, channel: Channel, { maxHeld = MAX_HELD }: ConnectionLimits = {}) {
    this.number = number;
    this.name = `client ${number}`;
    this.#channel = channel;
    this.#maxHeld = maxHeld;
  }

  /** Queue of outgoing messages. */
  get outbox(): Outbox {
    return this.#channel.outbox;
  }

  /**
   * Returns the next message, or the reason that there is none. No message follows `end`.
   *
   * @throws {Error} failure of the channel, unless the peer has merely disconnected
   */
  async read(): Promise<Incoming> {
    if (this.outbox.held > this.#maxHeld) await this.outbox.room(this.#maxHeld / 2);
    if (this.#received.length === 0) this.#received = await this.#channel.receive() ?? [];
    const next = this.#received[this.#next++] ?? { kind: "end" };
    if (this.#next >= this.#received.length) {
      this.#received = [];
      this.#next = 0;
    }
    return next;
  }

  /** Sends a message. `line` returns its line; default: makes it. */
  send(message: Message, line?: () => string): void {
    this.#channel.send(message, line);
  }

  /** Closes at once. Unwritten messages are lost. Safe to call twice. */
  close(): void {
    this.#channel.close();
  }
}
