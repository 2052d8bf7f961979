/**
 * Passes objects between two ends of an in-memory stream, in order and without conversion to bytes.
 *
 * If client and server run in the same process, they need not encode their messages. The receiving
 * end opens the channel, and from then on the other end sends everything through it.
 *
 * @module
 */

import { type ByteStream, memoryPair } from "./streams.ts";

/** One direction between the two ends. */
class MemoryChannel {
  #isOpen = false;
  #isClosed = false;
  #items: unknown[] = [];
  #taken: PromiseWithResolvers<void> | undefined;
  #come: (() => void) | undefined;

  /** True if the sender must use the channel instead of bytes. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /**
   * Switches the sender to the channel. The receiving end calls this before anything is sent to it.
   */
  open(): void {
    this.#isOpen = true;
  }

  /**
   * Sends objects.
   *
   * @returns resolves when the receiver has taken the objects, or when the channel is closed
   * @throws {Deno.errors.BrokenPipe} if the channel is already closed
   */
  async send(items: readonly unknown[]): Promise<void> {
    if (this.#isClosed) throw new Deno.errors.BrokenPipe("The other end is closed");
    this.#items.push(...items);
    this.#taken ??= Promise.withResolvers();
    this.#come?.();
    await this.#taken.promise;
  }

  /** Receives the objects that were sent, at least one; `null` at the end. */
  async receive(): Promise<readonly unknown[] | null> {
    while (this.#items.length === 0) {
      if (this.#isClosed) return null;
      await new Promise<void>((resolve) => this.#come = resolve);
    }
    const items = this.#items;
    this.#items = [];
    this.#taken?.resolve();
    this.#taken = undefined;
    return items;
  }

  /** Closes the channel. Objects that were sent can still be received. */
  close(): void {
    this.#isClosed = true;
    this.#taken?.resolve();
    this.#taken = undefined;
    this.#come?.();
  }
}

/** A byte stream with a channel. */
interface ChannelStream extends ByteStream {
  readonly channel: MemoryChannel;
}

/** Creates two connected streams in memory. The second stream can send to the first by a channel. */
export function channelPair(): [ChannelStream, ChannelStream] {
  const channel = new MemoryChannel();
  const [near, far] = memoryPair();
  return [withChannel(near, channel), withChannel(far, channel)];
}

function withChannel(stream: ByteStream, channel: MemoryChannel): ChannelStream {
  return {
    ...stream,
    channel,
    close: () => {
      stream.close();
      channel.close();
    },
  };
}
