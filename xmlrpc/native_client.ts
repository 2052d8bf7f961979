/**
 * Native client inside the server's own process. Each XML-RPC client uses one to talk to the
 * server's loop.
 *
 * @module
 */

import type { Channel } from "../rpc/channel.ts";
import { Peer } from "../rpc/peer.ts";
import { WireError } from "../wire/errors.ts";
import type { SimmerEvent } from "../wire/events.ts";
import { type HelloParams, type HelloResult, PROTOCOL, VERSION } from "../wire/hello.ts";

/** Receiver of a client's events. */
export interface EventSink {
  take(event: SimmerEvent): void;
  /** Resolves when there is room for more events; `undefined` if there is room now. */
  readonly room: Promise<void> | undefined;
}

/** Members of the hello that differ between clients. */
type NativeHello = Omit<HelloParams, "protocol" | "version">;

/** A connection that has completed the handshake. */
export class NativeClient {
  /** The server's response to the handshake. */
  readonly hello: HelloResult;
  /** Resolves when either side has ended the connection. */
  readonly ended: Promise<void>;
  readonly #connection: Connection;

  private constructor(connection: Connection, hello: HelloResult) {
    this.hello = hello;
    this.#connection = connection;
    this.ended = connection.ended;
  }

  /**
   * Performs the handshake.
   *
   * @param channel the client takes it over
   * @throws {WireError} if the server refuses; the channel is then closed
   */
  static async open(channel: Channel, hello: NativeHello): Promise<NativeClient> {
    const connection = new Connection(channel);
    try {
      const params: HelloParams = { protocol: PROTOCOL, version: VERSION, ...hello };
      const result = await connection.call("hello", params) as HelloResult;
      return new NativeClient(connection, result);
    } catch (error) {
      connection.close();
      await connection.ended;
      throw error;
    }
  }

  /** Receiver of events from now on. Without a sink, events are dropped. */
  set sink(sink: EventSink | undefined) {
    this.#connection.setSink(sink);
  }

  /**
   * Sends a command.
   *
   * @throws {WireError} if the server responds with an error, or the connection ends
   */
  call(method: string, params: unknown = {}): Promise<unknown> {
    return this.#connection.call(method, params);
  }

  /** Closes the connection. Safe to call twice. */
  close(): void {
    this.#connection.close();
  }
}

/**
 * Connection with back-pressure: it reads only as fast as the sink takes events, which slows down
 * the build that the client owns. While a response is pending it reads on, since the client may
 * take no events until it has the response.
 */
class Connection {
  readonly ended: Promise<void>;
  readonly #peer: Peer<WireError>;
  #sink: EventSink | undefined;
  #isClosed = false;
  #wake: (() => void) | undefined;

  constructor(channel: Channel) {
    this.#peer = new Peer(channel, {
      notified: ({ method, params }) => {
        if (method === "event") this.#sink?.take(params as SimmerEvent);
      },
      busy: () => this.#busy(),
      endError: gone,
    });
    this.ended = this.#peer.ended.then(() => {});
  }

  setSink(sink: EventSink | undefined): void {
    this.#sink = sink;
    this.#wake?.();
  }

  call(method: string, params: unknown): Promise<unknown> {
    const { reply } = this.#peer.call(method, params);
    this.#wake?.();
    return reply;
  }

  close(): void {
    this.#isClosed = true;
    this.#peer.close();
    this.#wake?.();
  }

  #busy(): Promise<void> | undefined {
    const room = this.#sink?.room;
    if (room === undefined || this.#isClosed || this.#peer.pending > 0) return undefined;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    // A rejection is the sink's own failure. It shows at the next use of the sink.
    room.then(resolve, resolve);
    return promise;
  }
}

function gone(): WireError {
  return new WireError("shuttingDown", "The server is shutting down, or has dropped this client");
}
