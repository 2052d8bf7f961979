/**
 * Outgoing queue of a connection. Lines keep their order. Many lines share one write, and one write
 * is in progress at a time.
 *
 * @module
 */

import { type ByteStream, writeAll } from "../system/net/streams.ts";
import type { Delivery } from "./event_bus.ts";

/** A line, or an event as an object if the stream can pass objects. */
type Item = string | object;

/** Size of an event that is passed as an object, without its text, in characters. */
const EVENT_SIZE = 128;

/** Size of one write, in characters. Small enough that room returns while much is waiting. */
const BATCH = 256 * 1024;

const encoder = new TextEncoder();

/** Queue of lines for a stream. */
export class Outbox {
  readonly #stream: ByteStream;
  readonly #failed: (error: unknown) => void;
  #items: Item[] = [];
  /** Unwritten characters. Close enough to bytes to limit memory. */
  #held = 0;
  #writing: Promise<void> | undefined;
  #isBroken = false;
  /** Number of calls of `release`. */
  #releases = 0;
  #progress: PromiseWithResolvers<void> | undefined;

  /** @param failed called once with the error that ends all writing */
  constructor(stream: ByteStream, failed: (error: unknown) => void) {
    this.#stream = stream;
    this.#failed = failed;
  }

  /** Number of unwritten characters. */
  get held(): number {
    return this.#held;
  }

  /** True if the outbox accepts nothing any more. */
  get isBroken(): boolean {
    return this.#isBroken;
  }

  /** Adds a line. Lines of the same turn share a write. */
  push(line: string): void {
    this.#add(line, line.length);
  }

  /** Adds an event. */
  pushEvent({ event, line }: Delivery): void {
    if (this.#stream.channel?.isOpen !== true) return this.push(line());
    this.#add(event, sizeOf(event));
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

  /** Drops unwritten lines, and accepts no more. */
  abandon(): void {
    this.#isBroken = true;
    this.#items = [];
    this.#held = 0;
    this.#advance();
  }

  #add(item: Item, size: number): void {
    if (this.#isBroken) return;
    this.#items.push(item);
    this.#held += size;
    this.#writing ??= this.#write();
  }

  async #write(): Promise<void> {
    // Lines that are added in the same turn share the write.
    await Promise.resolve();
    while (this.#items.length > 0) {
      const batch = this.#takeBatch();
      try {
        if (this.#stream.channel?.isOpen === true) await this.#stream.channel.send(batch);
        else await writeAll(this.#stream, encoder.encode(batch.join("")));
      } catch (error) {
        this.#fail(error);
      }
      if (this.#isBroken) break;
      for (const item of batch) this.#held -= sizeOf(item);
      this.#advance();
    }
    this.#writing = undefined;
  }

  #takeBatch(): Item[] {
    let count = 0;
    for (let size = 0; size < BATCH && count < this.#items.length; count++) {
      size += sizeOf(this.#items[count] ?? "");
    }
    return this.#items.splice(0, count);
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
  const { text, base64, message } = item as Readonly<Record<string, string | undefined>>;
  return EVENT_SIZE + (text ?? base64 ?? message ?? "").length;
}
