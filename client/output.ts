/**
 * Output of a client to stdout and stderr. Writes keep their order across both streams, and a
 * writer can wait until its output has been written.
 *
 * @module
 */

import { concat } from "@std/bytes/concat";
import { isReaderGone } from "../system/output_failure.ts";
import { EXIT } from "./errors.ts";

/** The two streams of a process. */
export type StreamName = "stdout" | "stderr";

/** One of the two streams. */
interface Writer {
  /** Writes some of the bytes and returns their number. */
  write(bytes: Uint8Array): Promise<number>;
}

/** Receives text and bytes for both streams, in order. */
export interface Sink {
  /** Writes data. The caller must not change the bytes afterwards, as they may not be copied. */
  write(stream: StreamName, data: string | Uint8Array): void;
}

/** A write that failed. */
interface OutputFailure {
  readonly stream: StreamName;
  /** The error of the write. */
  readonly error: unknown;
}

interface Piece {
  readonly stream: StreamName;
  readonly bytes: Uint8Array;
}

const encoder = new TextEncoder();

/**
 * Writes output in order. Combines consecutive output of one turn to the same stream into one
 * write.
 *
 * It never throws. If the reader of a stream is gone, all further output is discarded. If a stream
 * cannot be written for another reason, as on a full disk, only the rest of that stream is
 * discarded, so that the other one can report the reason. `broken` and `failure` report the first
 * error.
 */
export class Output implements Sink {
  /** Resolves with the error when a stream cannot be written any more. */
  readonly broken: Promise<unknown>;
  readonly #writers: Readonly<Record<StreamName, Writer>>;
  readonly #break: (error: unknown) => void;
  readonly #failed = new Set<StreamName>();
  #failure: OutputFailure | undefined;
  #pieces: Piece[] = [];
  #draining: Promise<void> | undefined;
  #beforeDrain: (() => void) | undefined;

  /** @param writers such as `Deno.stdout` and `Deno.stderr` */
  constructor(writers: Readonly<Record<StreamName, Writer>>) {
    this.#writers = writers;
    const { promise, resolve } = Promise.withResolvers<unknown>();
    this.broken = promise;
    this.#break = resolve;
  }

  write(stream: StreamName, data: string | Uint8Array): void {
    if (data.length === 0 || this.#failed.has(stream)) return;
    this.#pieces.push({ stream, bytes: typeof data === "string" ? encoder.encode(data) : data });
    this.#draining ??= this.#drain();
  }

  /** Sets a function that is called before each flush. It may add to the output. */
  set beforeDrain(hook: (() => void) | undefined) {
    this.#beforeDrain = hook;
  }

  /** The first write that failed. */
  get failure(): OutputFailure | undefined {
    return this.#failure;
  }

  /** Resolves when all output has been written or discarded. `undefined` if that is already so. */
  get settled(): Promise<void> | undefined {
    return this.#draining;
  }

  async #drain(): Promise<void> {
    await Promise.resolve();
    this.#beforeDrain?.();
    for (let piece = this.#next(); piece !== undefined; piece = this.#next()) {
      try {
        await this.#writeAll(piece);
      } catch (error) {
        this.#fail({ stream: piece.stream, error });
      }
    }
    this.#draining = undefined;
  }

  #fail(failure: OutputFailure): void {
    const { stream, error } = failure;
    this.#failed.add(stream);
    if (isReaderGone(error)) this.#failed.add("stdout").add("stderr");
    this.#pieces = this.#pieces.filter((piece) => !this.#failed.has(piece.stream));
    this.#failure ??= failure;
    this.#break(error);
  }

  /** Removes all leading pieces of the same stream, and joins them into one. */
  #next(): Piece | undefined {
    const [first] = this.#pieces;
    if (first === undefined) return undefined;
    const other = this.#pieces.findIndex((piece) => piece.stream !== first.stream);
    const run = this.#pieces.splice(0, other < 0 ? this.#pieces.length : other);
    if (run.length === 1) return first;
    return { stream: first.stream, bytes: concat(run.map(({ bytes }) => bytes)) };
  }

  async #writeAll({ stream, bytes }: Piece): Promise<void> {
    let offset = 0;
    while (offset < bytes.length) {
      offset += await this.#writers[stream].write(bytes.subarray(offset));
    }
  }
}

/** Returns the exit code of a client whose output could not be written. */
export function brokenExit(error: unknown): number {
  return isReaderGone(error) ? EXIT.brokenPipe : EXIT.outputLost;
}
