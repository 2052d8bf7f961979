/**
 * Fake server over real Unix sockets, whose replies come from the test.
 *
 * @module
 */

import { joinPath } from "../../system/files/files.ts";
import { type ByteStream, writeAll } from "../../system/net/streams.ts";
import { UnixListener } from "../../system/net/unix_socket.ts";
import { WireError } from "../../wire/errors.ts";
import type { EventBody, SimmerEvent } from "../../wire/events.ts";
import { encodeFrame, FrameDecoder } from "../../wire/frame.ts";
import { type HelloParams, PROTOCOL, VERSION } from "../../wire/hello.ts";
import {
  failure,
  isRequest,
  type Message,
  notification,
  parseMessage,
  type Request,
  success,
} from "../../wire/messages.ts";

/** Handles a request: returns the reply, or throws a WireError to answer with. */
export type Handler = (request: Request, peer: FakePeer) => unknown;

/** Server side of one client connection. */
export class FakePeer {
  readonly #stream: ByteStream;
  readonly ended: Promise<void>;
  /** Received pieces: one for each write of the client, unless the kernel merges writes. */
  readonly pieces: string[] = [];
  /** All requests of the client. */
  readonly requests: Request[] = [];
  #seq = 0;
  #waiting: (() => void)[] = [];
  #sent: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(stream: ByteStream, handler: Handler) {
    this.#stream = stream;
    this.ended = this.#serve(handler);
  }

  /** Sends an event. */
  emit(body: EventBody): void {
    const event: SimmerEvent = { ...body, seq: ++this.#seq, time: 0 };
    this.send(notification("event", event));
  }

  /** Sends a message, unless the connection is closed. */
  send(message: Message): void {
    if (this.#isClosed) return;
    this.#sent = this.#sent.then(() => writeAll(this.#stream, encodeFrame(message))).catch(
      () => {},
    );
  }

  /** Closes the connection after all messages are sent. */
  async close(): Promise<void> {
    await this.#sent;
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#stream.close();
  }

  /** Resolves with the first request of that name, or with a later one by its number. */
  async asked(name: string, number = 1): Promise<Request> {
    while (true) {
      const request = this.requests.filter((each) => each.method === name)[number - 1];
      if (request !== undefined) return request;
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  async #serve(handler: Handler): Promise<void> {
    const decoder = new FrameDecoder();
    const buffer = new Uint8Array(64 * 1024);
    try {
      for (let count = await this.#read(buffer); count !== null; count = await this.#read(buffer)) {
        const piece = buffer.subarray(0, count);
        this.pieces.push(new TextDecoder().decode(piece));
        for (const frame of decoder.push(piece)) {
          if (frame.kind === "error") throw frame.error;
          const message = parseMessage(frame.text);
          if (isRequest(message)) await this.#handle(message, handler);
        }
      }
    } finally {
      await this.close();
    }
  }

  async #read(buffer: Uint8Array): Promise<number | null> {
    try {
      return await this.#stream.read(buffer);
    } catch (error) {
      if (this.#isClosed || error instanceof Deno.errors.ConnectionReset) return null;
      throw error;
    }
  }

  async #handle(request: Request, handler: Handler): Promise<void> {
    this.requests.push(request);
    for (const wake of this.#waiting.splice(0)) wake();
    try {
      const reply = await handler(request, this);
      if (reply !== undefined) this.send(success(request.id, reply));
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      this.send(failure(request.id, error));
    }
  }
}

/** Identity that a fake server reports in its hello reply. */
export interface FakeIdentity {
  readonly version?: string;
  readonly root?: string;
  readonly config?: string;
  readonly role?: string;
}

/** Answers `hello` as a server of that identity, and other requests with `handler`. */
export function greeting(handler: Handler, identity: FakeIdentity = {}): Handler {
  const { version = VERSION, root, config, role } = identity;
  return (request, peer) => {
    if (request.method !== "hello") return handler(request, peer);
    const hello = request.params as HelloParams;
    const project = { root: root ?? hello.project?.root ?? "/", ...(config ? { config } : {}) };
    const self = { protocol: PROTOCOL, version, pid: 4711, project };
    if (hello.version !== version) {
      throw new WireError("versionMismatch", `This server is simmer ${version}`, self);
    }
    const isOther = hello.project !== undefined &&
      (hello.project.root !== project.root || hello.project.config !== config);
    if (isOther) throw new WireError("wrongProject", `This server serves ${root}`, self);
    return { ...self, handler: 1, role: role ?? hello.role, features: [] };
  };
}

/** Fake server that listens at a socket's path. */
export class FakeServer implements AsyncDisposable {
  readonly peers: FakePeer[] = [];
  readonly #listener: UnixListener;
  readonly #accepting: Promise<void>;
  #waiting: (() => void)[] = [];

  constructor(path: string, handler: Handler) {
    this.#listener = UnixListener.listen(path);
    this.#accepting = this.#accept(handler);
  }

  /** Resolves with the n-th connection, from 0. */
  async peer(index = 0): Promise<FakePeer> {
    while (true) {
      const peer = this.peers[index];
      if (peer !== undefined) return peer;
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  /** Closes the listener and all connections without ServerExit, like a killed server. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener[Symbol.dispose]();
    await this.#accepting;
    await Promise.all(this.peers.map((peer) => peer.close()));
    await Promise.all(this.peers.map((peer) => peer.ended));
  }

  async #accept(handler: Handler): Promise<void> {
    for (
      let stream = await this.#listener.accept();
      stream !== undefined;
      stream = await this.#listener.accept()
    ) {
      this.peers.push(new FakePeer(stream, handler));
      for (const wake of this.#waiting.splice(0)) wake();
    }
  }
}

/** Creates a temporary folder with a `deno.json`. */
export async function temporaryProject(): Promise<{ root: string } & AsyncDisposable> {
  const root = await Deno.realPath(await Deno.makeTempDir({ prefix: "simmer_client_" }));
  await Deno.writeTextFile(joinPath(root, "deno.json"), `{"tasks":{"hello":"echo hello"}}`);
  return {
    root,
    [Symbol.asyncDispose]: () => Deno.remove(root, { recursive: true }),
  };
}
