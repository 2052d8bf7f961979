/**
 * Connects to BitBake's own server over XML-RPC. Each command is a call to the server, and each
 * event is a call from the server.
 *
 * @module
 */

import type { Clock } from "../../system/clock.ts";
import { readLockContent } from "../../lock/content.ts";
import { listeningProcess, openFileNamed } from "../../system/process/listening_process.ts";
import { OwnedWork } from "../../system/owned_work.ts";
import type { ByteStream } from "../../system/net/streams.ts";
import { connectTcp } from "../../system/net/tcp.ts";
import type { TcpAddress } from "../../wire/address.ts";
import { WireError } from "../../wire/errors.ts";
import { callOver, XmlRpcCallError } from "../../xmlrpc/http_client.ts";
import { XmlRpcFault, type XmlRpcValue } from "../../xmlrpc/values.ts";
import { PyDict, PyTuple, type PyValue } from "../pickle/mod.ts";
import {
  type BitbakeLink,
  type EventListener,
  gone,
  killed,
  LOCK,
  misunderstood,
} from "./connection.ts";
import { EventReceiver } from "./event_receiver.ts";
import { ReplyError, wireErrorOf } from "./reply_error.ts";
import { ServerWatch, type WatchedServer } from "./server_watch.ts";

/** The maximum number of attempts to register with a busy server, a second apart. */
const MAX_TRIES = 5;
const RETRY_MS = 1000;
/** Milliseconds between two probe connections that show whether the server still listens. */
const LOOK_MS = 500;
/** The header that carries a client's token. */
const TOKEN = "Bitbake-token";

/** A client of BitBake's server over XML-RPC. */
export class XmlRpcLink implements BitbakeLink {
  readonly ended: Promise<WireError | undefined>;
  readonly serverPid: number | undefined;
  readonly #address: TcpAddress;
  readonly #receiver: EventReceiver;
  readonly #watch: ServerWatch;
  readonly #end = new AbortController();
  readonly #over = Promise.withResolvers<WireError | undefined>();
  readonly #work = new OwnedWork((_, error) => this.#fail(error));
  /** The connections of unanswered calls. */
  readonly #asking = new Set<ByteStream>();
  #hasServerEnded = false;
  #failure: WireError | undefined;
  #token = "";
  #handle: XmlRpcValue = null;
  /** Serializes the events: each one waits until the listener has processed the previous one. */
  #taking: Promise<void> = Promise.resolve();

  private constructor(address: TcpAddress, clock: Clock, listener: EventListener) {
    this.#address = address;
    this.ended = this.#over.promise;
    const server = serverAt(address);
    this.serverPid = server.pid;
    this.#watch = new ServerWatch(server, clock);
    this.#receiver = EventReceiver.listen({
      from: address.host,
      clock,
      take: (pickle) => {
        this.#taking = this.#taking.then(() => listener(pickle));
        this.#work.own("taking an event", this.#taking);
      },
      failed: (error) => this.#fail(error),
    });
  }

  /**
   * Registers for the server's events.
   *
   * @returns `undefined` if no server listens, or if the only listeners are children of a server
   *   that has ended
   * @throws {WireError} if the server is busy with another client
   */
  static async open(
    address: TcpAddress,
    clock: Clock,
    listener: EventListener,
  ): Promise<XmlRpcLink | undefined> {
    const probe = await connectTcp(address);
    if (probe === undefined) return undefined;
    probe.close();
    const link = new XmlRpcLink(address, clock, listener);
    link.#work.own("watching the server", link.#watchServer());
    link.#work.own("looking at the server's port", link.#look(clock));
    try {
      if (link.#watch.hasEnded) return await link.#abandon();
      await link.#register(clock);
    } catch (error) {
      link.close();
      throw error instanceof ReplyError ? wireErrorOf(error, [], undefined) : error;
    }
    return link;
  }

  async greet(features: readonly number[]): Promise<void> {
    await this.call("setFeatures", [...features]);
    const token = await this.#method("addClient");
    if (typeof token !== "string") {
      throw new WireError("busy", "BitBake's server has another client");
    }
    this.#token = token;
  }

  async handler(): Promise<PyValue> {
    return valueOf(await this.#method("getEventHandle"));
  }

  async call(name: string, ...args: readonly PyValue[]): Promise<PyValue> {
    const reply = await this.#method("runCommand", [name, ...args.map(plainOf)]);
    const [value = null, error = null] = Array.isArray(reply) ? reply : [];
    if (error === null || error === "") return valueOf(value);
    throw new ReplyError(name, String(error));
  }

  /** The server sends its events before it replies, so they have already been received. */
  async settled(): Promise<void> {
    await this.#taking;
  }

  async terminate(): Promise<void> {
    await this.#method("terminateServer");
  }

  close(): void {
    if (this.#end.signal.aborted) return;
    this.#end.abort();
    this.#watch.stop();
    for (const stream of this.#asking) stream.close();
    this.#work.own("leaving", this.#leave());
  }

  #fail(error: unknown): void {
    this.#failure ??= error instanceof WireError ? error : misunderstood(error);
    this.close();
  }

  /** The error of every call after the link has closed. */
  get #reason(): WireError {
    if (this.#failure !== undefined) return this.#failure;
    return this.#hasServerEnded ? killed(this.serverPid) : gone();
  }

  async #abandon(): Promise<undefined> {
    this.#hasServerEnded = true;
    this.close();
    await this.ended;
    return undefined;
  }

  async #register(clock: Clock): Promise<void> {
    for (let tries = 1;; tries++) {
      const { host, port } = this.#receiver;
      const answer = await this.#method("registerEventHandler", host, port);
      const [handle = null, words = ""] = Array.isArray(answer) ? answer : [];
      this.#handle = handle;
      if (handle !== null) return;
      if (tries === MAX_TRIES) throw new WireError("busy", `BitBake: ${String(words)}`);
      await clock.sleep(RETRY_MS);
    }
  }

  async #leave(): Promise<void> {
    try {
      if (this.#hasServerEnded) return;
      await this.#method("unregisterEventHandler", this.#handle);
      if (this.#token !== "") await this.#method("removeClient");
    } catch (error) {
      // A server that is gone has no registration to remove.
      if (!(error instanceof WireError || error instanceof ReplyError)) this.#fail(error);
    } finally {
      await this.#receiver.close();
      this.#over.resolve(this.#failure);
    }
  }

  /**
   * Watches the server's process and lock file. A connection does not reveal the server's end while
   * its children keep the port open.
   */
  async #watchServer(): Promise<void> {
    if (!await this.#watch.untilEnded()) return;
    this.#hasServerEnded = true;
    this.close();
  }

  /**
   * Probes the server's port. A server that ends sends no message, so a refused connection shows
   * its end.
   */
  async #look(clock: Clock): Promise<void> {
    while (!this.#end.signal.aborted) {
      await clock.sleep(LOOK_MS, this.#end.signal);
      if (this.#end.signal.aborted) return;
      const stream = await connectTcp(this.#address);
      if (stream === undefined) {
        this.#hasServerEnded = true;
        return this.close();
      }
      stream.close();
    }
  }

  async #method(method: string, ...params: readonly XmlRpcValue[]): Promise<XmlRpcValue> {
    const stream = await connectTcp(this.#address);
    if (stream === undefined) throw gone();
    if (this.#hasServerEnded) {
      stream.close();
      throw this.#reason;
    }
    const fields: Record<string, string> = this.#token === "" ? {} : { [TOKEN]: this.#token };
    this.#asking.add(stream);
    try {
      return await callOver(stream, this.#address, { method, params }, fields);
    } catch (error) {
      if (error instanceof XmlRpcFault) throw new ReplyError(method, error.message);
      if (this.#hasServerEnded || this.#end.signal.aborted) throw this.#reason;
      if (error instanceof XmlRpcCallError) throw gone();
      throw error;
    } finally {
      this.#asking.delete(stream);
    }
  }
}

/**
 * Returns the server at an address, if it is on this machine. The process that listens there may be
 * a child that has outlived the server. The lock file names the server, and its children have that
 * file open too.
 */
function serverAt(address: TcpAddress): WatchedServer {
  const listener = listeningProcess(address);
  const lock = listener === undefined ? undefined : openFileNamed(listener, LOCK);
  if (lock === undefined) return { pid: listener };
  return { pid: readLockContent(lock)?.pid ?? listener, lock };
}

/** Converts a value to the types that XML-RPC can carry. All other values become texts. */
function plainOf(value: PyValue): XmlRpcValue {
  if (value instanceof PyDict) {
    return Object.fromEntries(
      [...value.entries()].map(([name, each]) => [String(name), plainOf(each)]),
    );
  }
  if (value instanceof PyTuple) return value.items.map(plainOf);
  if (Array.isArray(value)) return value.map(plainOf);
  if (value === null || typeof value === "boolean" || typeof value === "string") return value;
  if (typeof value === "number" || value instanceof Uint8Array) return value;
  return String(value);
}

function valueOf(value: XmlRpcValue): PyValue {
  if (value === null || typeof value !== "object" || value instanceof Uint8Array) return value;
  if (Array.isArray(value)) return value.map(valueOf);
  return new PyDict(Object.entries(value).map(([name, each]) => [name, valueOf(each)] as const));
}
