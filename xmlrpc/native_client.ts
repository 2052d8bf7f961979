/**
 * Native client inside the server's own process. Each XML-RPC client uses one to talk to the
 * server's loop.
 *
 * @module
 */

import { type ByteStream, isDisconnect, writeAll } from "../system/net/streams.ts";
import { WireError } from "../wire/errors.ts";
import type { SimmerEvent } from "../wire/events.ts";
import { encodeFrame, FrameDecoder } from "../wire/frame.ts";
import { type HelloParams, type HelloResult, PROTOCOL, VERSION } from "../wire/hello.ts";
import {
  isNotification,
  isResponse,
  type Message,
  parseMessage,
  request,
  type Response,
} from "../wire/messages.ts";

/** Receiver of a client's events. */
export interface EventSink {
  take(event: SimmerEvent): void;
  /** Resolves when there is room for more events; `undefined` if there is room now. */
  readonly room: Promise<void> | undefined;
}

interface PendingCall {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: WireError) => void;
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
   * @param stream the client takes it over
   * @throws {WireError} if the server refuses; the stream is then closed
   */
  static async open(stream: ByteStream, hello: NativeHello): Promise<NativeClient> {
    const connection = new Connection(stream);
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
  readonly #stream: ByteStream;
  readonly #calls = new Map<number, PendingCall>();
  #lastId = 0;
  #sink: EventSink | undefined;
  #isClosed = false;
  #wake: (() => void) | undefined;

  constructor(stream: ByteStream) {
    this.#stream = stream;
    this.ended = this.#readAll();
  }

  setSink(sink: EventSink | undefined): void {
    this.#sink = sink;
    this.#wake?.();
  }

  async call(method: string, params: unknown): Promise<unknown> {
    const id = ++this.#lastId;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    if (this.#isClosed) throw gone();
    this.#calls.set(id, { resolve, reject });
    this.#wake?.();
    try {
      await writeAll(this.#stream, encodeFrame(request(id, method, params)));
    } catch (error) {
      // The end of the stream rejects the call.
      if (!isDisconnect(error)) throw error;
    }
    return await promise;
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#stream.close();
    this.#wake?.();
  }

  async #readAll(): Promise<void> {
    const decoder = new FrameDecoder();
    const buffer = new Uint8Array(64 * 1024);
    while (true) {
      await this.#room();
      const count = await this.#stream.read(buffer);
      if (count === null) break;
      for (const frame of decoder.push(buffer.subarray(0, count))) {
        if (frame.kind === "line") this.#receive(parseMessage(frame.text));
      }
    }
    this.close();
    for (const { reject } of this.#calls.values()) reject(gone());
    this.#calls.clear();
  }

  async #room(): Promise<void> {
    while (!this.#isClosed && this.#calls.size === 0) {
      const room = this.#sink?.room;
      if (room === undefined) return;
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      // A rejection is the sink's own failure. It shows at the next use of the sink.
      room.then(resolve, resolve);
      await promise;
    }
  }

  #receive(message: Message): void {
    if (isResponse(message)) return this.#answer(message);
    if (!isNotification(message) || message.method !== "event") return;
    this.#sink?.take(message.params as SimmerEvent);
  }

  #answer(response: Response): void {
    const call = typeof response.id === "number" ? this.#calls.get(response.id) : undefined;
    if (call === undefined) return;
    this.#calls.delete(response.id as number);
    if ("error" in response) call.reject(WireError.fromObject(response.error));
    else call.resolve(response.result);
  }
}

function gone(): WireError {
  return new WireError("shuttingDown", "The server is shutting down, or has dropped this client");
}
