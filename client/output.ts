/**
 * The output of a client: what is written keeps its order over both streams, and whoever writes
 * can wait until it is out.
 *
 * @module
 */

import { isReaderGone } from "../system/output_failure.ts";
import { EXIT } from "./errors.ts";

/** The two streams of a process. */
export type StreamName = "stdout" | "stderr";

/** One of them. */
interface Writer {
  /** Writes some of the bytes and says how many. */
  write(bytes: Uint8Array): Promise<number>;
}

/** Where text and bytes go, in order. */
export interface Sink {
  /** Takes what is to be written; it is copied or not changed afterwards. */
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
 * Writes in order, and what comes in one go in one write.
 *
 * It never throws. If the reader of a stream is gone, the rest is discarded. If a stream can't be
 * written for another reason, as on a full disk, only the rest of that stream is discarded, so that
 * the other one can say why. `broken` and `failure` report the first error.
 */
export class Output implements Sink {
  /** Resolves with the error when a stream can't be written any more. */
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

  /** Calls a function before what came in one go is written: it may add to it. */
  set beforeDrain(hook: (() => void) | undefined) {
    this.#beforeDrain = hook;
  }

  /** The first write that failed. */
  get failure(): OutputFailure | undefined {
    return this.#failure;
  }

  /** Resolves when all is out or thrown away; `undefined` where it is already. */
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

  /** All pieces that go to the same stream as the first one, as one. */
  #next(): Piece | undefined {
    const [first] = this.#pieces;
    if (first === undefined) return undefined;
    const other = this.#pieces.findIndex((piece) => piece.stream !== first.stream);
    const run = this.#pieces.splice(0, other < 0 ? this.#pieces.length : other);
    if (run.length === 1) return first;
    const bytes = new Uint8Array(run.reduce((sum, piece) => sum + piece.bytes.length, 0));
    let offset = 0;
    for (const piece of run) {
      bytes.set(piece.bytes, offset);
      offset += piece.bytes.length;
    }
    return { stream: first.stream, bytes };
  }

  async #writeAll({ stream, bytes }: Piece): Promise<void> {
    let offset = 0;
    while (offset < bytes.length) {
      offset += await this.#writers[stream].write(bytes.subarray(offset));
    }
  }
}

/** The exit code of a client whose output could not be written. */
export function brokenExit(error: unknown): number {
  return isReaderGone(error) ? EXIT.brokenPipe : EXIT.outputLost;
}
