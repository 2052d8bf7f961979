/**
 * The log file of a task.
 *
 * A task that succeeds within a second with little output has no log file: creating a file costs more than
 * such a task does, and its output is in the build's journal. The log file of a failed, cancelled, long or
 * talkative task is on disk before its path is reported.
 *
 * @module
 */

import type { Clock } from "../../system/clock.ts";
import { BestEffortFile } from "../../system/files/best_effort_file.ts";

/** Largest output that is held in memory, in bytes. */
const MAX_HELD = 64 * 1024;
/** Time from the first output until the log is written in any case, in milliseconds. */
const MAX_HELD_MS = 1000;

interface TaskLogOptions {
  /** Path of the log file, absolute. */
  readonly path: string;
  readonly clock: Clock;
  /** Receives the error of the system if the log cannot be written, at most once. */
  readonly failed: (error: Error) => void;
  /** Creates the folder; returns `false` if no log may be written. */
  readonly prepare: () => boolean;
}

/** Holds a task's output until it is known if a log file is needed. */
export class TaskLog {
  readonly #file: BestEffortFile;
  readonly #clock: Clock;
  readonly #ended = new AbortController();
  #held: Uint8Array[] | undefined = [];
  #size = 0;

  constructor({ path, clock, failed, prepare }: TaskLogOptions) {
    this.#file = new BestEffortFile(path, failed, prepare);
    this.#clock = clock;
  }

  /** The log is on disk. */
  get isWritten(): boolean {
    return this.#held === undefined && this.#file.open();
  }

  /** Adds output; the bytes are copied. */
  add(bytes: Uint8Array): void {
    if (this.#size === 0) this.#limitTime();
    this.#size += bytes.length;
    if (this.#held === undefined) return this.#file.add(bytes);
    this.#held.push(bytes.slice());
    if (this.#size > MAX_HELD) this.write();
  }

  /**
   * Writes the log, and all further output at once. The file is created even if there is no output.
   *
   * @returns `false` if it could not be written
   */
  write(): boolean {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const piece of held) this.#file.add(piece);
    this.#file.flush();
    return this.#file.open();
  }

  /** Ends the log. Output that is still held in memory is dropped. */
  close(): void {
    this.#ended.abort("ended");
    this.#held = undefined;
    this.#file.close();
  }

  /** Makes the output of a long task readable while the task runs. */
  #limitTime(): void {
    const { signal } = this.#ended;
    void this.#clock.sleep(MAX_HELD_MS, signal).then(() => {
      if (!signal.aborted && this.#held !== undefined) this.write();
    });
  }
}
