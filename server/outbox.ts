/**
 * A connection's way out: lines in order, many to a write, one write at a time.
 *
 * @module
 */

import { type ByteStream, writeAll } from "../system/net/streams.ts";
import type { Delivery } from "./event_bus.ts";

/** What goes out: a line, or an event as it is where the stream has a lane for that. */
type Item = string | object;

/** What an event that is not made a line counts as, beside its text. */
const EVENT_SIZE = 128;

/** Characters that are written at once at the most, so that room returns while much is waiting. */
const BATCH = 256 * 1024;

const encoder = new TextEncoder();

/** A queue of lines before a stream. */
export class Outbox {
  readonly #stream: ByteStream;
  readonly #failed: (error: unknown) => void;
  #items: Item[] = [];
  /** Characters that are not written yet: close enough to bytes for bounding memory. */
  #held = 0;
  #writing: Promise<void> | undefined;
  #isBroken = false;
  /** Counts releases. */
  #releases = 0;
  #progress: PromiseWithResolvers<void> | undefined;

  /** @param failed is told once why nothing can be written any more */
  constructor(stream: ByteStream, failed: (error: unknown) => void) {
    this.#stream = stream;
    this.#failed = failed;
  }

  /** Characters that are waiting to be written. */
  get held(): number {
    return this.#held;
  }

  /** Whether nothing is taken any more. */
  get isBroken(): boolean {
    return this.#isBroken;
  }

  /** Adds a line. It is written together with what else is added in this turn. */
  push(line: string): void {
    this.#add(line, line.length);
  }

  /** Adds an event. */
  pushEvent({ event, line }: Delivery): void {
    if (this.#stream.lane?.isOpen !== true) return this.push(line());
    this.#add(event, sizeOf(event));
  }

  /** Resolves when no more than that many characters are waiting, or with `release`. */
  async room(level: number): Promise<void> {
    const releases = this.#releases;
    while (this.#releases === releases && this.#held > level) {
      this.#progress ??= Promise.withResolvers();
      await this.#progress.promise;
    }
  }

  /** Resolves when everything is written, or nothing is taken any more. */
  async drained(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing;
  }

  /** Lets everybody go on who waits for room now. */
  release(): void {
    this.#releases++;
    this.#advance();
  }

  /** Drops what is waiting; nothing is written any more. */
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
    // What is added in the same turn shares the write.
    await Promise.resolve();
    while (this.#items.length > 0) {
      const batch = this.#takeBatch();
      try {
        if (this.#stream.lane?.isOpen === true) await this.#stream.lane.send(batch);
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
