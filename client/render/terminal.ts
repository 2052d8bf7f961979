/**
 * The renderer for terminals: the plain one, and below it a live footer that says what runs.
 *
 * The footer is on the screen only while nothing is being written and the cursor stands at the
 * beginning of a line, so that prompts and unfinished lines of tasks stay whole.
 *
 * @module
 */

import type { Clock } from "../../system/clock.ts";
import type { SimmerEvent } from "../../wire/events.ts";
import type { Sink, StreamName } from "../output.ts";
import { type PlainOptions, PlainRenderer } from "./plain.ts";
import { type Renderer, wholeSeconds } from "./renderer.ts";

/** Milliseconds that a build takes until it gets a footer: shorter ones would only flicker. */
export const FOOTER_AFTER_MS = 200;
/** Running tasks that the footer names at the most. */
const MAX_TASKS = 6;

/** How a build is shown in a terminal. */
export interface TerminalOptions extends Omit<PlainOptions, "isOneScreen"> {
  readonly clock: Clock;
  /** Characters in a line, as of now. */
  readonly columns: () => number;
}

/** Keeps the footer out of the way of all that is written. */
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

  /** Takes the footer away. */
  clear(): void {
    if (this.#lines === 0) return;
    const up = this.#lines > 1 ? `\x1b[${this.#lines - 1}A` : "";
    this.#sink.write("stderr", `\r${up}\x1b[J`);
    this.#lines = 0;
  }

  /** Shows a footer in place of the one that is there. */
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
  /** Running tasks by id, with the time at which they began. */
  readonly #running = new Map<string, { readonly name: string; readonly since: number }>();
  #total = 0;
  #done = 0;
  #cached = 0;
  #failed = 0;
  /** When the build began; `undefined` while there is none. */
  #since: number | undefined;

  /** @param options its sink's stderr must be the terminal */
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
    if (this.#since === undefined) return this.#screen.clear();
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

/** A line's part that fits; each character is taken to be one column wide. */
function fitting(line: string, width: number): string {
  const characters = [...line.replaceAll(/\p{Cc}/gu, "?")];
  return characters.length <= width
    ? characters.join("")
    : `${characters.slice(0, width - 1).join("")}…`;
}
