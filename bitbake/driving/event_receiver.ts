/**
 * Receives the events that BitBake's server sends over XML-RPC. Each event is a call to the small
 * HTTP server in this file.
 *
 * Each call has a connection of its own, as with BitBake's own client. Otherwise BitBake's server
 * would keep a connection open between two calls, and the processes that it forks to parse would
 * send their events over the same connection. Requests and answers would be mixed up, and the
 * server would then drop its client permanently.
 *
 * @module
 */

import type { Clock } from "../../system/clock.ts";
import { OwnedWork } from "../../system/owned_work.ts";
import type { ByteStream } from "../../system/net/streams.ts";
import { addressToward, TcpListener } from "../../system/net/tcp.ts";
import { isLoopback } from "../../wire/address.ts";
import type { XmlRpcCall } from "../../xmlrpc/decoder.ts";
import { encodeResponse } from "../../xmlrpc/encoder.ts";
import { callOf, serveHttp } from "../../xmlrpc/http_server.ts";
import { MAX_PICKLE_BYTES } from "../frames.ts";

/** The XML-RPC method that delivers an event. */
const EVENT_METHOD = "event.sendpickle";

/** The longest call in bytes: a pickle as base64 in lines, and the XML around it. */
const MAX_CALL_BYTES = MAX_PICKLE_BYTES * 1.5;

/** The options of {@linkcode EventReceiver.listen}. */
interface EventReceiverOptions {
  /** The host that sends the events. */
  readonly from: string;
  readonly clock: Clock;
  /** Called with the pickle of each event. Must not throw. */
  readonly take: (pickle: Uint8Array) => void;
  /** Called with an error after which no more events arrive. */
  readonly failed: (error: unknown) => void;
}

/** Receives events until it is closed. */
export class EventReceiver {
  /** The address that the server sends events to. */
  readonly host: string;
  readonly port: number;
  readonly #options: EventReceiverOptions;
  readonly #listener: TcpListener;
  readonly #ending = new AbortController();
  readonly #work: OwnedWork;

  private constructor(host: string, listener: TcpListener, options: EventReceiverOptions) {
    this.host = host;
    this.port = listener.port;
    this.#options = options;
    this.#listener = listener;
    this.#work = new OwnedWork((_, error) => options.failed(error));
    this.#work.own("taking connections", this.#accept());
  }

  /** Listens at a free port of the address at which the sender reaches this machine. */
  static listen(options: EventReceiverOptions): EventReceiver {
    const host = addressToward(options.from);
    return new EventReceiver(host, TcpListener.listen({ host, port: 0 }), options);
  }

  /** Stops accepting events. Resolves when the events that have arrived are answered. */
  async close(): Promise<void> {
    this.#ending.abort();
    this.#listener.close();
    await this.#work.settled();
  }

  async #accept(): Promise<void> {
    while (true) {
      const stream = await this.#listener.accept();
      if (stream === undefined) return;
      this.#work.own("taking an event", this.#serve(stream));
    }
  }

  #serve(stream: ByteStream): Promise<void> {
    return serveHttp(stream, {
      clock: this.#options.clock,
      limits: { maxBodyBytes: MAX_CALL_BYTES, maxRequests: 1 },
      isLocal: isLoopback(this.host),
      answer: (request) => Promise.resolve(this.#answer(callOf(request))),
      ending: this.#ending.signal,
    });
  }

  #answer({ method, params: [pickle] }: XmlRpcCall): string {
    if (method === EVENT_METHOD && pickle instanceof Uint8Array) this.#options.take(pickle);
    return encodeResponse(null);
  }
}
