/**
 * Renderer for pipes, files and CI. Passes the output of tasks on byte for byte, or line by line
 * with the task's name if several run at once. Simmer's own messages go to stderr.
 *
 * @module
 */

import { concat } from "@std/bytes/concat";
import {
  type Failure,
  LOG_LEVELS,
  type LogLevel,
  type LogRecord,
  type SimmerEvent,
  type TaskCached,
  type TaskFailed,
  type TaskOutput,
  type TaskStarted,
} from "../../wire/events.ts";
import { decodeOutput } from "../../wire/output.ts";
import type { Sink, StreamName } from "../output.ts";
import { EscapeFilter } from "./escape_filter.ts";
import { Labels } from "./labels.ts";
import { printable, printableLines } from "./printable.ts";
import { duration, type Renderer } from "./renderer.ts";
import type { Style } from "./style.ts";
import { failureLine, summaryLine } from "./summary.ts";

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
  /** The minimum level of log records that are shown. */
  readonly logLevel: LogLevel;
  /** The same for the records of BitBake's own server. Default: `info`. */
  readonly bitbakeLevel?: LogLevel;
  /** Formats the report of all failures. Default: a line each. */
  readonly failureText?: (failures: readonly Failure[]) => string;
}

const NEWLINE = 0x0a;
const encoder = new TextEncoder();

/** Shows a build as plain text. */
export class PlainRenderer implements Renderer {
  readonly #options: PlainOptions;
  #labels = new Labels();
  /** Incomplete lines, by stream and task. */
  readonly #partial = new Map<string, Uint8Array>();
  /** Streams whose last line is incomplete. */
  readonly #openLines = new Set<StreamName>();
  /**
   * Filters by stream and task, for output that was written for another client, perhaps to a
   * terminal.
   */
  readonly #filters = new Map<string, EscapeFilter>();
  #isRaw = false;

  /** @param options the destination, and the amount of output */
  constructor(options: PlainOptions) {
    this.#options = options;
  }

  event(event: SimmerEvent): Promise<void> | undefined {
    switch (event.type) {
      case "BuildStarted":
        this.#labels = new Labels();
        this.#filters.clear();
        break;
      case "TaskQueued":
        if (this.#options.prefix) this.#labels.add(event);
        break;
      case "TaskStarted":
        if (event.shared !== undefined) this.#filter(event.task);
        this.#header(event, "");
        break;
      case "TaskCached":
        this.#filter(event.task);
        this.#header(event, " (cached, inputs unchanged)");
        break;
      case "TaskOutput":
        this.#output(event);
        break;
      case "KeyboardTaken":
      case "KeyboardReleased":
        this.#isRaw = event.type === "KeyboardTaken";
        break;
      case "SignalTyped":
        this.#pass("stdout", event.echo);
        break;
      case "TaskReady":
        this.say(`${printable(event.task)} is ready (${duration(event.durationMs)})`);
        break;
      case "TaskSucceeded":
      case "TaskFailed":
      case "TaskCancelled":
        this.#flush(event.task, "stdout");
        this.#flush(event.task, "stderr");
        if (event.type === "TaskFailed" && event.lastLines !== undefined) {
          this.#serviceFailed(event, event.lastLines);
        }
        break;
      case "BuildCompleted":
        this.#flushAll();
        if (event.failures.length > 0) this.#tell(this.#failureText(event.failures));
        if (!this.#options.quiet) this.#tell(summaryLine(event, this.#styles.stderr));
        break;
      case "LogRecord":
        this.#record(event);
        break;
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
    this.#tell(`simmer: ${printableLines(text)}\n`);
  }

  finish(): void {}

  /** True if a task has the keyboard, and the terminal is in raw mode. */
  get isRaw(): boolean {
    return this.#isRaw;
  }

  /** True if the next output to stderr begins a line. */
  get isAtLineStart(): boolean {
    const { isOneScreen } = this.#options;
    return !this.#openLines.has("stderr") && !(isOneScreen && this.#openLines.has("stdout"));
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

  /** Writes a message of simmer's on lines of its own. */
  #tell(text: string): void {
    const lines = this.isAtLineStart ? text : `\n${text}`;
    // A terminal in raw mode does not begin a line at its start.
    this.#pass("stderr", this.#isRaw ? lines.replaceAll("\n", "\r\n") : lines);
  }

  get #styles(): PlainOptions["styles"] {
    return this.#options.styles;
  }

  #header({ task, command }: TaskStarted | TaskCached, note: string): void {
    if (this.#options.quiet) return;
    const { green, cyan, gray } = this.#styles.stderr;
    const what = command === undefined ? gray("(no command)") : printable(command);
    this.#tell(`${green("Task")} ${cyan(printable(task))} ${what}${note}\n`);
  }

  /** Reports the failure of a service at once: the run may go on, and its output may be far above. */
  #serviceFailed({ task, exitCode, reason }: TaskFailed, lastLines: readonly string[]): void {
    const why = reason === undefined ? "" : ` (${reason})`;
    this.warn(`${printable(task)} failed with exit code ${exitCode}${why}; its last lines:`);
    for (const line of lastLines) this.#tell(`  ${printable(line)}\n`);
  }

  #failureText(failures: readonly Failure[]): string {
    const { failureText } = this.#options;
    if (failureText !== undefined) return failureText(failures);
    return failures.map((failure) => failureLine(failure, this.#styles.stderr)).join("");
  }

  /** Removes control sequences from a task's output where the user wants no colours. */
  #filter(task: string): void {
    for (const stream of ["stdout", "stderr"] as const) {
      if (this.#styles[stream].isPlain) this.#filters.set(`${stream} ${task}`, new EscapeFilter());
    }
  }

  #output(event: TaskOutput): void {
    const { task, stream } = event;
    const label = this.#labels.of(task, this.#styles[stream]);
    const filter = this.#filters.get(`${stream} ${task}`);
    if (label === "" && filter === undefined) {
      this.#pass(stream, event.text ?? decodeOutput(event));
      return;
    }
    const written = decodeOutput(event);
    const piece = filter === undefined ? written : filter.filter(written);
    if (label === "") return this.#pass(stream, piece);
    const held = this.#partial.get(`${stream} ${task}`);
    const bytes = concat(held === undefined ? [piece] : [held, piece]);
    const end = bytes.lastIndexOf(NEWLINE) + 1;
    if (end > 0) this.#pass(stream, withPrefix(bytes.subarray(0, end), label));
    if (end === bytes.length) this.#partial.delete(`${stream} ${task}`);
    else this.#partial.set(`${stream} ${task}`, bytes.slice(end));
  }

  /** Flushes all incomplete lines, because replayed output has no end event of its task. */
  #flushAll(): void {
    for (const key of [...this.#partial.keys()]) {
      const [stream, ...task] = key.split(" ");
      this.#flush(task.join(" "), stream === "stdout" ? "stdout" : "stderr");
    }
  }

  /** Flushes an incomplete last line. Adds a newline, since another task's line may follow. */
  #flush(task: string, stream: StreamName): void {
    const rest = this.#partial.get(`${stream} ${task}`);
    if (rest === undefined) return;
    this.#partial.delete(`${stream} ${task}`);
    const label = this.#labels.of(task, this.#styles[stream]);
    this.#pass(stream, withPrefix(concat([rest, encoder.encode("\n")]), label));
  }

  #record({ level, message, label, task }: LogRecord): void {
    const { logLevel, bitbakeLevel = "info" } = this.#options;
    const least = label === undefined ? logLevel : bitbakeLevel;
    if (LOG_LEVELS.indexOf(level) < LOG_LEVELS.indexOf(least)) return;
    if (label !== undefined) return this.#tell(bitbakeLine(label, message, task));
    const word = { debug: "debug: ", info: "", warn: "warning: ", error: "error: " }[level];
    this.#tell(`simmer: ${word}${printableLines(message)}\n`);
  }
}

/** Formats a record of BitBake's own server as its own client does. */
function bitbakeLine(label: string, message: string, task: string | undefined): string {
  if (label === "PLAIN") return `${message}\n`;
  return `${label}: ${task === undefined ? "" : `${task}: `}${message}\n`;
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
