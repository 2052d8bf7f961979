/**
 * Output of a client to stdout and stderr. Writes keep their order across both streams, and a
 * writer can wait until its output has been written.
 *
 * @module
 */

import { concat } from "@std/bytes/concat";
import { macrotask } from "../system/macrotask.ts";
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

/** Bytes for one of the streams. */
export interface OutputPiece {
  readonly stream: StreamName;
  readonly bytes: Uint8Array;
}

type Writers = Readonly<Record<StreamName, Writer>>;

/**
 * Writes all pieces in their order. Streams that share a connection have such a function, so that
 * many pieces cost one write.
 */
type WriteTogether = (pieces: readonly OutputPiece[]) => Promise<void>;

/** Consecutive output to one stream that is not written yet. */
interface Pending {
  readonly stream: StreamName;
  readonly data: (string | Uint8Array)[];
}

/** A change of the terminal that happens between two outputs. */
type Action = () => void | Promise<void>;

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
  readonly #writers: Writers | WriteTogether;
  readonly #break: (error: unknown) => void;
  readonly #failed = new Set<StreamName>();
  #failure: OutputFailure | undefined;
  #pending: (Pending | Action)[] = [];
  #draining: Promise<void> | undefined;
  #beforeDrain: (() => void) | undefined;

  /** @param writers such as `Deno.stdout` and `Deno.stderr`, or one function for both streams */
  constructor(writers: Writers | WriteTogether) {
    this.#writers = writers;
    const { promise, resolve } = Promise.withResolvers<unknown>();
    this.broken = promise;
    this.#break = resolve;
  }

  write(stream: StreamName, data: string | Uint8Array): void {
    if (data.length === 0 || this.#failed.has(stream)) return;
    const last = this.#pending.at(-1);
    if (typeof last === "object" && last.stream === stream) addTo(last.data, data);
    else this.#pending.push({ stream, data: [data] });
    this.#draining ??= this.#drain();
  }

  /** Calls a function after all output so far has been written, and before any later output. */
  perform(action: Action): void {
    this.#pending.push(action);
    this.#draining ??= this.#drain();
  }

  /**
   * Sets a function that is called before the last output is written. It may add to the output. It
   * can then be called again, and must add nothing if it has nothing new.
   */
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
    // Events that are already on their way are written together.
    await (typeof this.#writers === "function" ? macrotask() : Promise.resolve());
    while (this.#pending.length > 0) {
      // Streams with separate writers can fail separately.
      if (typeof this.#writers === "function" || this.#pending.length === 1) this.#beforeDrain?.();
      const [first] = this.#pending;
      if (typeof first === "function") {
        this.#pending.shift();
        await first();
        continue;
      }
      const next = this.#pending.findIndex((each) => typeof each === "function");
      const together = next < 0 ? this.#pending.length : next;
      const count = typeof this.#writers === "function" ? together : 1;
      const pieces = this.#pending.splice(0, count).flatMap((each) =>
        typeof each === "object" ? [encoded(each)] : []
      );
      try {
        await this.#writeAll(pieces);
      } catch (error) {
        this.#fail({ stream: pieces[0]?.stream ?? "stdout", error });
      }
    }
    this.#draining = undefined;
  }

  #fail(failure: OutputFailure): void {
    const { stream, error } = failure;
    this.#failed.add(stream);
    const isShared = typeof this.#writers === "function";
    if (isShared || isReaderGone(error)) this.#failed.add("stdout").add("stderr");
    this.#pending = this.#pending.filter((each) =>
      typeof each === "function" || !this.#failed.has(each.stream)
    );
    this.#failure ??= failure;
    this.#break(error);
  }

  async #writeAll(pieces: readonly OutputPiece[]): Promise<void> {
    if (typeof this.#writers === "function") return await this.#writers(pieces);
    for (const { stream, bytes } of pieces) {
      let offset = 0;
      while (offset < bytes.length) {
        offset += await this.#writers[stream].write(bytes.subarray(offset));
      }
    }
  }
}

/** Adds data to a list. Texts are joined, because many cost less if they are encoded together. */
function addTo(list: (string | Uint8Array)[], data: string | Uint8Array): void {
  const end = list.length - 1;
  const last = list[end];
  if (typeof last === "string" && typeof data === "string") list[end] = last + data;
  else list.push(data);
}

function encoded({ stream, data }: Pending): OutputPiece {
  const pieces = data.map((each) => typeof each === "string" ? encoder.encode(each) : each);
  const [first] = pieces;
  return { stream, bytes: first !== undefined && pieces.length === 1 ? first : concat(pieces) };
}

/** Returns the exit code of a client whose output could not be written. */
export function brokenExit(error: unknown): number {
  return isReaderGone(error) ? EXIT.brokenPipe : EXIT.outputLost;
}
