/**
 * The way to BitBake's own server over XML-RPC: each command a call, events as calls the other way.
 *
 * @module
 */

import type { Clock } from "../../system/clock.ts";
import { CallReceiver } from "../../system/http_receiver.ts";
import { connectTcp } from "../../system/tcp.ts";
import type { TcpAddress } from "../../wire/address.ts";
import { WireError } from "../../wire/errors.ts";
import { decodeCall } from "../../server/xmlrpc/decoder.ts";
import { encodeResponse } from "../../server/xmlrpc/encoder.ts";
import { callOver, XmlRpcCallError } from "../../server/xmlrpc/http_client.ts";
import { XmlRpcSyntaxError } from "../../server/xmlrpc/xml.ts";
import { XmlRpcFault, type XmlRpcValue } from "../../server/xmlrpc/values.ts";
import { decode, PickleError, PyDict, PyTuple, type PyValue } from "../pickle/mod.ts";
import { type BitbakeLink, type EventListener, gone } from "./connection.ts";

/** How often a busy server is asked, a second apart. */
const MAX_TRIES = 5;
const RETRY_MS = 1000;
/** Milliseconds between two looks whether the server still listens. */
const LOOK_MS = 500;
/** The header that carries a client's token. */
const TOKEN = "Bitbake-token";

/** A client of BitBake's server over XML-RPC. */
export class XmlRpcLink implements BitbakeLink {
  readonly ended: Promise<void>;
  readonly #address: TcpAddress;
  readonly #receiver: CallReceiver;
  readonly #end = new AbortController();
  readonly #over = Promise.withResolvers<void>();
  #token = "";
  #handle: XmlRpcValue = null;
  /** Events are taken one after the other. */
  #taking: Promise<void> = Promise.resolve();

  private constructor(address: TcpAddress, listener: EventListener) {
    this.#address = address;
    this.ended = this.#over.promise;
    this.#receiver = CallReceiver.listen(address.host, (body) => this.#take(body, listener));
  }

  /**
   * Registers with the server.
   *
   * @returns `undefined` where nobody listens
   * @throws {WireError} where the server is busy with another client
   */
  static async open(
    address: TcpAddress,
    clock: Clock,
    listener: EventListener,
  ): Promise<XmlRpcLink | undefined> {
    const probe = await connectTcp(address);
    if (probe === undefined) return undefined;
    probe.close();
    const link = new XmlRpcLink(address, listener);
    try {
      await link.#register(clock);
    } catch (error) {
      link.close();
      throw error;
    }
    void link.#look(clock);
    return link;
  }

  async handler(): Promise<PyValue> {
    return valueOf(await this.#method("getEventHandle"));
  }

  async call(name: string, ...args: readonly PyValue[]): Promise<PyValue> {
    const reply = await this.#method("runCommand", [name, ...args.map(plainOf)]);
    const [value = null, error = null] = Array.isArray(reply) ? reply : [];
    if (error === null || error === "") return valueOf(value);
    throw new WireError("internalError", `BitBake: ${String(error)}`);
  }

  async terminate(): Promise<void> {
    await this.#method("terminateServer");
  }

  close(): void {
    if (this.#end.signal.aborted) return;
    this.#end.abort();
    void this.#leave();
  }

  async #register(clock: Clock): Promise<void> {
    for (let tries = 1;; tries++) {
      const { host, port } = this.#receiver;
      const answer = await this.#method("registerEventHandler", host, port);
      const [handle = null, words = ""] = Array.isArray(answer) ? answer : [];
      this.#handle = handle;
      if (handle !== null) break;
      if (tries === MAX_TRIES) throw new WireError("busy", `BitBake: ${String(words)}`);
      await clock.sleep(RETRY_MS);
    }
    const token = await this.#method("addClient");
    if (typeof token !== "string") {
      throw new WireError("busy", "BitBake's server has another client");
    }
    this.#token = token;
  }

  async #leave(): Promise<void> {
    try {
      await this.#method("unregisterEventHandler", this.#handle);
      if (this.#token !== "") await this.#method("removeClient");
    } catch (error) {
      // A server that is gone has nothing to take away.
      if (!(error instanceof WireError)) throw error;
    } finally {
      await this.#receiver.close();
      this.#over.resolve();
    }
  }

  /** A server that ends says nothing: it is looked for. */
  async #look(clock: Clock): Promise<void> {
    while (!this.#end.signal.aborted) {
      await clock.sleep(LOOK_MS, this.#end.signal);
      if (this.#end.signal.aborted) return;
      const stream = await connectTcp(this.#address);
      if (stream === undefined) return this.close();
      stream.close();
    }
  }

  async #method(method: string, ...params: readonly XmlRpcValue[]): Promise<XmlRpcValue> {
    const stream = await connectTcp(this.#address);
    if (stream === undefined) throw gone();
    const fields: Record<string, string> = this.#token === "" ? {} : { [TOKEN]: this.#token };
    try {
      return await callOver(stream, this.#address, { method, params }, fields);
    } catch (error) {
      if (error instanceof XmlRpcFault) throw new WireError("internalError", error.message);
      if (error instanceof XmlRpcCallError) throw gone();
      throw error;
    }
  }

  #take(body: string, listener: EventListener): string | undefined {
    try {
      const { method, params: [payload] } = decodeCall(body);
      if (method === "event.sendpickle" && payload instanceof Uint8Array) {
        const event = decode(payload);
        this.#taking = this.#taking.then(() => listener(event));
      }
      return encodeResponse(null);
    } catch (error) {
      if (error instanceof XmlRpcSyntaxError || error instanceof PickleError) return undefined;
      throw error;
    }
  }
}

/** What XML-RPC can carry of a value. */
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
