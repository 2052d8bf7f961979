/**
 * Output of tasks that is held until they end: a part in memory, the rest in temporary files.
 *
 * @module
 */

import { SpillFile } from "../../../system/files/spill_file.ts";
import type { StreamName } from "../../output.ts";

/** The most bytes of one task in memory. */
const MAX_TASK_BYTES = 256 * 1024;
/** The most pieces of one task in memory. */
const MAX_TASK_PIECES = 1000;
/** The most bytes of all tasks in memory. */
const MAX_BYTES = 4 * 1024 * 1024;
/** Size of the pieces that are read back from a file. */
const READ_BYTES = 256 * 1024;
/** A frame of a file: the stream (1 byte), the length (4 bytes), the bytes. */
const HEAD_BYTES = 5;
const STREAMS = ["stdout", "stderr"] as const;

/** A piece of output. */
interface OutputPiece {
  readonly stream: StreamName;
  readonly bytes: Uint8Array;
}

interface Block {
  readonly pieces: OutputPiece[];
  /** Bytes in memory. */
  bytes: number;
  file: SpillFile | undefined;
  /** Length of the file's complete frames. */
  length: number;
}

/** Holds the output of several tasks. */
export class TaskBlocks implements Disposable {
  readonly #blocks = new Map<string, Block>();
  /** Bytes in memory. */
  #bytes = 0;

  /** The tasks with output. */
  get tasks(): readonly string[] {
    return [...this.#blocks.keys()];
  }

  /** Bytes in memory. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Adds a piece of a task's output. The caller must not change the bytes afterwards.
   *
   * @throws {Error} the system's error if a temporary file cannot be written. The piece has not been
   *   added then.
   */
  add(task: string, piece: OutputPiece): void {
    const block = this.#blocks.get(task) ??
      { pieces: [], bytes: 0, file: undefined, length: 0 };
    this.#blocks.set(task, block);
    const isSmall = block.file === undefined && block.pieces.length < MAX_TASK_PIECES &&
      block.bytes + piece.bytes.length <= MAX_TASK_BYTES &&
      this.#bytes + piece.bytes.length <= MAX_BYTES;
    if (!isSmall) return this.#spill(block, piece);
    block.pieces.push(piece);
    block.bytes += piece.bytes.length;
    this.#bytes += piece.bytes.length;
  }

  /** Yields a task's output in its order, in pieces of at most 256 KiB, and forgets it. */
  *take(task: string): Generator<OutputPiece> {
    const block = this.#blocks.get(task);
    if (block === undefined) return;
    try {
      if (block.file !== undefined) yield* readBack(block.file, block.length);
      yield* block.pieces;
    } finally {
      this.drop(task);
    }
  }

  /** True if a task has output. */
  has(task: string): boolean {
    return this.#blocks.has(task);
  }

  /** True if a task's output is not in memory alone. */
  isLarge(task: string): boolean {
    return this.#blocks.get(task)?.file !== undefined;
  }

  /** Forgets a task's output. */
  drop(task: string): void {
    const block = this.#blocks.get(task);
    if (block === undefined) return;
    this.#blocks.delete(task);
    this.#bytes -= block.bytes;
    block.file?.close();
  }

  /** Forgets all output. */
  [Symbol.dispose](): void {
    for (const task of this.tasks) this.drop(task);
  }

  #spill(block: Block, piece: OutputPiece): void {
    block.file ??= SpillFile.create();
    for (let held = block.pieces[0]; held !== undefined; held = block.pieces[0]) {
      append(block, block.file, held);
      block.pieces.shift();
      block.bytes -= held.bytes.length;
      this.#bytes -= held.bytes.length;
    }
    append(block, block.file, piece);
  }
}

function append(block: Block, file: SpillFile, { stream, bytes }: OutputPiece): void {
  for (let at = 0; at < bytes.length; at += READ_BYTES - HEAD_BYTES) {
    const part = bytes.subarray(at, at + READ_BYTES - HEAD_BYTES);
    const frame = new Uint8Array(HEAD_BYTES + part.length);
    frame[0] = stream === "stdout" ? 0 : 1;
    new DataView(frame.buffer).setUint32(1, part.length);
    frame.set(part, HEAD_BYTES);
    file.append(frame);
    block.length += frame.length;
  }
}

/** Yields the pieces of a file. Frames are read many at a time. */
function* readBack(file: SpillFile, length: number): Generator<OutputPiece> {
  for (let offset = 0; offset < length;) {
    const bytes = file.read(offset, Math.min(READ_BYTES, length - offset));
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    let at = 0;
    while (at + HEAD_BYTES <= bytes.length) {
      const end = at + HEAD_BYTES + view.getUint32(at + 1);
      if (end > bytes.length) break;
      const stream = STREAMS[bytes[at] ?? 0] ?? "stdout";
      yield { stream, bytes: bytes.subarray(at + HEAD_BYTES, end) };
      at = end;
    }
    // A file that has become shorter has no further frame.
    if (at === 0) return;
    offset += at;
  }
}
