/**
 * Receives the descriptors that a client passes with `go`. On platforms other than Linux, none are
 * received.
 *
 * @module
 */

import type { Clock } from "../system/clock.ts";
import { DescriptorPassing } from "../system/net/descriptor_passing.ts";
import { Poller } from "../system/process/poller.ts";

/** A message with its descriptors. The caller must close them. */
interface Received {
  readonly data: Uint8Array<ArrayBuffer>;
  readonly descriptors: readonly number[];
}

/** Resources for receiving. They are opened on first use. */
interface Means {
  readonly passing: DescriptorPassing;
  readonly poller: Poller;
}

/** Receives descriptors for all command lines. One thread waits for all sockets. */
export class DescriptorReceiver {
  readonly #clock: Clock;
  #means: Means | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Receives the next message on a socket, with its descriptors.
   *
   * @param socket descriptor of a connection that has no other reader meanwhile
   * @param least lower limit for the numbers of received descriptors
   * @returns `undefined` after the timeout, if the client is gone, or if descriptors are used up
   */
  async receive(socket: number, least: number, patienceMs: number): Promise<Received | undefined> {
    const means = this.#opened();
    if (means === undefined) return undefined;
    const { passing, poller } = means;
    const done = new AbortController();
    const patience = this.#clock.sleep(patienceMs, done.signal).then(() => poller.forget(socket));
    const isReadable = await poller.readable(socket);
    done.abort("done");
    await patience;
    poller.forget(socket);
    const received = isReadable ? passing.take(socket) : undefined;
    if (received === undefined) return undefined;
    const descriptors = passing.renumber(received.descriptors, least);
    return descriptors === undefined ? undefined : { data: received.data, descriptors };
  }

  /** True if this platform can receive descriptors. */
  get isAble(): boolean {
    return this.#opened() !== undefined;
  }

  /** Closes received descriptors. */
  release(descriptors: readonly number[]): void {
    this.#means?.passing.closeAll(descriptors);
  }

  /** Closes the receiver. No call of `receive` may be pending. */
  async close(): Promise<void> {
    const means = this.#means;
    this.#means = undefined;
    await means?.poller.close();
    means?.passing[Symbol.dispose]();
  }

  #opened(): Means | undefined {
    if (this.#means !== undefined) return this.#means;
    // The poller is undefined on platforms other than Linux.
    const poller = Poller.open();
    if (poller !== undefined) this.#means = { passing: DescriptorPassing.open(), poller };
    return this.#means;
  }
}
