/**
 * A connection's way out: lines in order, many to a write, one write at a time.
 *
 * @module
 */

import { type ByteStream, writeAll } from "../system/streams.ts";

/** Characters that are written at once at the most, so that room returns while much is waiting. */
const BATCH = 256 * 1024;

const encoder = new TextEncoder();

/** A queue of lines before a stream. */
export class Outbox {
  readonly #stream: ByteStream;
  readonly #failed: (error: unknown) => void;
  #lines: string[] = [];
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
    if (this.#isBroken) return;
    this.#lines.push(line);
    this.#held += line.length;
    this.#writing ??= this.#write();
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
    this.#lines = [];
    this.#held = 0;
    this.#advance();
  }

  async #write(): Promise<void> {
    // What is added in the same turn shares the write.
    await Promise.resolve();
    while (this.#lines.length > 0) {
      const text = this.#takeBatch();
      try {
        await writeAll(this.#stream, encoder.encode(text));
      } catch (error) {
        this.#fail(error);
      }
      if (this.#isBroken) break;
      this.#held -= text.length;
      this.#advance();
    }
    this.#writing = undefined;
  }

  #takeBatch(): string {
    let count = 0;
    for (let size = 0; size < BATCH && count < this.#lines.length; count++) {
      size += this.#lines[count]?.length ?? 0;
    }
    return this.#lines.splice(0, count).join("");
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
