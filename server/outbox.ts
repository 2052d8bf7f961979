/**
 * A connection's way out: lines in order, many to a write, one write at a time.
 *
 * @module
 */

import { type ByteStream, isDisconnect, writeAll } from "../system/streams.ts";

const encoder = new TextEncoder();

/** A queue of lines before a stream. */
export class Outbox {
  readonly #stream: ByteStream;
  readonly #lowWater: number;
  #lines: string[] = [];
  /** Characters that are not written yet: close enough to bytes for bounding memory. */
  #held = 0;
  #writing: Promise<void> | undefined;
  #isBroken = false;
  #room: PromiseWithResolvers<void> | undefined;

  /** @param lowWater characters in the queue at which there is room again */
  constructor(stream: ByteStream, lowWater: number) {
    this.#stream = stream;
    this.#lowWater = lowWater;
  }

  /** Characters that are waiting to be written. */
  get held(): number {
    return this.#held;
  }

  /** Whether the peer has stopped taking anything for good. */
  get isBroken(): boolean {
    return this.#isBroken;
  }

  /** Adds a line. It is written together with what else is added in this turn. */
  push(line: string): void {
    if (this.#isBroken) return;
    this.#lines.push(line);
    this.#held += line.length;
    this.#writing ??= this.#write();
  }

  /** Resolves when no more than the low-water mark is waiting, or nothing is taken any more. */
  room(): Promise<void> {
    if (this.#isBroken || this.#held <= this.#lowWater) return Promise.resolve();
    this.#room ??= Promise.withResolvers();
    return this.#room.promise;
  }

  /** Resolves when everything is written, or nothing is taken any more. */
  async drained(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing;
  }

  /** Drops what is waiting; nothing is written any more. */
  abandon(): void {
    this.#isBroken = true;
    this.#forget();
  }

  async #write(): Promise<void> {
    // What is added in the same turn shares the write.
    await Promise.resolve();
    while (this.#lines.length > 0 && !this.#isBroken) {
      const text = this.#lines.join("");
      this.#lines = [];
      try {
        await writeAll(this.#stream, encoder.encode(text));
      } catch (error) {
        this.abandon();
        if (!isDisconnect(error)) throw error;
      }
      if (!this.#isBroken) this.#taken(text.length);
    }
    this.#writing = undefined;
  }

  #taken(count: number): void {
    this.#held -= count;
    if (this.#held > this.#lowWater) return;
    this.#room?.resolve();
    this.#room = undefined;
  }

  #forget(): void {
    this.#lines = [];
    this.#held = 0;
    this.#room?.resolve();
    this.#room = undefined;
  }
}
