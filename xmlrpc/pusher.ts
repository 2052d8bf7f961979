/**
 * Pusher: sends events to a client's own XML-RPC server, one after the other, from a bounded queue.
 *
 * @module
 */

import type { Clock } from "../system/clock.ts";
import type { ByteStream } from "../system/net/streams.ts";
import { formatAddress, type TcpAddress } from "../wire/address.ts";
import type { SimmerEvent } from "../wire/events.ts";
import { stackOf } from "../server/stack.ts";
import type { EventEncoder } from "./dialect.ts";
import { callOver, type OutgoingCall, XmlRpcCallError } from "./http_client.ts";
import type { EventSink } from "./native_client.ts";
import { isCall, type Pushed, PushQueue } from "./push_queue.ts";
import { XmlRpcFault } from "./values.ts";
import { XmlRpcSyntaxError } from "./xml.ts";

/** Timeout of one connection attempt, and of one delivery, in milliseconds. */
export const PUSH_MS = 10_000;
/** Number of connection attempts, and the pause between them in milliseconds. */
const TRIES = 3;
const RETRY_MS = 1000;
/** Idle milliseconds after which the pusher probes whether the client is still reachable. */
export const PROBE_MS = 30_000;

/** Connects to a client's server; `undefined` if no connection can be made. */
export type Dial = (address: TcpAddress, signal: AbortSignal) => Promise<ByteStream | undefined>;

interface PusherOptions {
  readonly address: TcpAddress;
  readonly encode: EventEncoder;
  readonly clock: Clock;
  readonly dial: Dial;
  /** Receives the reason, once, when the pusher gives the client up. */
  readonly lost: (reason: string) => void;
}

/** Pushes the events of one client. */
export class Pusher implements EventSink {
  /** Resolves when no push is in progress any more. */
  readonly ended: Promise<void>;
  readonly #options: PusherOptions;
  readonly #queue = new PushQueue();
  readonly #life = new AbortController();
  #isFinishing = false;
  #lastSeq = 0;
  #wake: (() => void) | undefined;

  /** Starts pushing. */
  constructor(options: PusherOptions) {
    this.#options = options;
    this.ended = this.#run();
  }

  get room(): Promise<void> | undefined {
    return this.#queue.room;
  }

  /** Queues an event. An event that has already been taken is skipped. */
  take(event: SimmerEvent): void {
    if (event.seq <= this.#lastSeq || this.#life.signal.aborted) return;
    this.#lastSeq = event.seq;
    this.#queue.push(event);
    this.#wake?.();
  }

  /** Queues a call that is not an event of the server. */
  push(call: OutgoingCall): void {
    if (this.#life.signal.aborted) return;
    this.#queue.push(call);
    this.#wake?.();
  }

  /** Drains the queue, then ends. */
  finish(): void {
    this.#isFinishing = true;
    this.#wake?.();
  }

  /** Ends at once and drops the queue. */
  stop(): void {
    this.#life.abort();
    this.#queue.clear();
    this.#wake?.();
  }

  async #run(): Promise<void> {
    while (!this.#life.signal.aborted) {
      const item = this.#queue.shift();
      if (item === undefined && this.#isFinishing) break;
      const failure = await this.#next(item);
      if (failure === undefined || this.#life.signal.aborted) continue;
      this.stop();
      this.#options.lost(failure);
    }
  }

  /**
   * Runs one step and returns the reason if it fails. A defect of an encoder thus ends its client,
   * not the server.
   */
  async #next(item: Pushed | undefined): Promise<string | undefined> {
    try {
      return item === undefined ? await this.#pause() : await this.#send(item);
    } catch (error) {
      return stackOf(error);
    }
  }

  /** Waits for the next event. When idle for long, probes whether the client is still reachable. */
  async #pause(): Promise<string | undefined> {
    const woken = new AbortController();
    const wake = (): void => woken.abort();
    this.#wake = wake;
    await this.#options.clock.sleep(PROBE_MS, woken.signal);
    this.#wake = undefined;
    if (woken.signal.aborted) return undefined;
    const stream = await this.#connect();
    stream?.close();
    return stream === undefined ? this.#unreachable() : undefined;
  }

  async #send(item: Pushed): Promise<string | undefined> {
    for (const call of isCall(item) ? [item] : this.#options.encode(item)) {
      const stream = await this.#connect();
      if (stream === undefined) return this.#unreachable();
      const failure = await this.#deliver(stream, call);
      if (failure !== undefined) return failure;
    }
    return undefined;
  }

  /** Connects to the client. Only this step is retried, so that no event is sent twice. */
  async #connect(): Promise<ByteStream | undefined> {
    const { address, dial, clock } = this.#options;
    for (let tries = 1;; tries++) {
      const stream = await this.#inTime((signal) => dial(address, signal));
      if (stream !== undefined || tries === TRIES || this.#life.signal.aborted) return stream;
      await clock.sleep(RETRY_MS, this.#life.signal);
    }
  }

  async #deliver(stream: ByteStream, call: OutgoingCall): Promise<string | undefined> {
    try {
      await this.#inTime((signal) => {
        signal.addEventListener("abort", () => stream.close());
        return callOver(stream, this.#options.address, call);
      });
      return undefined;
    } catch (error) {
      // The client has received the event. Its fault is not a failure of the delivery.
      if (error instanceof XmlRpcFault) return undefined;
      if (!(error instanceof XmlRpcCallError || error instanceof XmlRpcSyntaxError)) throw error;
      return error.message;
    }
  }

  /** @param work must end soon after its signal is aborted */
  async #inTime<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const done = new AbortController();
    const late = new AbortController();
    const stop = (): void => late.abort();
    this.#life.signal.addEventListener("abort", stop);
    if (this.#life.signal.aborted) stop();
    const guard = this.#options.clock.sleep(PUSH_MS, done.signal).then(() => {
      if (!done.signal.aborted) stop();
    });
    try {
      return await work(late.signal);
    } finally {
      this.#life.signal.removeEventListener("abort", stop);
      done.abort();
      await guard;
    }
  }

  #unreachable(): string {
    return `no process answers at ${formatAddress(this.#options.address)}`;
  }
}
