/**
 * Session with a server, over a socket or in this process: sends commands and receives events.
 *
 * {@linkcode SocketSession} turns bytes into replies and events. It reads bytes only as fast as the
 * listeners handle the events, so a slow terminal applies back-pressure to the server.
 *
 * @module
 */

import type { Clock } from "../system/clock.ts";
import { type ByteStream, isDisconnect, writeAll } from "../system/net/streams.ts";
import { WireError } from "../wire/errors.ts";
import type { ServerExit, SimmerEvent } from "../wire/events.ts";
import { FrameDecoder, frameText } from "../wire/frame.ts";
import type { HelloParams, HelloResult, QueuePlace } from "../wire/hello.ts";
import { isNotification, isResponse, type Message, type Notification } from "../wire/messages.ts";
import { notification, parseMessage, request, type Response } from "../wire/messages.ts";
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
  /** Requests the end of the build in progress, immediately if `force` is true. */
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

interface PendingCall {
  readonly name: string;
  readonly mayQueue: boolean;
  readonly answered: AbortController;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
}

const encoder = new TextEncoder();

/** A session over a byte stream. */
export class SocketSession implements Session {
  readonly ended: Promise<ServerEndedError>;
  readonly #stream: ByteStream;
  readonly #options: SocketSessionOptions;
  readonly #decoder = new FrameDecoder();
  readonly #calls = new Map<number | string, PendingCall>();
  readonly #eventListeners = new Set<EventListener>();
  readonly #turnListeners = new Set<TurnListener>();
  readonly #watches = new Set<Promise<void>>();
  #lastId = 0;
  #outbox = "";
  #writing: Promise<void> | undefined;
  #role: HelloResult["role"] | undefined;
  #isDelivering = false;
  #exit: ServerExit | undefined;
  #endedBy: ServerEndedError | undefined;
  /** The error of a write that failed for another reason than a disconnect. */
  #writeError: unknown;
  #isHungUp = false;

  /** @param stream owned by the session from now on */
  constructor(stream: ByteStream, options: SocketSessionOptions) {
    this.#stream = stream;
    this.#options = options;
    stream.channel?.open();
    this.ended = this.#receive();
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
    if (this.#endedBy !== undefined) return Promise.reject(this.#endedBy);
    const id = ++this.#lastId;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const { mayQueue = false } = options;
    const call = { name, mayQueue, answered: new AbortController(), resolve, reject };
    this.#calls.set(id, call);
    const watch = this.#watchReply(id, call).finally(() => this.#watches.delete(watch));
    this.#watches.add(watch);
    this.#outbox += frameText(request(id, name, params));
    this.#writing ??= this.#write();
    return promise;
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
    await this.call(force ? "stateForceShutdown" : "stateShutdown");
  }

  /** Closes the connection. Pending commands fail. Safe to call twice. */
  hangUp(): void {
    if (this.#isHungUp) return;
    this.#isHungUp = true;
    this.#stream.close();
  }

  async close(): Promise<void> {
    this.hangUp();
    await this.ended;
    await this.#writing;
    await Promise.all(this.#watches);
  }

  /** Closes the session, as `close` does. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Sends all commands of this turn in one write. Never rejects. */
  async #write(): Promise<void> {
    await Promise.resolve();
    try {
      while (this.#outbox !== "") {
        const bytes = encoder.encode(this.#outbox);
        this.#outbox = "";
        await writeAll(this.#stream, bytes);
      }
    } catch (error) {
      this.#outbox = "";
      // After a disconnect, the reader drains what the server sent last and ends the session.
      if (!isDisconnect(error)) {
        this.#writeError = error;
        this.hangUp();
      }
    } finally {
      this.#writing = undefined;
    }
  }

  /** Reads until the connection ends. Never rejects. */
  async #receive(): Promise<ServerEndedError> {
    let readError: unknown;
    try {
      await this.#readAll();
    } catch (error) {
      if (!isDisconnect(error)) readError = error;
    }
    const cause = this.#writeError ?? readError;
    const ended = new ServerEndedError(this.#exit?.reason, this.#exit?.mayRenew);
    if (cause !== undefined) ended.cause = cause;
    this.#endedBy = ended;
    this.hangUp();
    for (const id of [...this.#calls.keys()]) this.#take(id)?.reject(cause ?? ended);
    return ended;
  }

  async #readAll(): Promise<void> {
    const { channel } = this.#stream;
    if (channel === undefined) return await this.#readBytes();
    for (let items = await channel.receive(); items !== null; items = await channel.receive()) {
      await this.#deliver(
        items.map((item) =>
          typeof item === "string" ? parseMessage(item) : notification("event", item)
        ),
      );
    }
  }

  async #readBytes(): Promise<void> {
    const buffer = new Uint8Array(64 * 1024);
    while (true) {
      const count = await this.#stream.read(buffer);
      if (count === null) return;
      await this.#deliver(
        this.#decoder.push(buffer.subarray(0, count)).map((frame) => {
          if (frame.kind === "error") throw frame.error;
          return parseMessage(frame.text);
        }),
      );
    }
  }

  async #deliver(messages: readonly Message[]): Promise<void> {
    const deliveries = new Set<Promise<void>>();
    for (const message of messages) {
      if (isResponse(message)) this.#answer(message);
      else if (isNotification(message)) {
        for (const delivery of this.#notify(message)) deliveries.add(delivery);
      }
    }
    if (deliveries.size === 0) return;
    this.#isDelivering = true;
    await Promise.all(deliveries);
    this.#isDelivering = false;
  }

  #answer(response: Response): void {
    const error = "error" in response ? WireError.fromObject(response.error) : undefined;
    // A reply without an id means that the server could not parse the message: a defect of this
    // client.
    if (response.id === null) throw error ?? new WireError("parseError", "A reply without an id");
    const call = this.#take(response.id);
    if (error === undefined) call?.resolve("result" in response ? response.result : undefined);
    else call?.reject(error);
  }

  #notify({ method, params }: Notification): Promise<void>[] {
    if (method === "queue") {
      for (const listener of this.#turnListeners) listener(params as QueuePlace);
    } else if (method === "role") {
      this.#role = (params as Pick<HelloResult, "role">).role;
      if (this.#role !== "controller") return [];
      for (const listener of this.#turnListeners) listener("controller");
    } else if (method === "event") {
      const event = params as SimmerEvent;
      if (event.type === "ServerExit") this.#exit = event;
      return [...this.#eventListeners].flatMap((listener) => listener(event) ?? []);
    }
    return [];
  }

  #take(id: number | string): PendingCall | undefined {
    const call = this.#calls.get(id);
    this.#calls.delete(id);
    call?.answered.abort("answered");
    return call;
  }

  /** Reports a missing reply, and later rejects it (R23). */
  async #watchReply(id: number, { name, mayQueue, answered }: PendingCall): Promise<void> {
    const { say } = this.#options;
    if (!await this.#isLate(MENTION_MS, answered.signal)) return;
    say?.(`no reply to ${name} for ${MENTION_MS / 1000} s; still waiting`);
    do {
      if (!await this.#isLate(GIVE_UP_MS, answered.signal)) return;
    } while (mayQueue && await this.#isAlive(answered.signal));
    if (answered.signal.aborted) return;
    const all = `${(MENTION_MS + GIVE_UP_MS) / 1000} s`;
    this.#take(id)?.reject(
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
