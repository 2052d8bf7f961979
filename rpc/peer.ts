/**
 * JSON-RPC peer: sends calls over a channel, matches the replies by their ids, and delivers
 * notifications with back-pressure.
 *
 * @module
 */

import { isDisconnect } from "../system/net/streams.ts";
import { WireError } from "../wire/errors.ts";
import { isNotification, isResponse, type MessageId, request } from "../wire/messages.ts";
import type { Notification, Response } from "../wire/messages.ts";
import type { Channel, Incoming } from "./channel.ts";

/** Receiver of what the other end sends on its own. */
export interface PeerHandler<E extends Error> {
  /** Handles a notification. */
  notified(notification: Notification): void;
  /**
   * Returns a promise if nothing more may be received until it has resolved. Asked before each
   * reception, again after each promise.
   */
  busy(): Promise<void> | undefined;
  /**
   * Creates the error of calls that get no reply.
   *
   * @param cause the failure that has ended the connection; `undefined` if it was closed
   */
  endError(cause: unknown): E;
}

/** A call without a reply. */
export class PendingCall {
  readonly #settled = new AbortController();
  readonly #reply = Promise.withResolvers<unknown>();

  /** Resolves with the result. Rejects with the error that the other end has answered. */
  get reply(): Promise<unknown> {
    return this.#reply.promise;
  }

  /** Aborted when the call is settled. */
  get settled(): AbortSignal {
    return this.#settled.signal;
  }

  resolve(result: unknown): void {
    this.#settled.abort("answered");
    this.#reply.resolve(result);
  }

  reject(error: unknown): void {
    this.#settled.abort("answered");
    this.#reply.reject(error);
  }
}

/** The calling end of a connection. */
export class Peer<E extends Error> {
  /** Resolves when the connection has ended, after all calls are settled. Never rejects. */
  readonly ended: Promise<E>;
  readonly #channel: Channel;
  readonly #handler: PeerHandler<E>;
  readonly #calls = new Map<MessageId, PendingCall>();
  #lastId = 0;
  #endedBy: E | undefined;

  /** @param channel owned by the peer from now on */
  constructor(channel: Channel, handler: PeerHandler<E>) {
    this.#channel = channel;
    this.#handler = handler;
    this.ended = this.#run();
  }

  /** Number of calls without a reply. */
  get pending(): number {
    return this.#calls.size;
  }

  /** Sends a call. Calls of one turn are sent in a single write. */
  call(method: string, params?: unknown): PendingCall {
    const call = new PendingCall();
    if (this.#endedBy !== undefined) {
      call.reject(this.#endedBy);
      return call;
    }
    const id = ++this.#lastId;
    this.#calls.set(id, call);
    this.#channel.send(request(id, method, params));
    return call;
  }

  /** Closes the connection. Pending calls fail. Safe to call twice. */
  close(): void {
    this.#channel.close();
  }

  async #run(): Promise<E> {
    let cause: unknown;
    try {
      await this.#receiveAll();
    } catch (error) {
      if (!isDisconnect(error)) cause = error;
    }
    const error = this.#handler.endError(cause);
    this.#endedBy = error;
    this.close();
    for (const call of this.#calls.values()) call.reject(cause ?? error);
    this.#calls.clear();
    await this.#channel.outbox.drained();
    return error;
  }

  async #receiveAll(): Promise<void> {
    while (true) {
      for (let busy = this.#handler.busy(); busy !== undefined; busy = this.#handler.busy()) {
        await busy;
      }
      const received = await this.#channel.receive();
      if (received === null) return;
      for (const each of received) this.#take(each);
    }
  }

  #take(incoming: Incoming): void {
    if (incoming.kind === "error") throw incoming.error;
    if (incoming.kind !== "message") return;
    if (isResponse(incoming.message)) this.#answer(incoming.message);
    else if (isNotification(incoming.message)) this.#handler.notified(incoming.message);
  }

  #answer(response: Response): void {
    const error = "error" in response ? WireError.fromObject(response.error) : undefined;
    // A reply without an id means that the other end could not parse a message: a defect here.
    if (response.id === null) throw error ?? new WireError("parseError", "A reply without an id");
    const call = this.#calls.get(response.id);
    this.#calls.delete(response.id);
    if (error === undefined) call?.resolve("result" in response ? response.result : undefined);
    else call?.reject(error);
  }
}
