/**
 * Renderer for terminals: the plain renderer, with a live view below that shows the tasks in
 * progress, and a more detailed report of failures.
 *
 * The view is on the screen only while the cursor is at the beginning of a line, and while no task
 * has the keyboard, so that it does not break prompts, unfinished lines and full-screen programs.
 *
 * @module
 */

import type { Clock } from "../../system/clock.ts";
import type { Failure, SimmerEvent } from "../../wire/events.ts";
import { failureReport } from "./failure_report.ts";
import { BuildState } from "./live/build_state.ts";
import type { Row } from "./live/columns.ts";
import { ERASE_BELOW, Painter, type ScreenSize } from "./live/painter.ts";
import { ProgressMark, REMOVE_MARK } from "./live/progress_mark.ts";
import type { viewRows } from "./live/view_rows.ts";
import { type PlainOptions, PlainRenderer } from "./plain.ts";
import type { LiveView, Renderer } from "./renderer.ts";
import { TaskTails } from "./tasks/task_tails.ts";

/** Milliseconds until a build gets a view. In shorter builds it would only flicker. */
const VIEW_AFTER_MS = 200;
/** The least number of milliseconds between two layouts of the view. */
const LAYOUT_MS = 100;
/** The maximum number of failures whose last lines are repeated. */
const MAX_REPEATED = 5;

/** The parameters of a {@linkcode TerminalRenderer}. */
export interface TerminalOptions extends Omit<PlainOptions, "isOneScreen" | "failureText"> {
  readonly clock: Clock;
  /** Returns the current size of the terminal. */
  readonly size: () => ScreenSize;
  /** Returns true if the client may draw: it is in the foreground of its terminal. */
  readonly isInForeground: () => boolean;
  /** True if the terminal shows links to files. */
  readonly hasLinks: boolean;
  /** True if the terminal moves the cursor as {@linkcode Painter} describes. */
  readonly movesCursor: boolean;
  /** True if the terminal shows a progress mark. */
  readonly hasMark: boolean;
  /**
   * Receives the text that restores the screen if the client ends without this renderer, or is
   * suspended; empty: none is needed.
   */
  readonly restoreBy: (text: string) => void;
}

/** Shows a build in a terminal. */
export class TerminalRenderer implements Renderer, LiveView {
  readonly live: LiveView = this;
  readonly #options: TerminalOptions;
  readonly #painter: Painter;
  readonly #mark: ProgressMark | undefined;
  readonly #plain: PlainRenderer;
  readonly #state = new BuildState();
  readonly #tails = new TaskTails();
  #isSuspended = false;
  /** The layout of the view, when it is loaded. */
  #layOut: typeof viewRows | undefined;
  #rows: readonly Row[] = [];
  #laidOutAt = -Infinity;
  #restoration = "";

  /** @param options the stderr of the sink must be the terminal */
  constructor(options: TerminalOptions) {
    this.#options = options;
    this.#painter = new Painter(options.sink, options.movesCursor);
    this.#mark = options.hasMark ? new ProgressMark(options.sink) : undefined;
    this.#plain = new PlainRenderer({
      ...options,
      sink: this.#painter,
      isOneScreen: true,
      failureText: (failures) => this.#failureText(failures),
    });
  }

  event(event: SimmerEvent): Promise<void> | undefined {
    this.#state.take(event, this.#options.clock.monotonic());
    this.#remember(event);
    return this.#plain.event(event);
  }

  say(text: string): void {
    this.#plain.say(text);
  }

  warn(text: string): void {
    this.#plain.warn(text);
  }

  async prepare(): Promise<void> {
    this.#layOut ??= (await import("./live/view_rows.ts")).viewRows;
  }

  refresh(): void {
    const { clock, size } = this.#options;
    const { since } = this.#state;
    if (this.#isSuspended) return;
    // The screen belongs to the task that has the keyboard.
    if (since === undefined || this.#plain.isRaw) return this.#remove();
    const now = clock.monotonic();
    const isDue = now - since >= VIEW_AFTER_MS && this.#plain.isAtLineStart;
    if (this.#layOut === undefined || !isDue) return this.#painter.clear();
    if (now - this.#laidOutAt >= LAYOUT_MS || this.#rows.length === 0) {
      // The screen belongs to the shell.
      if (!this.#options.isInForeground()) return this.#forget();
      this.#laidOutAt = now;
      this.#rows = this.#layOut(this.#state, {
        now,
        size: size(),
        style: this.#options.styles.stderr,
      });
    }
    this.#restoreBy(`${ERASE_BELOW}${this.#mark === undefined ? "" : REMOVE_MARK}`);
    this.#painter.show(this.#rows, size());
    this.#mark?.show(this.#state);
  }

  resized(): void {
    this.#rows = [];
    this.refresh();
  }

  suspend(): void {
    this.#isSuspended = true;
    // The client has restored the screen.
    this.#forget();
  }

  resume(): void {
    this.#isSuspended = false;
    // The shell has written to the screen.
    this.#forget();
    this.refresh();
  }

  finish(): void {
    this.#remove();
  }

  #remove(): void {
    this.#painter.clear();
    this.#mark?.clear();
    this.#rows = [];
    this.#restoreBy("");
  }

  #forget(): void {
    this.#painter.forget();
    this.#mark?.forget();
    this.#rows = [];
  }

  #restoreBy(text: string): void {
    if (text === this.#restoration) return;
    this.#restoration = text;
    this.#options.restoreBy(text);
  }

  /** Keeps what the report of a failure needs. */
  #remember(event: SimmerEvent): void {
    switch (event.type) {
      case "BuildStarted":
        this.#tails.clear();
        break;
      case "TaskOutput":
        if (this.#options.output !== "none") this.#tails.add(event);
        break;
      // A task that draws has no last lines.
      case "KeyboardReleased":
      case "TaskSucceeded":
      case "TaskCancelled":
        this.#tails.remove(event.task);
        break;
    }
  }

  #failureText(failures: readonly Failure[]): string {
    const { styles: { stderr: style }, hasLinks } = this.#options;
    const skipped = failures.map(({ task }) => this.#state.skippedBy(task));
    // The other tasks were not started because the build has ended with the first failure.
    const others = new Set(this.#state.skipped);
    for (const name of skipped.flatMap((each) => [...each])) others.delete(name);
    for (const name of others) skipped[0]?.add(name);
    let { lastWriter } = this.#plain;
    let repeated = 0;
    return failures.map((failure, index) => {
      // The last lines are still there if nothing is below them.
      const isRepeated = lastWriter !== failure.task && repeated < MAX_REPEATED;
      const lastLines = isRepeated ? this.#tails.of(failure.task) : [];
      if (lastLines.length > 0) repeated++;
      lastWriter = undefined;
      return failureReport({ failure, lastLines, skipped: [...skipped[index] ?? []] }, {
        style,
        hasLinks,
      });
    }).join("");
  }
}
