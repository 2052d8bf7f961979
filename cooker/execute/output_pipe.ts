/**
 * Reads a command's output from a pipe and passes it to a consumer, one piece at a time. The next
 * piece is read only when the consumer is ready.
 *
 * @module
 */

import type { Clock } from "../../system/clock.ts";
import type { PipeSource } from "../../system/process/group_process.ts";
import { incompleteTail } from "../../wire/output.ts";
import { beforeAbort } from "./cancellation.ts";

/**
 * Milliseconds that a pipe may stay silent after its command has ended. The command's own output is
 * in the pipe by then. If the pipe has not reached its end, another process holds it open.
 */
const DRAIN_MS = 100;

/** Buffer sizes: of the first read, and of later reads once a read has filled its buffer. */
const FIRST_BYTES = 4 * 1024;
const MOST_BYTES = 64 * 1024;

/** Receives a piece. The next one is read when the promise resolves. */
type TakePiece = (bytes: Uint8Array) => Promise<void>;

/** One output pipe of a command. */
export class OutputPipe {
  readonly #source: PipeSource;
  readonly #take: TakePiece;
  readonly #clock: Clock;
  readonly #exited = new AbortController();
  #tail = new Uint8Array(0);
  #isEnded = false;
  readonly #own: Promise<void>;
  readonly #end: Promise<{ readonly error?: unknown }>;

  /** Starts to read. */
  constructor(source: PipeSource, take: TakePiece, clock: Clock) {
    this.#source = source;
    this.#take = take;
    this.#clock = clock;
    const own = Promise.withResolvers<void>();
    this.#own = own.promise;
    this.#end = this.#pump(own.resolve)
      .then(() => ({}), (error: unknown) => ({ error }))
      .finally(() => {
        this.#isEnded = true;
        own.resolve();
      });
  }

  /** True if no process holds the pipe open, or if reading has failed. */
  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** Waits until {@linkcode isEnded} is true. */
  async ended(): Promise<void> {
    await this.#end;
  }

  /**
   * Notes that the command has ended. Resolves when all output of the command itself has been
   * passed on. Output of other processes that hold the pipe open is still passed on.
   */
  async drain(): Promise<void> {
    // An explicit reason saves the creation of an exception, with its stack, for each task.
    this.#exited.abort("exited");
    await this.#own;
  }

  /**
   * Stops reading, even if other processes still write.
   *
   * @throws the error that the consumer of a piece threw
   */
  async close(): Promise<void> {
    await this.#source.close();
    const { error } = await this.#end;
    if (error !== undefined) throw error;
  }

  async #pump(drained: () => void): Promise<void> {
    // Most commands print less than a line.
    let buffer = new ArrayBuffer(FIRST_BYTES);
    while (true) {
      const size = buffer.byteLength;
      const piece = this.#source.read(buffer);
      const isThere = await beforeAbort(piece, this.#exited.signal);
      if (!isThere && !await this.#comesSoon(piece)) drained();
      const value = await piece;
      if (value === undefined) break;
      await this.#pass(value);
      buffer = value.length === size && size < MOST_BYTES
        ? new ArrayBuffer(MOST_BYTES)
        : value.buffer;
    }
    if (this.#tail.length > 0) await this.#take(this.#tail);
  }

  /** Returns true if a piece arrives within {@linkcode DRAIN_MS}. */
  async #comesSoon(piece: Promise<unknown>): Promise<boolean> {
    const wait = new AbortController();
    const timeout = new AbortController();
    const slept = this.#clock.sleep(DRAIN_MS, wait.signal).then(() => timeout.abort());
    const isThere = await beforeAbort(piece, timeout.signal);
    wait.abort();
    await slept;
    return isThere;
  }

  /**
   * Passes a piece on, except for an incomplete character at its end, which is completed by the
   * next piece.
   */
  async #pass(piece: Uint8Array): Promise<void> {
    const bytes = this.#tail.length === 0 ? piece : joined(this.#tail, piece);
    const kept = incompleteTail(bytes);
    this.#tail = bytes.slice(bytes.length - kept);
    if (kept < bytes.length) await this.#take(bytes.subarray(0, bytes.length - kept));
  }
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(first.length + second.length);
  bytes.set(first);
  bytes.set(second, first.length);
  return bytes;
}
