/**
 * Event handler of an XML-RPC client: a native connection whose events are pushed to the client.
 *
 * @module
 */

import type { TcpAddress } from "../wire/address.ts";
import type { EventMask, SimmerEvent } from "../wire/events.ts";
import type { Feature } from "../wire/hello.ts";
import type { EventSink, NativeClient } from "./native_client.ts";
import type { Pusher } from "./pusher.ts";

interface HandlerOptions {
  /** Number by which the client refers to the handler. */
  readonly handle: number;
  /** IP address that the registration came from. */
  readonly remoteHost: string | undefined;
  readonly address: TcpAddress;
  readonly features: readonly Feature[];
  /** Connection that the events come from at first. */
  readonly client: NativeClient;
  readonly pusher: Pusher;
}

/** Pushes the events of a native connection to a client. */
export class Handler {
  readonly handle: number;
  readonly remoteHost: string | undefined;
  readonly address: TcpAddress;
  readonly features: readonly Feature[];
  readonly pusher: Pusher;
  /** An observer has claimed the handler as its own. */
  isObservers = false;
  #client: NativeClient;
  #mask: EventMask | undefined;
  /** The events come from the controller's own connection. */
  #isAttached = false;

  /** @param options the handler takes over the client and the pusher */
  constructor(options: HandlerOptions) {
    this.handle = options.handle;
    this.remoteHost = options.remoteHost;
    this.address = options.address;
    this.features = options.features;
    this.pusher = options.pusher;
    this.#client = options.client;
    this.#client.sink = this.pusher;
  }

  /** True if the handler is the controller's. */
  get isAttached(): boolean {
    return this.#isAttached;
  }

  /** Sets which events are pushed. */
  async setMask(mask: EventMask): Promise<void> {
    await this.#client.call("setEventMask", mask);
    this.#mask = mask;
  }

  /**
   * Switches to the events of the controller's connection, without losing or repeating an event.
   *
   * From then on a slow handler slows down the controller's build by back-pressure, and never loses
   * its events.
   */
  async attach(client: NativeClient): Promise<void> {
    const gate = new Gate();
    const former = this.#client;
    if (this.#mask !== undefined) await client.call("setEventMask", this.#mask);
    client.sink = gate;
    this.#client = client;
    this.#isAttached = true;
    // The response arrives after all earlier events of the former connection.
    await former.call("ping");
    former.close();
    for (const event of gate.held) this.pusher.take(event);
    client.sink = this.pusher;
  }

  /**
   * Ends the handler and drops its queued events.
   *
   * @returns when no push is in progress any more
   */
  async close(): Promise<void> {
    if (this.#isAttached) this.#client.sink = undefined;
    else this.#client.close();
    this.pusher.stop();
    await this.pusher.ended;
  }
}

/** Buffers events while a handler switches to another connection. */
class Gate implements EventSink {
  readonly room = undefined;
  readonly held: SimmerEvent[] = [];

  take(event: SimmerEvent): void {
    this.held.push(event);
  }
}
