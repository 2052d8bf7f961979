/**
 * A lane: objects on their way between two ends in one process, in order and as they are.
 *
 * Where both ends of a stream in memory are in one process, what is sent need not become bytes: the
 * end that receives opens the lane, and from then on everything from the other end comes there.
 *
 * @module
 */

import { type ByteStream, memoryPair } from "./streams.ts";

/** One direction between two ends. */
class Lane {
  #isOpen = false;
  #isClosed = false;
  #items: unknown[] = [];
  #taken: PromiseWithResolvers<void> | undefined;
  #come: (() => void) | undefined;

  /** Whether what is sent is to go here. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Has what is sent come here; called by the end that receives, before it is sent anything. */
  open(): void {
    this.#isOpen = true;
  }

  /**
   * Sends objects.
   *
   * @returns resolves when they have been taken
   * @throws {Deno.errors.BrokenPipe} where the lane is closed
   */
  async send(items: readonly unknown[]): Promise<void> {
    if (this.#isClosed) throw new Deno.errors.BrokenPipe("The other end is closed");
    this.#items.push(...items);
    this.#taken ??= Promise.withResolvers();
    this.#come?.();
    await this.#taken.promise;
  }

  /** Takes what has been sent, at least one object; `null` at the end. */
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

  /** Ends it; what has been sent can still be taken. */
  close(): void {
    this.#isClosed = true;
    this.#taken?.resolve();
    this.#taken = undefined;
    this.#come?.();
  }
}

/** A stream with a lane beside its bytes. */
interface LaneStream extends ByteStream {
  readonly lane: Lane;
}

/** Two connected streams in memory; what the second one sends may come by a lane to the first. */
export function lanePair(): [LaneStream, LaneStream] {
  const lane = new Lane();
  const [near, far] = memoryPair();
  return [withLane(near, lane), withLane(far, lane)];
}

function withLane(stream: ByteStream, lane: Lane): LaneStream {
  return {
    ...stream,
    lane,
    close: () => {
      stream.close();
      lane.close();
    },
  };
}
