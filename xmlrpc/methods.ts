/**
 * Methods of the XML-RPC server, and the access that each of them requires.
 *
 * @module
 */

import { WireError } from "../wire/errors.ts";
import { excerpt } from "../wire/near_names.ts";
import type { EventMask } from "../wire/events.ts";
import { type Feature, FEATURES } from "../wire/hello.ts";
import type { Clients, Controller, Origin } from "./clients.ts";
import type { DialectSession, XmlRpcDialect } from "./dialect.ts";
import type { Handler } from "./handler.ts";
import type { NativeClient } from "./native_client.ts";
import { isToken, OBSERVER_TOKEN } from "./token.ts";
import { XmlRpcFault, type XmlRpcValue } from "./values.ts";

/** An incoming call with its token and its origin. */
interface IncomingCall {
  readonly method: string;
  readonly params: readonly XmlRpcValue[];
  /** Token that the client has sent. */
  readonly token: string | undefined;
  readonly origin: Origin;
}

/** Identity of a caller. */
type Caller =
  | { readonly role: "controller"; readonly controller: Controller }
  | { readonly role: "observer" }
  | { readonly role: "none"; readonly why: string };

interface Call extends IncomingCall {
  readonly caller: Caller;
}

interface Method {
  /** Role that the caller needs; `anybody` requires no token. */
  readonly access: "anybody" | "read" | "control";
  readonly run: (call: Call) => Promise<XmlRpcValue> | XmlRpcValue;
}

/** Dispatches calls to methods and checks their access. */
export class Methods {
  readonly #clients: Clients;
  readonly #dialect: XmlRpcDialect;
  readonly #now: () => number;
  readonly #table: Readonly<Record<string, Method>> = {
    registerEventHandler: { access: "anybody", run: (call) => this.#register(call) },
    unregisterEventHandler: { access: "read", run: (call) => this.#unregister(call) },
    getEventHandle: { access: "read", run: (call) => this.#handlerOf(call)?.handle ?? null },
    addClient: { access: "anybody", run: (call) => this.#addClient(call) },
    removeClient: { access: "read", run: (call) => this.#removeClient(call) },
    // `runCommand` checks the access of each command itself.
    runCommand: { access: "anybody", run: (call) => this.#runCommand(call) },
    terminateServer: { access: "control", run: (call) => this.#terminate(call) },
  };

  /** @param now monotonic clock, in milliseconds */
  constructor(clients: Clients, dialect: XmlRpcDialect, now: () => number) {
    this.#clients = clients;
    this.#dialect = dialect;
    this.#now = now;
  }

  /**
   * Executes a call.
   *
   * @throws {XmlRpcFault} if the call is refused or the server responds with an error
   */
  async call(incoming: IncomingCall): Promise<XmlRpcValue> {
    const { method } = incoming;
    const row = Object.hasOwn(this.#table, method) ? this.#table[method] : undefined;
    if (row === undefined) {
      const names = Object.keys(this.#table).join(", ");
      throw new XmlRpcFault(`No such method: ${excerpt(method)}. The methods are ${names}`);
    }
    const caller = this.#identify(incoming.token);
    if (row.access !== "anybody" && caller.role === "none") throw refusal(method, caller.why);
    if (row.access === "control" && caller.role === "observer") {
      throw new XmlRpcFault(`${method} is not for observers: call addClient first`);
    }
    if (caller.role === "controller") caller.controller.lastHeard = this.#now();
    try {
      return await row.run({ ...incoming, caller });
    } catch (error) {
      if (error instanceof WireError) throw new XmlRpcFault(error.message);
      throw error;
    }
  }

  #identify(token: string | undefined): Caller {
    if (token === undefined) return { role: "none", why: "the request has no token" };
    if (token === OBSERVER_TOKEN) return { role: "observer" };
    const { controller } = this.#clients;
    if (controller !== undefined && isToken(token, controller.token)) {
      return { role: "controller", controller };
    }
    return { role: "none", why: "the token is wrong, or its client was dropped" };
  }

  async #register({ params, origin, caller, method }: Call): Promise<XmlRpcValue> {
    const [host, port, wanted] = params;
    const isPort = typeof port === "number" && Number.isInteger(port) && port > 0 && port < 65536;
    if (typeof host !== "string" || !isPort) {
      throw new XmlRpcFault(`${method}(host, port, features): a name or address, and 1 to 65535`);
    }
    const features = featuresOf(wanted);
    const owner = caller.role === "controller" ? caller.controller : undefined;
    try {
      const handler = await this.#clients.register({ host, port }, features, origin, owner);
      if (caller.role === "observer") handler.isObservers = true;
      return [handler.handle, "OK"];
    } catch (error) {
      if (error instanceof WireError) return [null, `Cooker is busy: ${error.message}`];
      throw error;
    }
  }

  async #unregister({ params: [handle], caller, origin }: Call): Promise<null> {
    const handler = typeof handle === "number" ? this.#clients.handler(handle) : undefined;
    // The client wants the handler to be gone, and it has already ended by itself.
    if (handler === undefined) return null;
    this.#checkOwner(handler, caller, origin);
    await this.#clients.unregister(handler, false);
    return null;
  }

  async #addClient({ params: [handle], origin }: Call): Promise<XmlRpcValue> {
    const handler = typeof handle === "number" ? this.#clients.handler(handle) : undefined;
    if (typeof handle === "number" && (handler === undefined || handler.isAttached)) {
      throw new XmlRpcFault(`Event handler ${handle} does not exist or belongs to another client`);
    }
    return (await this.#clients.add(origin, handler))?.token ?? null;
  }

  #removeClient({ caller }: Call): null {
    if (caller.role === "controller") this.#clients.remove(caller.controller);
    return null;
  }

  async #terminate({ caller }: Call): Promise<null> {
    if (caller.role === "controller") await caller.controller.native.call("terminateServer");
    return null;
  }

  async #runCommand({ params, caller, origin, method }: Call): Promise<XmlRpcValue> {
    const [line] = params;
    const [name, ...args] = Array.isArray(line) ? line as readonly XmlRpcValue[] : [];
    const isOpen = typeof name === "string" && this.#dialect.openCommands.has(name);
    if (caller.role === "none" && !isOpen) throw refusal(method, caller.why);
    if (typeof name !== "string") throw new XmlRpcFault(`${method}([name, argument…])`);
    const looking = caller.role === "controller" ? undefined : await this.#clients.observe(origin);
    try {
      const native = caller.role === "controller" ? caller.controller.native : looking;
      if (native === undefined) throw new TypeError("an observer has a connection");
      const session = this.#session(caller, native, origin);
      return [...await this.#dialect.runCommand(name, args, session)];
    } finally {
      looking?.close();
      await looking?.ended;
    }
  }

  #session(caller: Caller, native: NativeClient, origin: Origin): DialectSession {
    return {
      role: caller.role,
      handle: this.#handlerOf({ caller, origin })?.handle,
      root: native.hello.project.root,
      client: this.#clients.info(origin.remoteHost),
      call: (name, params) => native.call(name, params),
      push: (call) => this.#handlerOf({ caller, origin })?.pusher.push(call),
      setEventMask: async (mask, handle) => await this.#setMask(mask, handle, caller, origin),
    };
  }

  async #setMask(
    mask: EventMask,
    handle: number | undefined,
    caller: Caller,
    origin: Origin,
  ): Promise<void> {
    const handler = handle === undefined
      ? this.#handlerOf({ caller, origin })
      : this.#clients.handler(handle);
    if (handler === undefined) {
      throw new WireError("invalidParams", "setEventMask: no such event handler");
    }
    this.#checkOwner(handler, caller, origin);
    await handler.setMask(mask);
  }

  /**
   * Returns the caller's own handler: the controller's, or else the latest one from its address.
   */
  #handlerOf({ caller, origin }: Pick<Call, "caller" | "origin">): Handler | undefined {
    const own = caller.role === "controller" ? caller.controller.handler : undefined;
    return own ?? this.#clients.latest(origin.remoteHost);
  }

  #checkOwner(handler: Handler, caller: Caller, origin: Origin): void {
    const isOwn = handler.isAttached
      ? caller.role === "controller" && caller.controller.handler === handler
      : handler.remoteHost === origin.remoteHost;
    if (!isOwn) {
      throw new WireError(
        "notPermitted",
        `Event handler ${handler.handle} belongs to another client`,
      );
    }
    if (caller.role === "observer") handler.isObservers = true;
  }
}

function refusal(method: string, why: string): XmlRpcFault {
  return new XmlRpcFault(
    `${method} is refused: ${why}; addClient returns one, and '${OBSERVER_TOKEN}' gives ` +
      "read-only access",
  );
}

/** Ignores unknown features, such as the numbers that BitBake's clients send. */
function featuresOf(value: XmlRpcValue | undefined): Feature[] {
  return Array.isArray(value) ? FEATURES.filter((feature) => value.includes(feature)) : [];
}
