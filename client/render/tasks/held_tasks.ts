/**
 * Tasks whose output is not shown as it comes: it is held until a task ends, or dropped.
 *
 * @module
 */

import type { TaskCached, TaskOutput, TaskStarted } from "../../../wire/events.ts";
import { decodeOutput } from "../../../wire/output.ts";
import type { StreamName } from "../../output.ts";
import { TaskBlocks } from "./task_blocks.ts";
import { bytesOf } from "./task_lines.ts";

/** Values of `--output`. */
export const OUTPUT_MODES = ["stream", "grouped", "errors", "none"] as const;

/** One of the values. */
export type OutputMode = typeof OUTPUT_MODES[number];

/** Outcome of a task. */
type Outcome = "succeeded" | "failed" | "cancelled" | "cached";

/** Writes the blocks of tasks. */
interface BlockWriter {
  /** Begins the block of a task. The header is unknown if the client has missed the task's start. */
  begin(task: string, header: TaskStarted | TaskCached | undefined): void;
  /** Writes a piece of output. */
  write(task: string, stream: StreamName, data: Uint8Array): void;
  /** Ends the block of a task. */
  end(task: string): void;
  /** Reports that a task's output cannot be held. */
  unheld(task: string, error: Error): void;
  /** Resolves when the output has been written; `undefined` if it has. */
  settled(): Promise<void> | undefined;
}

/** Bytes of a large block that are written before the sink must take them. */
const MAX_PENDING = 1024 * 1024;

/** Holds the output of a build's tasks. */
export class HeldTasks {
  readonly #mode: OutputMode;
  readonly #writer: BlockWriter;
  readonly #blocks = new TaskBlocks();
  readonly #headers = new Map<string, TaskStarted | TaskCached>();
  /** Bytes of recorded output that are still to come, by task. */
  readonly #replays = new Map<string, number>();
  /** Tasks whose output is shown as it comes. */
  readonly #direct = new Set<string>();
  #isAlone = false;

  constructor(mode: OutputMode, writer: BlockWriter) {
    this.#mode = mode;
    this.#writer = writer;
  }

  /** Begins a build of `total` tasks. */
  begin(total: number): void {
    this.#blocks[Symbol.dispose]();
    this.#headers.clear();
    this.#replays.clear();
    this.#direct.clear();
    this.#isAlone = total === 1;
  }

  /** Returns true if a task's output is not shown as it comes. */
  holds(task: string): boolean {
    if (this.#mode === "stream" || this.#direct.has(task)) return false;
    // There is nothing to keep the output of a single task apart from.
    return this.#mode !== "grouped" || !this.#isAlone;
  }

  /** Holds a task that has started, with its header. */
  started(event: TaskStarted): void {
    this.#headers.set(event.task, event);
  }

  /** Holds a cache hit, with its header, until its output has been replayed. */
  cached(event: TaskCached): Promise<void> | undefined {
    this.#headers.set(event.task, event);
    const { replayedBytes = 0 } = event;
    if (replayedBytes === 0) return this.ended(event.task, "cached");
    this.#replays.set(event.task, replayedBytes);
    return undefined;
  }

  /** Holds a piece of output, or drops it. @param data what is to be shown of it */
  output(event: TaskOutput, data: string | Uint8Array): Promise<void> | undefined {
    const { task, stream } = event;
    if (this.#mode === "none") return undefined;
    const bytes = bytesOf(data);
    try {
      if (bytes.length > 0) this.#blocks.add(task, { stream, bytes });
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      return this.#giveUp(task, error, () => this.#writer.write(task, stream, bytes));
    }
    const expected = this.#replays.get(task);
    if (expected === undefined) return undefined;
    const left = expected - decodeOutput(event).length;
    this.#replays.set(task, left);
    return left > 0 ? undefined : this.ended(task, "cached");
  }

  /** Shows a task from now on, for example because it has the keyboard. */
  release(task: string): TaskStarted | TaskCached | undefined {
    const header = this.#headers.get(task);
    this.#headers.delete(task);
    this.#direct.add(task);
    return header;
  }

  /** A task has ended: writes its block if the user wants it. */
  ended(task: string, outcome: Outcome): Promise<void> | undefined {
    if (this.#mode === "grouped" || (this.#mode === "errors" && outcome === "failed")) {
      return this.#write(task);
    }
    this.#headers.delete(task);
    this.#blocks.drop(task);
    return undefined;
  }

  /** The build has ended: writes the blocks of tasks whose end was not reported. */
  async completed(): Promise<void> {
    const tasks = new Set([...this.#headers.keys(), ...this.#blocks.tasks]);
    for (const task of tasks) await this.ended(task, "cached");
  }

  /** True if blocks are left. */
  get hasBlocks(): boolean {
    return this.#headers.size > 0 || this.#blocks.tasks.length > 0;
  }

  #write(task: string): Promise<void> | undefined {
    const header = this.#headers.get(task);
    // A task that never started, or that was shown as it came, has no block.
    if (header === undefined && !this.#blocks.has(task)) return undefined;
    this.#headers.delete(task);
    this.#writer.begin(task, header);
    const written = this.#blocks.isLarge(task) ? this.#writeLarge(task) : this.#writeAll(task);
    if (written !== undefined) return written.then(() => this.#writer.end(task));
    this.#writer.end(task);
    return undefined;
  }

  #writeAll(task: string): undefined {
    for (const { stream, bytes } of this.#blocks.take(task)) {
      this.#writer.write(task, stream, bytes);
    }
  }

  /** Writes output that is not in memory, as fast as the sink takes it. */
  async #writeLarge(task: string): Promise<void> {
    let pending = 0;
    for (const { stream, bytes } of this.#blocks.take(task)) {
      this.#writer.write(task, stream, bytes);
      pending += bytes.length;
      if (pending < MAX_PENDING) continue;
      await this.#writer.settled();
      pending = 0;
    }
  }

  /** Shows what is held of a task, and the rest as it comes. */
  async #giveUp(task: string, error: Error, writeLast: () => void): Promise<void> {
    this.#writer.unheld(task, error);
    this.#writer.begin(task, this.release(task));
    await this.#writeLarge(task);
    writeLast();
    this.#writer.end(task);
  }
}
