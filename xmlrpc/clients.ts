/**
 * XML-RPC clients of a server: the controller and the registered event handlers.
 *
 * XML-RPC has no connection whose end would show that a client has left. A client leaves by calling
 * a method for that, when its event server cannot be reached any more, or, if it has no event
 * server, after a long silence.
 *
 * @module
 */

import type { Channel } from "../rpc/channel.ts";
import type { Clock } from "../system/clock.ts";
import { processId } from "../system/environment.ts";
import type { Logger } from "../system/logger.ts";
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

/** Services that the clients need from their door. */
interface ClientsContext {
  readonly clock: Clock;
  readonly log: Logger;
  readonly dialect: XmlRpcDialect;
  readonly dial: Dial;
}

/** Source of a request. */
export interface Origin {
  readonly remoteHost: string | undefined;
  /** Opens a native connection to the server. */
  readonly connect: () => Channel;
}

/** The client that controls the server. */
export interface Controller {
  readonly token: string;
  readonly native: NativeClient;
  readonly remoteHost: string | undefined;
  readonly left: AbortController;
  handler: Handler | undefined;
  lastHeard: number;
}

/** Maximum number of event handlers. */
const MAX_HANDLERS = 32;
/** Milliseconds of silence after which a controller without an event handler is removed. */
export const SILENT_MS = 5 * 60_000;

/** Keeps the controller and the event handlers of an XML-RPC door. */
export class Clients {
  readonly #context: ClientsContext;
  readonly #handlers = new Map<number, Handler>();
  readonly #tasks = new Set<Promise<void>>();
  #opening = 0;
  #controller: Controller | undefined;

  constructor(context: ClientsContext) {
    this.#context = context;
  }

  get controller(): Controller | undefined {
    return this.#controller;
  }

  /** Finds an event handler by its number. */
  handler(handle: number): Handler | undefined {
    return this.#handlers.get(handle);
  }

  /**
   * Returns the latest handler from an address that belongs neither to the controller nor to an
   * observer.
   */
  candidate(remoteHost: string | undefined): Handler | undefined {
    return [...this.#handlers.values()].findLast((each) =>
      each.remoteHost === remoteHost && !each.isAttached && !each.isObservers
    );
  }

  /** Returns the latest handler that was registered from an address. */
  latest(remoteHost: string | undefined): Handler | undefined {
    return [...this.#handlers.values()].findLast((each) => each.remoteHost === remoteHost);
  }

  /** Describes a client for people. XML-RPC carries no process id, so it is this process's own. */
  info(remoteHost: string | undefined): ClientInfo {
    return { pid: processId(), command: `XML-RPC client at ${remoteHost ?? "this machine"}` };
  }

  /** Opens a native connection with the role `observer`. */
  observe(origin: Origin): Promise<NativeClient> {
    const client = this.info(origin.remoteHost);
    return NativeClient.open(origin.connect(), { role: "observer", client });
  }

  /**
   * Registers an event handler.
   *
   * @param owner the controller, if it registers its own handler
   * @throws {XmlRpcFault} if events would be sent to another host than the caller's
   * @throws {WireError} `busy` if too many handlers are registered
   */
  async register(
    address: TcpAddress,
    features: readonly Feature[],
    origin: Origin,
    owner?: Controller,
  ): Promise<Handler> {
    if (!isSender(address.host, origin.remoteHost)) {
      throw new XmlRpcFault(
        `Events are sent only to the caller's host: ${origin.remoteHost}, ` +
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

  /**
   * Removes an event handler. The controller that it belongs to is removed too, if `hasLeft` is
   * true.
   */
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
   * @param handler the client's event handler; default: {@linkcode Clients.candidate} for its
   *   address
   * @returns `undefined` if another client is the controller
   * @throws {WireError} if the server accepts no more clients
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

  /** Removes the controller. Its build is cancelled, unless the build is detached. */
  remove(controller: Controller): void {
    controller.native.close();
    this.#forget(controller);
  }

  /**
   * Drains the event queues and ends all clients. When the signal is aborted, the queues are
   * dropped.
   */
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

  /** Drains and removes a handler after the server has ended its connection. */
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

  /**
   * Removes the controller after a long silence, if it has no event handler and no command is in
   * progress. With an event handler, failed pushes show that the client has left.
   */
  async #watch(controller: Controller): Promise<void> {
    const { clock, log } = this.#context;
    const { signal } = controller.left;
    while (!signal.aborted) {
      await clock.sleep(SILENT_MS, signal);
      const silentMs = clock.monotonic() - controller.lastHeard;
      if (signal.aborted || controller.handler !== undefined || silentMs < SILENT_MS) continue;
      if (await isBusy(controller)) continue;
      log.log("warn", `Dropping an XML-RPC client: idle for ${SILENT_MS / 60_000} minutes`);
      this.remove(controller);
    }
  }

  /** Tracks a background task, so that `close` can wait for it. */
  #own(task: Promise<void>): void {
    const owned = task.catch((error: unknown) => {
      // The connection is about to end, so its error responses no longer matter.
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
