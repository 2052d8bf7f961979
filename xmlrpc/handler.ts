/**
 * A client's event handler: a native connection whose events are pushed.
 *
 * @module
 */

import type { TcpAddress } from "../wire/address.ts";
import type { EventMask, SimmerEvent } from "../wire/events.ts";
import type { Feature } from "../wire/hello.ts";
import type { EventSink, NativeClient } from "./native_client.ts";
import type { Pusher } from "./pusher.ts";

/** What a handler is made of. */
interface HandlerOptions {
  /** Its number, by which its client knows it. */
  readonly handle: number;
  /** The IP address that it was registered from. */
  readonly remoteHost: string | undefined;
  readonly address: TcpAddress;
  readonly features: readonly Feature[];
  /** Where its events come from at first. */
  readonly client: NativeClient;
  readonly pusher: Pusher;
}

/** An event handler. */
export class Handler {
  readonly handle: number;
  readonly remoteHost: string | undefined;
  readonly address: TcpAddress;
  readonly features: readonly Feature[];
  readonly pusher: Pusher;
  /** Whether an observer has called it its own. */
  isObservers = false;
  #client: NativeClient;
  #mask: EventMask | undefined;
  /** Whether its events are those of the controller's own connection. */
  #isAttached = false;

  /** @param options its client and pusher are the handler's from now on */
  constructor(options: HandlerOptions) {
    this.handle = options.handle;
    this.remoteHost = options.remoteHost;
    this.address = options.address;
    this.features = options.features;
    this.pusher = options.pusher;
    this.#client = options.client;
    this.#client.sink = this.pusher;
  }

  /** Whether it is the controller's. */
  get isAttached(): boolean {
    return this.#isAttached;
  }

  /** Sets which events are pushed. */
  async setMask(mask: EventMask): Promise<void> {
    await this.#client.call("setEventMask", mask);
    this.#mask = mask;
  }

  /**
   * Takes its events from the controller's connection from now on: none is lost, none comes twice.
   *
   * What owns a build is held back by a handler that is slow, and never loses its events.
   */
  async attach(client: NativeClient): Promise<void> {
    const gate = new Gate();
    const former = this.#client;
    if (this.#mask !== undefined) await client.call("setEventMask", this.#mask);
    client.sink = gate;
    this.#client = client;
    this.#isAttached = true;
    // Its answer comes behind all that the former connection has to say of the time before.
    await former.call("ping");
    former.close();
    for (const event of gate.held) this.pusher.take(event);
    client.sink = this.pusher;
  }

  /**
   * Ends it.
   *
   * @returns when nothing is pushed any more
   */
  async close(): Promise<void> {
    if (this.#isAttached) this.#client.sink = undefined;
    else this.#client.close();
    this.pusher.stop();
    await this.pusher.ended;
  }
}

/** Keeps events back. */
class Gate implements EventSink {
  readonly room = undefined;
  readonly held: SimmerEvent[] = [];

  take(event: SimmerEvent): void {
    this.held.push(event);
  }
}
