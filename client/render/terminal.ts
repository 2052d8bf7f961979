/**
 * Renderer for terminals: the plain renderer, with a live footer below that shows the running
 * tasks.
 *
 * The footer is on the screen only while nothing is being written and the cursor is at the
 * beginning of a line, so that it does not break prompts and unfinished lines of tasks.
 *
 * @module
 */

import type { Clock } from "../../system/clock.ts";
import type { SimmerEvent } from "../../wire/events.ts";
import type { Sink, StreamName } from "../output.ts";
import { type PlainOptions, PlainRenderer } from "./plain.ts";
import { type Renderer, wholeSeconds } from "./renderer.ts";

/** Milliseconds until a build gets a footer. In shorter builds it would only flicker. */
export const FOOTER_AFTER_MS = 200;
/** The maximum number of running tasks in the footer. */
const MAX_TASKS = 6;

/** The parameters of a {@linkcode TerminalRenderer}. */
export interface TerminalOptions extends Omit<PlainOptions, "isOneScreen"> {
  readonly clock: Clock;
  /** Returns the current number of characters in a line. */
  readonly columns: () => number;
}

/** Removes the footer before each write. */
class Screen implements Sink {
  readonly #sink: Sink;
  #lines = 0;

  constructor(sink: Sink) {
    this.#sink = sink;
  }

  write(stream: StreamName, data: string | Uint8Array): void {
    this.clear();
    this.#sink.write(stream, data);
  }

  /** Removes the footer. */
  clear(): void {
    if (this.#lines === 0) return;
    const up = this.#lines > 1 ? `\x1b[${this.#lines - 1}A` : "";
    this.#sink.write("stderr", `\r${up}\x1b[J`);
    this.#lines = 0;
  }

  /** Shows a footer, and replaces the present one. */
  show(lines: readonly string[]): void {
    this.clear();
    this.#sink.write("stderr", lines.join("\n"));
    this.#lines = lines.length;
  }
}

/** Shows a build in a terminal. */
export class TerminalRenderer implements Renderer {
  readonly isLive: boolean = true;
  readonly #options: TerminalOptions;
  readonly #screen: Screen;
  readonly #plain: PlainRenderer;
  /** Running tasks by id, with their start times. */
  readonly #running = new Map<string, { readonly name: string; readonly since: number }>();
  #total = 0;
  #done = 0;
  #cached = 0;
  #failed = 0;
  /** Start time of the build; `undefined` if none is running. */
  #since: number | undefined;

  /** @param options the stderr of the sink must be the terminal */
  constructor(options: TerminalOptions) {
    this.#options = options;
    this.#screen = new Screen(options.sink);
    this.#plain = new PlainRenderer({ ...options, sink: this.#screen, isOneScreen: true });
  }

  event(event: SimmerEvent): void {
    this.#count(event);
    this.#plain.event(event);
  }

  say(text: string): void {
    this.#plain.say(text);
  }

  warn(text: string): void {
    this.#plain.warn(text);
  }

  refresh(): void {
    const { clock } = this.#options;
    // The screen belongs to the task that has the keyboard.
    if (this.#since === undefined || this.#plain.isRaw) return this.#screen.clear();
    const isDue = clock.monotonic() - this.#since >= FOOTER_AFTER_MS;
    if (isDue && this.#plain.isAtLineStart) this.#screen.show(this.#footer());
  }

  finish(): void {
    this.#since = undefined;
    this.#screen.clear();
  }

  #count(event: SimmerEvent): void {
    const { clock } = this.#options;
    switch (event.type) {
      case "BuildStarted":
        this.#running.clear();
        this.#done = this.#cached = this.#failed = 0;
        this.#total = event.total;
        this.#since = clock.monotonic();
        break;
      case "TaskStarted":
        this.#running.set(event.task, { name: event.name, since: clock.monotonic() });
        break;
      case "TaskCached":
        this.#cached++;
        this.#done++;
        break;
      case "TaskFailed":
        this.#failed++;
        this.#end(event.task);
        break;
      case "TaskSucceeded":
      case "TaskCancelled":
        this.#end(event.task);
        break;
      case "BuildCompleted":
        this.#since = undefined;
        break;
    }
  }

  #end(task: string): void {
    this.#running.delete(task);
    this.#done++;
  }

  #footer(): string[] {
    const { clock, columns, styles: { stderr: style } } = this.#options;
    const now = clock.monotonic();
    const width = Math.max(1, columns() - 1);
    const counts = [
      `${this.#done}/${this.#total} done`,
      ...(this.#cached > 0 ? [`${this.#cached} cached`] : []),
      ...(this.#failed > 0 ? [`${this.#failed} failed`] : []),
      wholeSeconds(now - (this.#since ?? now)),
    ];
    const tasks = [...this.#running.values()];
    const lines = tasks.slice(0, MAX_TASKS)
      .map(({ name, since }) => `  ${name} ${wholeSeconds(now - since)}`);
    const more = tasks.length - MAX_TASKS;
    return [
      ...lines,
      ...(more > 0 ? [`  and ${more} more`] : []),
      `simmer: ${counts.join(", ")}`,
    ].map((line) => style.gray(fitting(line, width)));
  }
}

/** Truncates a line to a width. Assumes that each character is one column wide. */
function fitting(line: string, width: number): string {
  const characters = [...line.replaceAll(/\p{Cc}/gu, "?")];
  return characters.length <= width
    ? characters.join("")
    : `${characters.slice(0, width - 1).join("")}…`;
}
