/**
 * Output of tasks, line by line with the tasks' names, or unchanged.
 *
 * @module
 */

import { concat } from "@std/bytes/concat";
import type { TaskOutput, TaskQueued } from "../../../wire/events.ts";
import { decodeOutput } from "../../../wire/output.ts";
import type { StreamName } from "../../output.ts";
import type { Style } from "../style.ts";
import { EscapeFilter } from "./escape_filter.ts";
import { Labels } from "./labels.ts";
import { Timestamps } from "./timestamps.ts";

const NEWLINE = 0x0a;
const encoder = new TextEncoder();

/** Parameters of {@linkcode TaskLines}. */
interface TaskLinesOptions {
  /** True if lines of tasks that run in parallel are prefixed with their names. */
  readonly prefix: boolean;
  /** True if each line begins with its time. */
  readonly timestamps: boolean;
  readonly styles: Readonly<Record<StreamName, Style>>;
  /** Writes output. */
  readonly pass: (stream: StreamName, data: string | Uint8Array) => void;
}

/** Writes the output of a build's tasks. */
export class TaskLines {
  readonly #options: TaskLinesOptions;
  readonly #timestamps: Timestamps | undefined;
  #labels = new Labels();
  /** Incomplete lines, by stream and task. */
  readonly #partial = new Map<string, Uint8Array>();
  /**
   * Filters by stream and task, for output that was written for another client, perhaps to a
   * terminal.
   */
  readonly #filters = new Map<string, EscapeFilter>();
  /** Tasks whose incomplete lines are held back although they have no prefix. */
  readonly #whole = new Set<string>();

  constructor(options: TaskLinesOptions) {
    this.#options = options;
    this.#timestamps = options.timestamps ? new Timestamps() : undefined;
  }

  /** Begins a build. */
  begin(): void {
    this.#labels = new Labels();
    this.#filters.clear();
    this.#whole.clear();
    this.#timestamps?.clear();
  }

  /** Adds a task of the build. */
  add(task: TaskQueued): void {
    if (this.#options.prefix) this.#labels.add(task);
  }

  /** Removes control sequences from a task's output where the user wants no colours. */
  filter(task: string): void {
    for (const stream of ["stdout", "stderr"] as const) {
      if (!this.#options.styles[stream].isPlain) continue;
      this.#filters.set(`${stream} ${task}`, new EscapeFilter());
    }
  }

  /**
   * Returns a piece of output without what the user does not want, and with its times.
   *
   * @param isRaw true if the task draws on a terminal, so that its output is not changed
   */
  prepared(event: TaskOutput & { readonly time: number }, isRaw = false): string | Uint8Array {
    const { task, stream, time } = event;
    const filter = this.#filters.get(`${stream} ${task}`);
    const timestamps = isRaw ? undefined : this.#timestamps;
    if (filter === undefined && timestamps === undefined) return event.text ?? decodeOutput(event);
    const written = decodeOutput(event);
    const kept = filter === undefined ? written : filter.filter(written);
    return timestamps === undefined ? kept : timestamps.stamp(task, stream, kept, time);
  }

  /** Holds incomplete lines of a task back from now on, because other tasks write in between. */
  keepWhole(task: string): void {
    this.#whole.add(task);
  }

  /** Returns true if incomplete lines of a task are held back by `keepWhole`. */
  keepsWhole(task: string): boolean {
    return this.#whole.has(task);
  }

  /** Writes a piece of output. Holds an incomplete line back if it is prefixed. */
  write(task: string, stream: StreamName, data: string | Uint8Array): void {
    const { pass } = this.#options;
    const label = this.#labelOf(task, stream);
    if (label === "" && !this.#whole.has(task)) return pass(stream, data);
    const piece = bytesOf(data);
    const held = this.#partial.get(`${stream} ${task}`);
    const bytes = held === undefined ? piece : concat([held, piece]);
    const end = bytes.lastIndexOf(NEWLINE) + 1;
    if (end > 0) pass(stream, withPrefix(bytes.subarray(0, end), label));
    if (end === bytes.length) this.#partial.delete(`${stream} ${task}`);
    else this.#partial.set(`${stream} ${task}`, bytes.slice(end));
  }

  /** Writes a task's incomplete last lines. */
  flush(task: string): void {
    this.#flush(task, "stdout");
    this.#flush(task, "stderr");
  }

  /** Writes all incomplete lines, because replayed output has no end event of its task. */
  flushAll(): void {
    for (const key of [...this.#partial.keys()]) {
      const [stream, ...task] = key.split(" ");
      this.#flush(task.join(" "), stream === "stdout" ? "stdout" : "stderr");
    }
  }

  /** Adds a newline, since another task's line may follow. */
  #flush(task: string, stream: StreamName): void {
    const rest = this.#partial.get(`${stream} ${task}`);
    if (rest === undefined) return;
    this.#partial.delete(`${stream} ${task}`);
    const line = concat([rest, encoder.encode("\n")]);
    this.#options.pass(stream, withPrefix(line, this.#labelOf(task, stream)));
  }

  #labelOf(task: string, stream: StreamName): string {
    return this.#labels.of(task, this.#options.styles[stream]);
  }
}

/** Returns output as bytes. */
export function bytesOf(data: string | Uint8Array): Uint8Array {
  return typeof data === "string" ? encoder.encode(data) : data;
}

/** Prefixes each of several complete lines with the same text. */
function withPrefix(lines: Uint8Array, prefix: string): Uint8Array {
  const before = encoder.encode(prefix);
  const pieces: Uint8Array[] = [];
  for (let start = 0; start < lines.length;) {
    const end = lines.indexOf(NEWLINE, start) + 1;
    pieces.push(before, lines.subarray(start, end));
    start = end;
  }
  return concat(pieces);
}
