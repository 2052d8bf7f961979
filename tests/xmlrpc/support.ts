/**
 * Helpers of the XML-RPC tests: a server with an XML-RPC door over streams in memory, and clients
 * with their own event servers.
 *
 * @module
 */

import { assert } from "@std/assert";
import type { Listener } from "../../server/listener_source.ts";
import { ProcessServer, type ProcessServerOptions } from "../../server/process_server.ts";
import { decodeCall } from "../../xmlrpc/decoder.ts";
import { XmlRpcDoor, type XmlRpcDoorOptions } from "../../xmlrpc/door.ts";
import { encodeResponse } from "../../xmlrpc/encoder.ts";
import { callOver } from "../../xmlrpc/http_client.ts";
import { serveHttp } from "../../xmlrpc/http_server.ts";
import type { XmlRpcValue } from "../../xmlrpc/values.ts";
import { FakeClock } from "../../system/fake_clock.ts";
import { MemoryLogger } from "../../system/logger.ts";
import { type ByteStream, memoryPair, writeAll } from "../../system/net/streams.ts";
import type { AcceptedStream } from "../../system/net/unix_socket.ts";
import type { TcpAddress } from "../../wire/address.ts";
import type { SimmerEvent } from "../../wire/events.ts";
import { MemoryListener, StreamClient, TestCooker } from "../server/support.ts";

const ADDRESS = { host: "127.0.0.1", port: 8200 };

/** Listener in memory that acts as a TCP listener. */
export class DoorListener implements Listener {
  readonly path: string;
  readonly #inner = new MemoryListener();
  readonly #remotes: string[] = [];

  constructor(path: string) {
    this.path = path;
  }

  /** Connects from an address. */
  connect(remoteHost: string, uid?: number): ByteStream {
    this.#remotes.push(remoteHost);
    return this.#inner.connect(uid === undefined ? {} : { uid });
  }

  async accept(): Promise<AcceptedStream | undefined> {
    const stream = await this.#inner.accept();
    const remoteHost = this.#remotes.shift();
    return stream && { ...stream, ...(remoteHost === undefined ? {} : { remoteHost }) };
  }

  unlink(): boolean {
    return false;
  }

  close(): void {
    this.#inner.close();
  }
}

/** XML-RPC event server of a client, which records pushed events. */
export class EventServer {
  readonly events: SimmerEvent[] = [];
  readonly methods = new Set<string>();
  /** Number of connections so far. */
  connections = 0;
  /** Reaction to new connections. */
  mode: "answer" | "hang" | "gone" = "answer";
  /** Promise that each response waits for. */
  gate: Promise<void> = Promise.resolve();
  readonly #clock: FakeClock;
  readonly #ending = new AbortController();
  readonly #serving: Promise<void>[] = [];
  readonly #hanging: ByteStream[] = [];
  #waiting: (() => void)[] = [];

  constructor(clock: FakeClock) {
    this.#clock = clock;
  }

  /** Opens a connection, or returns `undefined` if `mode` is "gone". */
  dial(): ByteStream | undefined {
    this.connections++;
    this.#tell();
    if (this.mode === "gone") return undefined;
    const [near, far] = memoryPair();
    if (this.mode === "hang") this.#hanging.push(far);
    else this.#serving.push(this.#serve(far));
    return near;
  }

  /** Resolves with the first event of a type. */
  async event(type: SimmerEvent["type"]): Promise<SimmerEvent> {
    await this.until(() => this.events.some((event) => event.type === type));
    return this.events.find((event) => event.type === type) ?? assertNever();
  }

  /** Resolves when `condition` is true, checked after each connection and event. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  async close(): Promise<void> {
    this.#ending.abort();
    for (const stream of this.#hanging) stream.close();
    await Promise.all(this.#serving);
  }

  async #serve(stream: ByteStream): Promise<void> {
    await serveHttp(stream, {
      clock: this.#clock,
      limits: {},
      isLocal: true,
      ending: this.#ending.signal,
      answer: async ({ body }) => {
        await this.gate;
        const { method, params: [text] } = decodeCall(body);
        this.methods.add(method);
        this.events.push(JSON.parse(String(text)));
        this.#tell();
        return encodeResponse(null);
      },
    });
  }

  #tell(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }
}

function assertNever(): never {
  throw new Error("it was there a moment ago");
}

/** Options of an XmlRpcServer. */
export interface XmlRpcServerOptions {
  readonly path?: string;
  readonly door?: Partial<XmlRpcDoorOptions>;
  readonly server?: Partial<ProcessServerOptions>;
}

/** Running server with an XML-RPC door. */
export class XmlRpcServer implements AsyncDisposable {
  readonly cooker = new TestCooker();
  readonly clock = new FakeClock();
  readonly log = new MemoryLogger();
  readonly native = new MemoryListener();
  readonly listener: DoorListener;
  readonly server: ProcessServer;
  readonly ended: Promise<unknown>;
  readonly #events = new Map<number, EventServer>();
  readonly #clients: StreamClient[] = [];

  constructor({ path = "127.0.0.1:8200", door = {}, server = {} }: XmlRpcServerOptions = {}) {
    this.listener = new DoorListener(path);
    const { clock, log, cooker } = this;
    this.server = new ProcessServer({
      cooker,
      listener: this.native,
      clock,
      log,
      project: { root: "/project" },
      timeoutSeconds: -1,
      ...server,
      doors: [
        new XmlRpcDoor({
          listener: this.listener,
          clock,
          log,
          dial: ({ port }: TcpAddress) => Promise.resolve(this.#events.get(port)?.dial()),
          ...door,
        }),
      ],
    });
    this.ended = this.server.serve();
  }

  /** All log records, one line each. */
  get logged(): string {
    return this.log.records.map(({ level, message }) => `${level} ${message}`).join("\n");
  }

  /** Creates an event server at a port. */
  events(port: number): EventServer {
    const events = new EventServer(this.clock);
    this.#events.set(port, events);
    return events;
  }

  /** Connects from `remoteHost`. */
  connect(remoteHost = "127.0.0.1", uid?: number): ByteStream {
    return this.listener.connect(remoteHost, uid);
  }

  /** Calls an XML-RPC method over a new connection. */
  async call(
    method: string,
    params: readonly XmlRpcValue[] = [],
    token?: string,
    remoteHost?: string,
  ): Promise<XmlRpcValue> {
    const fields = token === undefined ? {} : { "Bitbake-token": token };
    return await callOver(this.connect(remoteHost), ADDRESS, { method, params }, fields);
  }

  /** Runs a command with `runCommand`. */
  async run(token: string, name: string, params: XmlRpcValue = {}): Promise<XmlRpcValue> {
    return await this.call("runCommand", [[name, params]], token);
  }

  /** Registers an event handler and becomes the controller. */
  async join(port = 5000): Promise<{ events: EventServer; handle: number; token: string }> {
    const events = this.#events.get(port) ?? this.events(port);
    const [handle] = await this.call("registerEventHandler", ["127.0.0.1", port]) as number[];
    const token = await this.call("addClient");
    assert(typeof token === "string" && handle !== undefined);
    return { events, handle, token };
  }

  /** Connects a native client and sends hello. */
  async joinNatively(): Promise<StreamClient> {
    const client = new StreamClient(this.native.connect());
    this.#clients.push(client);
    await client.hello();
    return client;
  }

  /** Sends bytes and returns everything that the server answers. */
  async raw(request: string | Uint8Array): Promise<string> {
    const stream = this.connect();
    await writeAll(stream, typeof request === "string" ? bytesOf(request) : request);
    return await readAll(stream);
  }

  /** Stops the server and disconnects its clients. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.server.stop("the test is over", "force");
    for (const events of this.#events.values()) await events.close();
    let isOver = false;
    const over = this.ended.then(() => isOver = true);
    // The server waits for unreachable clients, so the clock must advance.
    while (!isOver) await this.clock.advance(500);
    await over;
    for (const client of this.#clients) await client.leave();
  }
}

/** Converts each character of a text to one byte. */
export function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** Reads a stream until its end or its last response, and closes it. */
export async function readAll(stream: ByteStream): Promise<string> {
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(4096);
  let text = "";
  while (true) {
    const count = await stream.read(buffer);
    if (count === null) break;
    text += decoder.decode(buffer.subarray(0, count), { stream: true });
    // The last response has "Connection: close". The client closes the connection after it.
    if (/^connection: close\r\n(.*\r\n)*\r\n[^]/im.test(text)) break;
  }
  stream.close();
  return text;
}

/** Formats an HTTP request. */
export function post(body: string, fields: Readonly<Record<string, string>> = {}): string {
  const all: Record<string, string> = {
    Host: "127.0.0.1:8200",
    "Content-Type": "text/xml",
    "Content-Length": String(new TextEncoder().encode(body).length),
    Connection: "close",
    ...fields,
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `POST /RPC2 HTTP/1.1\r\n${lines.join("")}\r\n${body}`;
}
