/**
 * Session with a server, over a socket or in this process: sends commands and receives events.
 *
 * {@linkcode SocketSession} adds to a JSON-RPC peer what is particular to simmer: roles, the queue,
 * and reports of missing replies. It receives only as fast as the listeners handle the events, so a
 * slow terminal applies back-pressure to the server.
 *
 * @module
 */

import type { Channel } from "../rpc/channel.ts";
import { Peer, type PeerHandler, type PendingCall } from "../rpc/peer.ts";
import type { Clock } from "../system/clock.ts";
import { WireError } from "../wire/errors.ts";
import type { ServerExit, SimmerEvent } from "../wire/events.ts";
import type { HelloParams, HelloResult, QueuePlace } from "../wire/hello.ts";
import type { Notification } from "../wire/messages.ts";
import { ClientError, EXIT, ServerEndedError } from "./errors.ts";

/**
 * Handles an event. If it returns a promise, no further events are read until that has resolved.
 */
export type EventListener = (event: SimmerEvent) => Promise<void> | undefined | void;

/** Receives the place of a waiting UI in the queue, and finally its turn. */
type TurnListener = (turn: QueuePlace | "controller") => void;

/** The options of a command. */
export interface CallOptions {
  /** Waits without a limit while the server answers `ping`. Default: `false`. */
  readonly mayQueue?: boolean;
  /** Advice that follows the report of a missing reply. Default: none. */
  readonly advice?: string;
}

/** Commands to a server, and its events. */
export interface Session extends AsyncDisposable {
  /**
   * Sends a command. Commands of one turn are sent in a single write.
   *
   * @returns the reply
   * @throws {WireError} what the server answers instead
   * @throws {ServerEndedError} if the server ends before it answers
   */
  call(name: string, params?: unknown, options?: CallOptions): Promise<unknown>;
  /** Calls a function with each event from now on, until the result is disposed of. */
  onEvent(listener: EventListener): Disposable;
  /** Requests the end of this client's builds, immediately if `force` is true. */
  cancel(force: boolean): Promise<void>;
  /** Resolves with the reason when the session has ended. */
  readonly ended: Promise<ServerEndedError>;
  /** Closes the session. A build that it owns is cancelled, unless it is detached. */
  close(): Promise<void>;
}

/** Milliseconds until a missing reply is reported. */
export const MENTION_MS = 30_000;
/** Milliseconds after that report until a missing reply is an error. */
export const GIVE_UP_MS = 60_000;

/** The parameters of a session over a socket. */
export interface SocketSessionOptions {
  readonly clock: Clock;
  /** Prints a message about the session to the user. */
  readonly say?: (text: string) => void;
}

/** A session over a channel. */
export class SocketSession implements Session {
  readonly ended: Promise<ServerEndedError>;
  readonly #peer: Peer<ServerEndedError>;
  readonly #options: SocketSessionOptions;
  readonly #eventListeners = new Set<EventListener>();
  readonly #turnListeners = new Set<TurnListener>();
  readonly #watches = new Set<Promise<void>>();
  #role: HelloResult["role"] | undefined;
  /** Events that listeners have not handled yet. */
  #deliveries: Promise<void>[] = [];
  #isDelivering = false;
  #exit: ServerExit | undefined;

  /** @param channel owned by the session from now on */
  constructor(channel: Channel, options: SocketSessionOptions) {
    this.#options = options;
    const handler: PeerHandler<ServerEndedError> = {
      notified: (notification) => this.#notified(notification),
      busy: () => this.#deliveries.length === 0 ? undefined : this.#delivered(),
      endError: (cause) => {
        const ended = new ServerEndedError(this.#exit?.reason, this.#exit?.mayRenew);
        if (cause !== undefined) ended.cause = cause;
        return ended;
      },
    };
    this.#peer = new Peer(channel, handler);
    this.ended = this.#peer.ended;
  }

  /** The role that the server has assigned; `undefined` before that. */
  get role(): HelloResult["role"] | undefined {
    return this.#role;
  }

  /** Introduces this client. Must be the first command. */
  async hello(params: HelloParams): Promise<HelloResult> {
    const result = await this.call("hello", params) as HelloResult;
    this.#role ??= result.role;
    return result;
  }

  call(name: string, params?: unknown, options: CallOptions = {}): Promise<unknown> {
    const call = this.#peer.call(name, params);
    const watch = this.#watchReply(name, call, options).finally(() => this.#watches.delete(watch));
    this.#watches.add(watch);
    return call.reply;
  }

  onEvent(listener: EventListener): Disposable {
    this.#eventListeners.add(listener);
    return { [Symbol.dispose]: () => this.#eventListeners.delete(listener) };
  }

  /** Calls a function each time this waiting UI moves up in the queue. */
  onTurn(listener: TurnListener): Disposable {
    this.#turnListeners.add(listener);
    return { [Symbol.dispose]: () => this.#turnListeners.delete(listener) };
  }

  async cancel(force: boolean): Promise<void> {
    await this.call("cancelBuild", { force });
  }

  /** Closes the connection. Pending commands fail. Safe to call twice. */
  hangUp(): void {
    this.#peer.close();
  }

  async close(): Promise<void> {
    this.hangUp();
    await this.ended;
    await Promise.all(this.#watches);
  }

  /** Closes the session, as `close` does. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #notified({ method, params }: Notification): void {
    if (method === "queue") {
      for (const listener of this.#turnListeners) listener(params as QueuePlace);
    } else if (method === "role") {
      this.#role = (params as Pick<HelloResult, "role">).role;
      if (this.#role !== "controller") return;
      for (const listener of this.#turnListeners) listener("controller");
    } else if (method === "event") {
      const event = params as SimmerEvent;
      if (event.type === "ServerExit") this.#exit = event;
      for (const listener of this.#eventListeners) {
        const delivery = listener(event);
        if (delivery !== undefined) this.#deliveries.push(delivery);
      }
    }
  }

  async #delivered(): Promise<void> {
    this.#isDelivering = true;
    await Promise.all(this.#deliveries.splice(0));
    this.#isDelivering = false;
  }

  /** Reports a missing reply, and later rejects it (R23). */
  async #watchReply(
    name: string,
    call: PendingCall,
    { mayQueue = false, advice }: CallOptions,
  ): Promise<void> {
    const { settled } = call;
    if (!await this.#isLate(MENTION_MS, settled)) return;
    const more = advice === undefined ? "" : `, ${advice}`;
    this.#options.say?.(`no reply to ${name} for ${MENTION_MS / 1000} s; still waiting${more}`);
    do {
      if (!await this.#isLate(GIVE_UP_MS, settled)) return;
    } while (mayQueue && await this.#isAlive(settled));
    if (settled.aborted) return;
    const all = `${(MENTION_MS + GIVE_UP_MS) / 1000} s`;
    call.reject(
      new ClientError(
        EXIT.noServer,
        `no reply to ${name} for ${all}: the server hangs; 'simmer stop --force' kills it`,
      ),
    );
  }

  /**
   * Waits, and returns true if the reply is late, or false if it has come. Time counts only while a
   * reply could come: not while waiting in the queue, and not while output is blocked.
   */
  async #isLate(ms: number, answered: AbortSignal): Promise<boolean> {
    do {
      await this.#options.clock.sleep(ms, answered);
      if (answered.aborted) return false;
    } while (this.#role === "waiting" || this.#isDelivering);
    return true;
  }

  async #isAlive(answered: AbortSignal): Promise<boolean> {
    if (answered.aborted) return true;
    try {
      await this.call("ping");
      return true;
    } catch (error) {
      if (error instanceof ClientError || error instanceof WireError) return false;
      throw error;
    }
  }
}
