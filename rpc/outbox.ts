/**
 * Outgoing queue of a channel. Messages keep their order. Many messages share one write, and one
 * write is in progress at a time.
 *
 * @module
 */

import type { SimmerEvent } from "../wire/events.ts";
import { isNotification, type Message } from "../wire/messages.ts";

/** A message as a channel carries it: its line, or the message itself if both ends are in memory. */
export type Item = string | Message;

/** Size of a message that is passed as an object, without its text, in characters. */
const OBJECT_SIZE = 128;

/** Size of one write, in characters. Small enough that room returns while much is waiting. */
const BATCH = 256 * 1024;

/** Queue of outgoing messages. */
export class Outbox {
  readonly #send: (items: readonly Item[]) => Promise<void>;
  readonly #failed: (error: unknown) => void;
  #items: Item[] = [];
  /** Size of each item, in characters. */
  #sizes: number[] = [];
  /** Unwritten characters. Close enough to bytes to limit memory. */
  #held = 0;
  #writing: Promise<void> | undefined;
  #isBroken = false;
  /** Number of calls of `release`. */
  #releases = 0;
  #progress: PromiseWithResolvers<void> | undefined;

  /**
   * Creates an empty queue.
   *
   * @param send writes items; called again only after it has settled
   * @param failed called once with the error that ends all writing
   */
  constructor(
    send: (items: readonly Item[]) => Promise<void>,
    failed: (error: unknown) => void,
  ) {
    this.#send = send;
    this.#failed = failed;
  }

  /** Number of unwritten characters. */
  get held(): number {
    return this.#held;
  }

  /** Adds a message. Messages of the same turn share a write. */
  push(item: Item): void {
    if (this.#isBroken) return;
    const size = sizeOf(item);
    this.#items.push(item);
    this.#sizes.push(size);
    this.#held += size;
    this.#writing ??= this.#write();
  }

  /** Resolves when at most `level` characters are unwritten, or when `release` is called. */
  async room(level: number): Promise<void> {
    const releases = this.#releases;
    while (this.#releases === releases && this.#held > level) {
      this.#progress ??= Promise.withResolvers();
      await this.#progress.promise;
    }
  }

  /** Resolves when everything is written, or when writing has failed or was abandoned. */
  async drained(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing;
  }

  /** Ends all present waits for room. */
  release(): void {
    this.#releases++;
    this.#advance();
  }

  /** Drops unwritten messages, and accepts no more. */
  abandon(): void {
    this.#isBroken = true;
    this.#items = [];
    this.#sizes = [];
    this.#held = 0;
    this.#advance();
  }

  async #write(): Promise<void> {
    // Messages that are added in the same turn share the write.
    await Promise.resolve();
    while (this.#items.length > 0) {
      const { batch, size } = this.#takeBatch();
      try {
        await this.#send(batch);
      } catch (error) {
        this.#fail(error);
      }
      if (this.#isBroken) break;
      this.#held -= size;
      this.#advance();
    }
    this.#writing = undefined;
  }

  #takeBatch(): { readonly batch: readonly Item[]; readonly size: number } {
    let [count, size] = [0, 0];
    for (; size < BATCH && count < this.#items.length; count++) size += this.#sizes[count] ?? 0;
    this.#sizes.splice(0, count);
    return { batch: this.#items.splice(0, count), size };
  }

  #fail(error: unknown): void {
    if (this.#isBroken) return;
    this.abandon();
    this.#failed(error);
  }

  #advance(): void {
    this.#progress?.resolve();
    this.#progress = undefined;
  }
}

function sizeOf(item: Item): number {
  if (typeof item === "string") return item.length;
  // Only events carry long texts whose members are known.
  if (!isNotification(item) || item.method !== "event") return OBJECT_SIZE;
  const event = item.params as SimmerEvent;
  switch (event.type) {
    case "TaskOutput":
      return OBJECT_SIZE + (event.text ?? event.base64 ?? "").length;
    case "LogRecord":
      return OBJECT_SIZE + event.message.length;
    default:
      return OBJECT_SIZE;
  }
}
