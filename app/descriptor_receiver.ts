/**
 * Receiving the descriptors that a client passes with `go` (Linux; elsewhere none are received).
 *
 * @module
 */

import type { Clock } from "../system/clock.ts";
import { DescriptorPassing } from "../system/net/descriptor_passing.ts";
import { Poller } from "../system/process/poller.ts";

/** What came with descriptors, which belong to whoever asked. */
interface Received {
  readonly data: Uint8Array<ArrayBuffer>;
  readonly descriptors: readonly number[];
}

/** What descriptors are received with. */
interface Means {
  readonly passing: DescriptorPassing;
  readonly poller: Poller;
}

/** Receives descriptors of all command lines; one thread waits for all of them. */
export class DescriptorReceiver {
  readonly #clock: Clock;
  #means: Means | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Receives what comes next on a socket, with its descriptors.
   *
   * @param socket descriptor of a connection from which nobody reads meanwhile
   * @param least the least number that a received descriptor is to have
   * @returns `undefined` if nothing comes in time, or the client is gone, or descriptors are used up
   */
  async receive(socket: number, least: number, patienceMs: number): Promise<Received | undefined> {
    const means = this.#opened();
    if (means === undefined) return undefined;
    const { passing, poller } = means;
    const done = new AbortController();
    const patience = this.#clock.sleep(patienceMs, done.signal).then(() => poller.forget(socket));
    const isReadable = await poller.readable(socket);
    done.abort();
    await patience;
    poller.forget(socket);
    const received = isReadable ? passing.take(socket) : undefined;
    if (received === undefined) return undefined;
    const descriptors = passing.renumber(received.descriptors, least);
    return descriptors === undefined ? undefined : { data: received.data, descriptors };
  }

  /** Whether descriptors can be received here. */
  get isAble(): boolean {
    return this.#opened() !== undefined;
  }

  /** Closes descriptors that were received. */
  release(descriptors: readonly number[]): void {
    this.#means?.passing.closeAll(descriptors);
  }

  /** Receives nothing more; nobody may be waiting. */
  async close(): Promise<void> {
    const means = this.#means;
    this.#means = undefined;
    await means?.poller.close();
    means?.passing[Symbol.dispose]();
  }

  #opened(): Means | undefined {
    if (this.#means !== undefined) return this.#means;
    // There is no poller on other platforms than Linux.
    const poller = Poller.open();
    if (poller !== undefined) this.#means = { passing: DescriptorPassing.open(), poller };
    return this.#means;
  }
}
