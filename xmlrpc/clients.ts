/**
 * The XML-RPC clients of a server: who holds it, and who is sent its events.
 *
 * XML-RPC has no connections that end: a client leaves by saying so, by an event server that is not
 * reached any more, or, without one, by saying nothing for long.
 *
 * @module
 */

import type { Clock } from "../system/clock.ts";
import { processId } from "../system/environment.ts";
import type { Logger } from "../system/logger.ts";
import type { ByteStream } from "../system/net/streams.ts";
import { formatAddress, isLoopback, type TcpAddress } from "../wire/address.ts";
import type { ServerStatus } from "../wire/commands.ts";
import { WireError } from "../wire/errors.ts";
import type { ClientInfo } from "../wire/events.ts";
import type { Feature } from "../wire/hello.ts";
import type { XmlRpcDialect } from "./dialect.ts";
import { Handler } from "./handler.ts";
import { NativeClient } from "./native_client.ts";
import { type Dial, Pusher } from "./pusher.ts";
import { newToken } from "./token.ts";
import { XmlRpcFault } from "./values.ts";

/** What the clients need of their door. */
interface ClientsContext {
  readonly clock: Clock;
  readonly log: Logger;
  readonly dialect: XmlRpcDialect;
  readonly dial: Dial;
}

/** Where a request comes from. */
export interface Origin {
  readonly remoteHost: string | undefined;
  /** Opens a native connection. */
  readonly connect: () => ByteStream;
}

/** The client that holds the server. */
export interface Controller {
  readonly token: string;
  readonly native: NativeClient;
  readonly remoteHost: string | undefined;
  readonly left: AbortController;
  handler: Handler | undefined;
  lastHeard: number;
}

/** Event handlers at the most. */
const MAX_HANDLERS = 32;
/** Milliseconds after which a client that has no event handler and says nothing is let go. */
export const SILENT_MS = 5 * 60_000;

/** The clients. */
export class Clients {
  readonly #context: ClientsContext;
  readonly #handlers = new Map<number, Handler>();
  readonly #tasks = new Set<Promise<void>>();
  #opening = 0;
  #controller: Controller | undefined;

  /** Makes clients of nobody. */
  constructor(context: ClientsContext) {
    this.#context = context;
  }

  /** The one that holds the server. */
  get controller(): Controller | undefined {
    return this.#controller;
  }

  /** An event handler by its number. */
  handler(handle: number): Handler | undefined {
    return this.#handlers.get(handle);
  }

  /** The handler that was registered last from an address, the observers' left out. */
  candidate(remoteHost: string | undefined): Handler | undefined {
    return [...this.#handlers.values()].findLast((each) =>
      each.remoteHost === remoteHost && !each.isAttached && !each.isObservers
    );
  }

  /** The handler that was registered last from an address. */
  latest(remoteHost: string | undefined): Handler | undefined {
    return [...this.#handlers.values()].findLast((each) => each.remoteHost === remoteHost);
  }

  /** Who a client is, for people. */
  info(remoteHost: string | undefined): ClientInfo {
    return { pid: processId(), command: `XML-RPC client at ${remoteHost ?? "this machine"}` };
  }

  /** Opens a native connection that only looks. */
  observe(origin: Origin): Promise<NativeClient> {
    const client = this.info(origin.remoteHost);
    return NativeClient.open(origin.connect(), { role: "observer", client });
  }

  /**
   * Registers an event handler.
   *
   * @param owner the controller, where it is its own
   * @throws {XmlRpcFault} where events would be sent to somebody else than who asks
   * @throws {WireError} `busy` where there are too many
   */
  async register(
    address: TcpAddress,
    features: readonly Feature[],
    origin: Origin,
    owner?: Controller,
  ): Promise<Handler> {
    if (!isSender(address.host, origin.remoteHost)) {
      throw new XmlRpcFault(
        `Events are sent only to where the call comes from: ${origin.remoteHost}, ` +
          `not ${address.host}`,
      );
    }
    if (this.#handlers.size + this.#opening >= MAX_HANDLERS) {
      throw new WireError("busy", `${MAX_HANDLERS} event handlers are registered already`);
    }
    this.#opening++;
    const client = await this.observe(origin).finally(() => this.#opening--);
    const { clock, dial, dialect, log } = this.#context;
    const { handler: handle } = client.hello;
    const pusher = new Pusher({
      address,
      encode: dialect.eventEncoder(handle),
      clock,
      dial,
      lost: (reason) => {
        log.log("warn", `Dropping event handler ${formatAddress(address)}: ${reason}`);
        this.#own(this.unregister(handler));
      },
    });
    const { remoteHost } = origin;
    const handler = new Handler({ handle, remoteHost, address, features, client, pusher });
    this.#handlers.set(handle, handler);
    this.#own(this.#follow(handler, client));
    if (owner !== undefined && owner.handler === undefined) await this.#attach(owner, handler);
    return handler;
  }

  /** Takes an event handler away. The controller that can't be reached by it has left. */
  async unregister(handler: Handler, hasLeft = true): Promise<void> {
    this.#drop(handler);
    const controller = this.#controller;
    if (controller?.handler === handler) {
      controller.handler = undefined;
      if (hasLeft) this.remove(controller);
    }
    await handler.close();
  }

  /**
   * Makes a client the controller.
   *
   * @param handler is its; default: the one that was registered last from its address
   * @returns `undefined` where another one is
   * @throws {WireError} where the server takes nobody any more
   */
  async add(
    origin: Origin,
    handler: Handler | undefined = this.candidate(origin.remoteHost),
  ): Promise<Controller | undefined> {
    const { clock } = this.#context;
    const client = this.info(origin.remoteHost);
    const features = handler?.features ?? [];
    let native: NativeClient;
    try {
      const hello = { role: "controller", whenBusy: "refuse", client, features } as const;
      native = await NativeClient.open(origin.connect(), hello);
    } catch (error) {
      if (error instanceof WireError && error.is("busy")) return undefined;
      throw error;
    }
    const controller: Controller = {
      token: newToken(),
      native,
      remoteHost: origin.remoteHost,
      left: new AbortController(),
      handler: undefined,
      lastHeard: clock.monotonic(),
    };
    this.#controller = controller;
    this.#own(native.ended.then(() => this.#forget(controller)));
    this.#own(this.#watch(controller));
    if (handler !== undefined && this.#handlers.has(handler.handle)) {
      await this.#attach(controller, handler);
    }
    return controller;
  }

  /** Lets the controller go; its build is cancelled, unless that is detached. */
  remove(controller: Controller): void {
    controller.native.close();
    this.#forget(controller);
  }

  /** Pushes what there is to push, and ends; once the signal is aborted, at once. */
  async close(signal: AbortSignal): Promise<void> {
    const handlers = [...this.#handlers.values()];
    for (const { pusher } of handlers) {
      pusher.finish();
      signal.addEventListener("abort", () => pusher.stop());
    }
    await Promise.all(handlers.map(({ pusher }) => pusher.ended));
    if (this.#controller !== undefined) this.remove(this.#controller);
    await Promise.all(handlers.map((handler) => this.unregister(handler)));
    while (this.#tasks.size > 0) await Promise.all(this.#tasks);
  }

  async #attach(controller: Controller, handler: Handler): Promise<void> {
    controller.handler = handler;
    await handler.attach(controller.native);
  }

  /** A connection that the server has ended brings nothing more: what has come is pushed. */
  async #follow(handler: Handler, client: NativeClient): Promise<void> {
    await client.ended;
    if (handler.isAttached) return;
    handler.pusher.finish();
    await handler.pusher.ended;
    this.#drop(handler);
  }

  #drop({ handle }: Handler): void {
    if (this.#handlers.delete(handle)) this.#context.dialect.forget(handle);
  }

  #forget(controller: Controller): void {
    controller.left.abort();
    if (this.#controller === controller) this.#controller = undefined;
    const { handler } = controller;
    if (handler === undefined) return;
    controller.handler = undefined;
    handler.pusher.finish();
    this.#own(handler.pusher.ended.then(() => this.unregister(handler)));
  }

  /** Lets the controller go when there is nothing by which it would be noticed that it has left. */
  async #watch(controller: Controller): Promise<void> {
    const { clock, log } = this.#context;
    const { signal } = controller.left;
    while (!signal.aborted) {
      await clock.sleep(SILENT_MS, signal);
      const silentMs = clock.monotonic() - controller.lastHeard;
      if (signal.aborted || controller.handler !== undefined || silentMs < SILENT_MS) continue;
      if (await isBusy(controller)) continue;
      log.log("warn", `Letting an XML-RPC client go: silent for ${SILENT_MS / 60_000} minutes`);
      this.remove(controller);
    }
  }

  /** Nothing is left running when the clients are closed. */
  #own(task: Promise<void>): void {
    const owned = task.catch((error: unknown) => {
      // What a connection answers that is about to end is of no use any more.
      if (error instanceof WireError) return;
      this.#context.log.log("error", `XML-RPC: ${String(error)}`);
    }).finally(() => this.#tasks.delete(owned));
    this.#tasks.add(owned);
  }
}

async function isBusy(controller: Controller): Promise<boolean> {
  try {
    return (await controller.native.call("status") as ServerStatus).busyWith !== null;
  } catch (error) {
    if (error instanceof WireError) return false;
    throw error;
  }
}

function isSender(host: string, remoteHost: string | undefined): boolean {
  if (remoteHost === undefined) return true;
  return host === remoteHost || (isLoopback(host) && isLoopback(remoteHost));
}
