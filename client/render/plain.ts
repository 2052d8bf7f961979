/**
 * Renderer for pipes, files and CI. Passes the output of tasks on byte for byte, line by line with
 * the task's name if several run at once, or in blocks. Simmer's own messages go to stderr.
 *
 * @module
 */

import type {
  BuildCompleted,
  Failure,
  LogLevel,
  SimmerEvent,
  TaskCached,
  TaskFailed,
  TaskOutput,
  TaskStarted,
} from "../../wire/events.ts";
import type { Sink, StreamName } from "../output.ts";
import { headerText } from "./header.ts";
import { recordText } from "./log_record.ts";
import { printable, printableLines } from "./printable.ts";
import { duration, type Renderer } from "./renderer.ts";
import type { Style } from "./style.ts";
import { failureLine, summaryLine } from "./summary.ts";
import { HeldTasks, type OutputMode } from "./tasks/held_tasks.ts";
import { TaskLines } from "./tasks/task_lines.ts";

/** Lines around the block of a task, for a CI system that folds it. */
export interface BlockMarks {
  /** Returns the first line, with its newline. */
  begin(task: string): string;
  /** Receives the output in between. */
  take(bytes: Uint8Array): void;
  /** Returns the last lines, with their newlines. */
  end(): string;
}

/** The parameters of a {@linkcode PlainRenderer}. */
export interface PlainOptions {
  readonly sink: Sink;
  /** The styles of the streams. They may differ, because only one of them may be a terminal. */
  readonly styles: Readonly<Record<StreamName, Style>>;
  /**
   * True if both streams are on one screen, where a line of one can interrupt a line of the other.
   */
  readonly isOneScreen: boolean;
  /** True if headers, summary and notices are omitted. */
  readonly quiet: boolean;
  /** True if lines of tasks that run in parallel are prefixed with their names. */
  readonly prefix: boolean;
  /** Selects the output of tasks that is shown, and when. Default: `stream`. */
  readonly output?: OutputMode;
  /** True if the time is before each line of the tasks' output. Default: `false`. */
  readonly timestamps?: boolean;
  /**
   * Marks of blocks. Blocks then go to stdout alone, because a CI system reads the two streams in
   * no certain order. Default: none.
   */
  readonly marks?: BlockMarks;
  /** Resolves when the sink has written everything; `undefined` if it has. Default: at once. */
  readonly settled?: () => Promise<void> | undefined;
  /** The minimum level of log records that are shown. */
  readonly logLevel: LogLevel;
  /** The same for the records of BitBake's own server. Default: `info`. */
  readonly bitbakeLevel?: LogLevel;
  /** Formats the report of all failures. Default: a line each. */
  readonly failureText?: (failures: readonly Failure[]) => string;
}

const NEWLINE = 0x0a;

/** Shows a build as plain text. */
export class PlainRenderer implements Renderer {
  readonly #options: PlainOptions;
  readonly #lines: TaskLines;
  readonly #held: HeldTasks;
  /** Streams whose last line is incomplete. */
  readonly #openLines = new Set<StreamName>();
  /** The task that has the keyboard. */
  #interactive: string | undefined;
  #lastWriter: string | undefined;
  /** True in a block with marks. */
  #isMarked = false;

  /** @param options the destination, and the amount of output */
  constructor(options: PlainOptions) {
    this.#options = options;
    const { output = "stream", timestamps = false, prefix, styles, settled } = options;
    this.#lines = new TaskLines({
      prefix: prefix && output === "stream",
      timestamps,
      styles,
      pass: (stream, data) => this.#pass(stream, data),
    });
    this.#held = new HeldTasks(output, {
      begin: (task, header) => this.#beginBlock(task, header),
      write: (task, stream, data) => this.#writeBlock(task, stream, data),
      end: () => this.#endBlock(),
      unheld: (task, error) => {
        this.#lines.keepWhole(task);
        this.warn(`cannot hold the output of ${task} until its end: ${error.message}`);
      },
      settled: () => settled?.(),
    });
  }

  event(event: SimmerEvent): Promise<void> | undefined {
    switch (event.type) {
      case "BuildStarted":
        this.#lines.begin();
        this.#held.begin(event.total);
        break;
      case "TaskQueued":
        this.#lines.add(event);
        break;
      case "TaskStarted":
        if (event.shared !== undefined) this.#lines.filter(event.task);
        if (this.#held.holds(event.task)) this.#held.started(event);
        else this.#header(event);
        break;
      case "TaskCached":
        this.#lines.filter(event.task);
        if (this.#held.holds(event.task)) return this.#held.cached(event);
        this.#header(event);
        break;
      case "TaskOutput":
        return this.#output(event);
      case "KeyboardTaken":
        this.#header(this.#held.release(event.task));
        this.#interactive = event.task;
        break;
      case "KeyboardReleased":
        this.#interactive = undefined;
        break;
      case "SignalTyped":
        this.#pass("stdout", event.echo);
        break;
      case "TaskReady":
        this.say(`${printable(event.task)} is ready (${duration(event.durationMs)})`);
        break;
      case "TaskSucceeded":
        return this.#ended(event.task, "succeeded");
      case "TaskFailed":
        return this.#failed(event);
      case "TaskCancelled":
        return this.#ended(event.task, "cancelled");
      case "BuildCompleted":
        return this.#completed(event);
      case "LogRecord": {
        const { logLevel, bitbakeLevel = "info" } = this.#options;
        const text = recordText(event, { logLevel, bitbakeLevel });
        if (text !== undefined) this.tell(text);
        break;
      }
      case "EventsDropped":
        this.say(`${event.count} events dropped: this terminal was too slow`);
        break;
    }
    return undefined;
  }

  say(text: string): void {
    if (!this.#options.quiet) this.warn(text);
  }

  warn(text: string): void {
    this.tell(`simmer: ${printableLines(text)}\n`);
  }

  finish(): void {}

  /** True if a task has the keyboard, and the terminal is in raw mode. */
  get isRaw(): boolean {
    return this.#interactive !== undefined;
  }

  /** True if the next output to stderr begins a line. */
  get isAtLineStart(): boolean {
    const { isOneScreen } = this.#options;
    return !this.#openLines.has("stderr") && !(isOneScreen && this.#openLines.has("stdout"));
  }

  /** The task whose output is the last one that was written; `undefined` after other text. */
  get lastWriter(): string | undefined {
    return this.#lastWriter;
  }

  /** Writes text to stderr, on lines of its own. */
  tell(text: string): void {
    this.#lastWriter = undefined;
    const lines = this.isAtLineStart ? text : `\n${text}`;
    // A terminal in raw mode does not begin a line at its start.
    this.#pass("stderr", this.isRaw ? lines.replaceAll("\n", "\r\n") : lines);
  }

  /** Writes the output of tasks unchanged. */
  #pass(stream: StreamName, data: string | Uint8Array): void {
    if (data.length === 0) return;
    this.#options.sink.write(stream, data);
    const isWhole = typeof data === "string" ? data.endsWith("\n") : data.at(-1) === NEWLINE;
    if (isWhole && this.#options.isOneScreen) this.#openLines.clear();
    if (isWhole) this.#openLines.delete(stream);
    else this.#openLines.add(stream);
  }

  #header(event: TaskStarted | TaskCached | undefined): void {
    const { quiet, styles } = this.#options;
    if (event !== undefined && !quiet) this.tell(headerText(event, styles.stderr));
  }

  #output(event: TaskOutput & { readonly time: number }): Promise<void> | undefined {
    const { task, stream } = event;
    const data = this.#lines.prepared(event, this.#interactive === task);
    if (this.#held.holds(task)) return this.#held.output(event, data);
    this.#lastWriter = task;
    this.#lines.write(task, stream, data);
    return undefined;
  }

  #ended(task: string, outcome: "succeeded" | "cancelled" | "failed"): Promise<void> | undefined {
    this.#lines.flush(task);
    return this.#held.ended(task, outcome);
  }

  #failed(event: TaskFailed): Promise<void> | undefined {
    const written = this.#ended(event.task, "failed");
    const { lastLines } = event;
    if (lastLines === undefined) return written;
    if (written === undefined) return void this.#serviceFailed(event, lastLines);
    return written.then(() => this.#serviceFailed(event, lastLines));
  }

  #completed(event: BuildCompleted): Promise<void> | undefined {
    this.#lines.flushAll();
    if (!this.#held.hasBlocks) return void this.#summary(event);
    return this.#held.completed().then(() => this.#summary(event));
  }

  #summary(event: BuildCompleted): void {
    if (event.failures.length > 0) this.tell(this.#failureText(event.failures));
    if (!this.#options.quiet) this.tell(summaryLine(event, this.#options.styles.stderr));
  }

  #beginBlock(task: string, header: TaskStarted | TaskCached | undefined): void {
    const { marks, quiet, styles } = this.#options;
    this.#closeLines();
    if (marks === undefined) return this.#header(header);
    // A cache hit without output has nothing to fold.
    this.#isMarked = header?.type !== "TaskCached" || header.replayedBytes !== undefined;
    if (this.#isMarked) this.#pass("stdout", marks.begin(task));
    if (!quiet && header !== undefined) this.#pass("stdout", headerText(header, styles.stdout));
  }

  #writeBlock(task: string, stream: StreamName, data: Uint8Array): void {
    const { marks } = this.#options;
    this.#lastWriter = task;
    if (this.#lines.keepsWhole(task)) return this.#lines.write(task, stream, data);
    marks?.take(data);
    this.#pass(marks === undefined ? stream : "stdout", data);
  }

  #endBlock(): void {
    this.#closeLines();
    const { marks } = this.#options;
    if (marks !== undefined && this.#isMarked) this.#pass("stdout", marks.end());
    this.#isMarked = false;
  }

  /** Ends incomplete lines, because another task's line follows. */
  #closeLines(): void {
    for (const stream of [...this.#openLines]) {
      if (this.#openLines.has(stream)) this.#pass(stream, "\n");
    }
  }

  /** Reports the failure of a service at once: the run may go on, and its output may be far above. */
  #serviceFailed({ task, exitCode, reason }: TaskFailed, lastLines: readonly string[]): void {
    const why = reason === undefined ? "" : ` (${reason})`;
    this.warn(`${printable(task)} failed with exit code ${exitCode}${why}; its last lines:`);
    for (const line of lastLines) this.tell(`  ${printable(line)}\n`);
  }

  #failureText(failures: readonly Failure[]): string {
    const { failureText, styles } = this.#options;
    if (failureText !== undefined) return failureText(failures);
    return failures.map((failure) => failureLine(failure, styles.stderr)).join("");
  }
}
