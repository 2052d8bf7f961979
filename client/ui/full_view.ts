/**
 * The full view of `simmer ui`: builds and tasks at the left, the output of one task at the right.
 * It connects its parts: the observer, the shown task, the keys, and the screen.
 *
 * @module
 */

import type { SimmerEvent } from "../../wire/events.ts";
import { WireError } from "../../wire/errors.ts";
import { isInForeground } from "../../system/process/foreign_descriptors.ts";
import { signalExitCode } from "../../system/process/signals.ts";
import type { ServerPlace } from "../connect/find_server.ts";
import { ClientError, EXIT, reportOf } from "../errors.ts";
import type { Invocation } from "../invocation.ts";
import { brokenExit } from "../output.ts";
import { printable } from "../render/printable.ts";
import { Controls } from "./controls.ts";
import { footerOf } from "./footer.ts";
import { KeyHandler } from "./key_handler.ts";
import { type Layout, layoutOf, type Size } from "./layout.ts";
import { Observer } from "./observer.ts";
import type { Frame } from "./painter.ts";
import { COLORFUL, type Palette, PLAIN } from "./palette.ts";
import { frameOf } from "./screen_rows.ts";
import { ShownTask } from "./shown_task.ts";
import { TaskActions } from "./task_actions.ts";
import { TaskChoice } from "./task_choice.ts";
import { listOffset, listWidth } from "./task_list.ts";
import { TerminalScreen } from "./terminal_screen.ts";

/** Milliseconds between two updates of running times. */
const TICK_MS = 1000;
/** Rows of a terminal of unknown size. */
const UNKNOWN_ROWS = 24;

/** Signals that end the view. */
const ENDING = ["SIGINT", "SIGQUIT", "SIGTERM", "SIGHUP"] as const;

/** Options of the full view. */
interface FullViewOptions {
  readonly invocation: Invocation;
  readonly place: ServerPlace;
  /** True if nothing has colours. */
  readonly isPlain: boolean;
  /** True if clicks and the wheel are input from the beginning. */
  readonly hasMouse: boolean;
}

/**
 * Shows the full view until the person leaves.
 *
 * @returns the exit code
 * @throws {ClientError} if no server runs
 */
export async function showFullView(options: FullViewOptions): Promise<number> {
  return await new FullView(options).run();
}

class FullView {
  readonly #options: FullViewOptions;
  readonly #palette: Palette;
  readonly #left = new AbortController();
  readonly #end = Promise.withResolvers<number>();
  readonly #observer: Observer;
  readonly #controls: Controls;
  readonly #choice: TaskChoice;
  readonly #actions: TaskActions;
  readonly #keys: KeyHandler;
  readonly #screen: TerminalScreen;
  /** Work that must have ended before the view does. */
  readonly #work = new Set<Promise<void>>();
  #layout: Layout;
  #isZoomed = false;
  #shown: ShownTask | undefined;
  #listOffset = 0;

  constructor(options: FullViewOptions) {
    const { invocation, place } = options;
    this.#options = options;
    this.#palette = options.isPlain ? PLAIN : COLORFUL;
    this.#layout = layoutOf(this.#size(), 0, false);
    this.#end.promise.catch(() => {});
    const say = (text: string): void => this.#keys.say(printable(text));
    this.#screen = new TerminalScreen({
      invocation,
      frame: () => this.#frame(),
      typed: (keys) => this.#keys.typed(keys),
      failed: (error) => this.#end.reject(error),
    });
    this.#observer = new Observer(invocation, place, {
      changed: () => this.#changed(),
      event: (event) => this.#event(event),
      lost: () => this.#shown === undefined ? undefined : this.#own(this.#shown.load()),
      say,
    }, this.#left.signal);
    const { builds } = this.#observer;
    const version = (): string | undefined => this.#observer.version;
    this.#controls = new Controls({ invocation, place, version, say });
    this.#choice = new TaskChoice(builds);
    this.#actions = new TaskActions({
      controls: this.#controls,
      builds,
      clock: invocation.clock,
      left: this.#left.signal,
      size: () => ({ columns: this.#layout.output.width, rows: this.#layout.output.height }),
      act: (action) => this.#act(action),
      begun: (build, { name }) => this.#choice.expect(build, name),
      ask: (question, yes) => this.#keys.ask(question, yes),
      say,
    });
    this.#keys = new KeyHandler({
      clock: invocation.clock,
      choice: this.#choice,
      actions: this.#actions,
      output: () => this.#shown?.view,
      layout: () => this.#layout,
      listOffset: () => this.#listOffset,
      own: (work) => this.#own(work),
      copy: (text) => this.#screen.copy(text),
      type: (build, keys) => this.#type(build, keys),
      typingEnded: () => {
        this.#screen.setModes();
        this.#own(this.#controls.stopTyping());
      },
      perform: (action) => this.#perform(action),
      changed: () => this.#screen.schedule(),
    });
  }

  async run(): Promise<number> {
    const { invocation: { output, terminal }, hasMouse } = this.#options;
    this.#screen.mouse = hasMouse;
    using _signals = this.#listen();
    output.broken.then((error) => {
      this.#end.resolve(terminal.isHungUp() ? EXIT.hangup : brokenExit(error));
    });
    const observing = this.#observer.run();
    observing.catch((error: unknown) => this.#end.reject(error));
    this.#own(this.#tick());
    try {
      return await this.#end.promise;
    } finally {
      this.#left.abort("left");
      this.#keys.end();
      this.#screen.leave();
      await this.#controls.stopTyping();
      await Promise.allSettled([observing, ...this.#work]);
      await this.#screen.settled();
      this.#shown?.[Symbol.dispose]();
      await output.settled;
    }
  }

  #listen(): Disposable {
    const { onSignal } = this.#options.invocation;
    const stack = new DisposableStack();
    for (const signal of ENDING) {
      stack.use(onSignal(signal, () => this.#end.resolve(signalExitCode(signal))));
    }
    stack.use(onSignal("SIGWINCH", () => this.#screen.repaint()));
    stack.use(onSignal("SIGTSTP", () => this.#own(this.#screen.suspend())));
    stack.use(onSignal("SIGCONT", () => {
      const { pid } = this.#options.invocation;
      // 'bg' continues the process, too.
      if (this.#observer.isReady && isInForeground(pid)) this.#screen.resume();
    }));
    return stack;
  }

  #size(): Size {
    const { terminal } = this.#options.invocation;
    return { columns: terminal.columns(), rows: terminal.rows() || UNKNOWN_ROWS };
  }

  /** Owns work: its failure ends the view. */
  #own(work: Promise<void>): void {
    const owned = work.catch((error: unknown) => this.#end.reject(error))
      .finally(() => this.#work.delete(owned));
    this.#work.add(owned);
  }

  /** Performs an action on the server. A refusal is shown. */
  #act(action: () => Promise<void>): void {
    this.#own(
      action().catch((error: unknown) => {
        if (!(error instanceof ClientError) && !(error instanceof WireError)) throw error;
        this.#keys.stopTyping("");
        this.#keys.say(printable(reportOf(error)?.lines.join(" ") ?? error.message));
      }),
    );
  }

  async #tick(): Promise<void> {
    const { clock } = this.#options.invocation;
    while (!this.#left.signal.aborted) {
      await clock.sleep(TICK_MS, this.#left.signal);
      if (this.#observer.builds.all.some(({ outcome }) => outcome === undefined)) {
        this.#screen.schedule();
      }
    }
  }

  #changed(): void {
    if (this.#left.signal.aborted) return;
    this.#screen.enter();
    this.#screen.schedule();
  }

  #event(event: SimmerEvent): Promise<void> | undefined {
    const { mode } = this.#keys;
    switch (event.type) {
      case "TaskOutput":
        return this.#shown?.take(event);
      case "BuildCompleted":
        this.#actions.ended(event.build);
        break;
      case "KeyboardReleased":
        if (mode.kind === "type" && mode.build === event.build) {
          this.#keys.stopTyping(`${mode.title} reads no keys any more`);
        }
        break;
      case "SignalTyped":
        // No other client would react: the task has had the signal once, and goes on.
        if (event.isRepeated && this.#actions.owns(event.build)) {
          this.#act(async () => void await this.#controls.cancel(event.build));
        }
        break;
      case "LogRecord":
        if (event.level === "warn" || event.level === "error") {
          this.#keys.say(printable(event.message));
        }
        break;
    }
    return undefined;
  }

  #perform(action: "zoom" | "mouse" | "repaint" | "suspend" | "quit"): void {
    switch (action) {
      case "zoom":
        this.#isZoomed = !this.#isZoomed;
        return;
      case "mouse":
        this.#screen.mouse = !this.#screen.mouse;
        return this.#keys.say(
          this.#screen.mouse
            ? "The mouse scrolls and chooses tasks; m leaves it to the terminal again"
            : "The mouse is the terminal's again",
        );
      case "repaint":
        return this.#screen.repaint();
      case "suspend":
        return this.#own(this.#screen.suspend());
      case "quit":
        return this.#end.resolve(EXIT.ok);
    }
  }

  #type(build: string, keys: Uint8Array): void {
    this.#act(async () => {
      const isRead = await this.#controls.type(build, keys);
      if (!isRead) this.#keys.stopTyping("The task reads no keys any more");
    });
  }

  /** Makes the terminal of the chosen task. */
  #showChosen(): void {
    this.#choice.update();
    const { chosen } = this.#choice;
    const { width: columns, height: rows } = this.#layout.output;
    const place = { columns, rows };
    const shown = this.#shown;
    if (shown?.build === chosen?.build.id && shown?.task === chosen?.task.id) {
      if (chosen !== undefined) shown?.update(chosen.build, chosen.task, place);
      return;
    }
    shown?.[Symbol.dispose]();
    this.#shown = undefined;
    this.#keys.outputChanged(chosen?.task.id);
    if (chosen === undefined) return;
    this.#shown = new ShownTask({
      ...chosen,
      place,
      isPlain: this.#options.isPlain,
      openJournal: (build) => this.#observer.openJournal(build),
      changed: () => this.#screen.schedule(),
      answer: (text) => this.#answer(chosen.build.id, text),
      say: (text) => this.#keys.say(printable(text)),
    });
    this.#own(this.#shown.load());
  }

  /** Answers a program for which this view is the only terminal. */
  #answer(build: string, text: string): void {
    if (!this.#actions.owns(build)) return;
    this.#act(async () => void await this.#controls.type(build, new TextEncoder().encode(text)));
  }

  #frame(): Frame {
    const { entries } = this.#choice;
    const before = this.#layout.output;
    const layout = layoutOf(this.#size(), listWidth(entries), this.#isZoomed);
    this.#layout = layout;
    if (before.width !== layout.output.width || before.height !== layout.output.height) {
      this.#actions.resized();
    }
    this.#showChosen();
    const palette = this.#palette;
    const { chosen } = this.#choice;
    const { mode, message } = this.#keys;
    const view = this.#shown?.view;
    if (mode.kind === "type" && this.#shown !== undefined) {
      this.#screen.setModes(this.#shown.emulator.keyModes);
    }
    const index = this.#choice.indexIn(entries);
    const { length } = entries;
    this.#listOffset = listOffset(index, length, layout.list?.height ?? 0, this.#listOffset);
    const footer = footerOf(mode, message, palette);
    const cursor = mode.kind === "type" ? view?.cursor() : undefined;
    return frameOf({
      layout,
      palette,
      now: this.#options.invocation.clock.now(),
      isConnected: this.#observer.isConnected,
      entries,
      offset: this.#listOffset,
      index,
      chosen,
      note: view === undefined ? "" : noteOf(view),
      output: view?.rows() ?? [],
      ...(cursor === undefined ? {} : { cursor }),
      ...(mode.kind === "help" ? { helpOffset: mode.offset } : {}),
      footer,
    });
  }
}

function noteOf({ isFollowing, pattern }: {
  readonly isFollowing: boolean;
  readonly pattern: string;
}): string {
  const search = pattern === "" ? "" : `/${pattern}`;
  return isFollowing ? search : `${search === "" ? "" : `${search} `}[scrolled]`;
}
