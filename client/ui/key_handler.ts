/**
 * Reacts to what the person types in the full view.
 *
 * @module
 */

import type { Clock } from "../../system/clock.ts";
import type { Mode } from "./footer.ts";
import { type Action, actionOf, LEAVE_KEY } from "./keymap.ts";
import { type Input, KeyParser } from "../keys.ts";
import type { Layout } from "./layout.ts";
import type { OutputView } from "./output_view.ts";
import { HELP_LINES } from "./screen_rows.ts";
import type { TaskActions } from "./task_actions.ts";
import type { TaskChoice } from "./task_choice.ts";

/** Milliseconds after which a lone `ESC` is the key, and not the beginning of a sequence. */
const ESCAPE_MS = 50;
/** Rows that one step of the wheel scrolls. */
const WHEEL_ROWS = 3;
/** Bytes of a text that terminals accept for the clipboard. */
const MAX_COPIED_BYTES = 74_000;
const NEWLINE = 10;

/** Actions on the view as a whole. */
type ViewAction = "zoom" | "mouse" | "repaint" | "suspend" | "quit";

/** Parts of the view that keys act on. */
interface KeyHost {
  readonly clock: Clock;
  readonly choice: TaskChoice;
  readonly actions: TaskActions;
  /** The shown output; `undefined` if there is none. */
  readonly output: () => OutputView | undefined;
  readonly layout: () => Layout;
  /** First visible line of the list. */
  readonly listOffset: () => number;
  /** Owns work: its failure ends the view. */
  readonly own: (work: Promise<void>) => void;
  /** Puts a text into the clipboard. */
  readonly copy: (text: string) => void;
  /** Sends keys to the task of a build that has the keyboard. */
  readonly type: (build: string, keys: Uint8Array) => void;
  /** Called when the person types into a task no longer. */
  readonly typingEnded: () => void;
  readonly perform: (action: ViewAction) => void;
  /** Called when the picture has changed. */
  readonly changed: () => void;
}

/** Handles keys by the present mode. */
export class KeyHandler {
  readonly #host: KeyHost;
  readonly #parser = new KeyParser();
  #mode: Mode = { kind: "browse" };
  #message = "";
  #escape: AbortController | undefined;

  constructor(host: KeyHost) {
    this.#host = host;
  }

  /** The effect of keys at present. */
  get mode(): Mode {
    return this.#mode;
  }

  /** Message for the person until the next key; empty: none. */
  get message(): string {
    return this.#message;
  }

  /** Shows a message. */
  say(text: string): void {
    this.#message = text;
    this.#host.changed();
  }

  /** Asks a question. */
  ask(question: string, yes: () => void): void {
    this.#mode = { kind: "confirm", question, yes };
    this.#host.changed();
  }

  /** Ends modes that are about the shown output, because another one is shown. */
  outputChanged(task: string | undefined): void {
    if (this.#mode.kind === "search" || this.#mode.kind === "select") {
      this.#mode = { kind: "browse" };
    } else if (this.#mode.kind === "type" && this.#mode.task !== task) this.stopTyping("");
  }

  /** Ends typing into a task. */
  stopTyping(message: string): void {
    if (this.#mode.kind !== "type") return;
    this.#mode = { kind: "browse" };
    this.#host.typingEnded();
    this.say(message);
  }

  /** Drops a wait for the rest of a key. */
  end(): void {
    this.#escape?.abort();
  }

  /** Handles typed bytes. */
  typed(bytes: Uint8Array): void {
    this.end();
    const rest = this.#mode.kind === "type" ? this.#passOn(bytes, this.#mode.build) : bytes;
    if (rest === undefined) return;
    this.#parser.push(rest);
    for (let input = this.#parser.next(); input !== undefined; input = this.#parser.next()) {
      this.#input(input);
      // Keys behind the one that begins typing are for the task.
      if (this.#mode.kind === "type") return this.typed(this.#parser.rest());
    }
    if (!this.#parser.isPending) return;
    const escape = new AbortController();
    this.#escape = escape;
    this.#host.own(
      this.#host.clock.sleep(ESCAPE_MS, escape.signal).then(() => {
        if (!escape.signal.aborted) this.#parser.flush().forEach((input) => this.#input(input));
      }),
    );
  }

  /** Sends keys to the task, up to the one that ends typing. Returns the keys behind that one. */
  #passOn(bytes: Uint8Array, build: string): Uint8Array | undefined {
    const end = bytes.indexOf(LEAVE_KEY);
    const keys = bytes.slice(0, end < 0 ? bytes.length : end);
    if (keys.length > 0) this.#host.type(build, keys);
    if (end < 0) return undefined;
    this.stopTyping("");
    return bytes.subarray(end + 1);
  }

  #input(input: Input): void {
    this.#message = "";
    if (input.kind === "key") this.#key(input.key);
    else if (input.kind === "mouse") this.#mouse(input);
    else if (this.#mode.kind === "search") this.#search(this.#mode.text + input.text);
    this.#host.changed();
  }

  #key(key: string): void {
    const mode = this.#mode;
    switch (mode.kind) {
      case "browse": {
        const action = actionOf(key);
        if (action !== undefined) this.#perform(action);
        return;
      }
      case "search":
        return this.#searchKey(key, mode.text);
      case "select":
        return this.#selectKey(key);
      case "confirm":
        if (!["y", "n", "q", "esc", "ctrl-c"].includes(key)) return;
        this.#mode = { kind: "browse" };
        if (key === "y") mode.yes();
        return;
      case "help":
        return this.#helpKey(key, mode.offset);
    }
  }

  #perform(action: Action): void {
    const { choice, actions, perform } = this.#host;
    switch (action) {
      case "nextTask":
        return choice.step(1);
      case "previousTask":
        return choice.step(-1);
      case "nextFailure":
        if (!choice.nextFailure()) this.#message = "No task has failed";
        return;
      case "search":
        this.#mode = { kind: "search", text: "" };
        return;
      case "help":
        this.#mode = { kind: "help", offset: 0 };
        return;
      case "type":
        return this.#startTyping();
      case "restart":
      case "cancel": {
        const { chosen } = choice;
        if (chosen === undefined) this.#message = "There is no task";
        else if (action === "cancel") actions.cancel(chosen.build);
        else actions.restart(chosen.build, chosen.task);
        return;
      }
      case "zoom":
      case "mouse":
      case "repaint":
      case "suspend":
      case "quit":
        return perform(action);
    }
    const output = this.#host.output();
    if (output !== undefined) this.#performOn(output, action);
  }

  #performOn(output: OutputView, action: Action): void {
    switch (action) {
      case "lineUp":
        return output.scroll(-1);
      case "lineDown":
        return output.scroll(1);
      case "halfPageUp":
        return output.page(-0.5);
      case "halfPageDown":
        return output.page(0.5);
      case "pageUp":
        return output.page(-1);
      case "pageDown":
        return output.page(1);
      case "top":
        return output.home();
      case "bottom":
        return output.follow(true);
      case "follow":
        return output.follow(!output.isFollowing);
      case "nextMatch":
        return this.#nextMatch(output, 1);
      case "previousMatch":
        return this.#nextMatch(output, -1);
      case "clear":
        output.search("");
        return;
      case "select":
        output.select();
        if (output.isSelecting) this.#mode = { kind: "select" };
        return;
      case "copy":
        return this.#copy(output.copied());
      case "copyAll":
        return this.#copy(output.all());
    }
  }

  #searchKey(key: string, text: string): void {
    if (key === "esc" || key === "ctrl-c") {
      this.#mode = { kind: "browse" };
      this.#host.output()?.search("");
    } else if (key === "enter") this.#mode = { kind: "browse" };
    else if (key === "backspace") this.#search([...text].slice(0, -1).join(""));
    else if (key === "ctrl-u") this.#search("");
    else if (key === "space") this.#search(`${text} `);
    else if ([...key].length === 1) this.#search(text + key);
  }

  #search(text: string): void {
    const [pattern = ""] = text.split(/[\r\n]/);
    this.#mode = { kind: "search", text: pattern };
    const isFound = this.#host.output()?.search(pattern) ?? pattern === "";
    this.#message = isFound ? "" : "no match";
  }

  #nextMatch(output: OutputView, direction: 1 | -1): void {
    if (output.pattern === "") this.#message = "Nothing is searched: / begins a search";
    else if (!output.searchNext(direction)) this.#message = "no match";
  }

  #selectKey(key: string): void {
    const output = this.#host.output();
    const step = stepsOf(key, this.#host.layout().output.height - 1);
    if (step !== undefined) return output?.extend(step);
    const isCopy = key === "y" || key === "enter";
    if (!isCopy && !["esc", "v", "q", "ctrl-c"].includes(key)) return;
    if (isCopy) this.#copy(output?.copied() ?? "");
    output?.deselect();
    this.#mode = { kind: "browse" };
  }

  #helpKey(key: string, offset: number): void {
    const { height } = this.#host.layout().output;
    const most = Math.max(0, HELP_LINES - height);
    const step = stepsOf(key, height);
    this.#mode = step === undefined
      ? { kind: "browse" }
      : { kind: "help", offset: Math.max(0, Math.min(most, offset + step)) };
  }

  #copy(text: string): void {
    const kept = lastLinesOf(text);
    if (kept === "") {
      this.#message = "Nothing to copy";
      return;
    }
    const lines = kept.split("\n").length - 1;
    this.#host.copy(kept);
    const which = kept === text ? "" : "the last ";
    this.#message = `Copied ${which}${lines} ${lines === 1 ? "line" : "lines"}`;
  }

  #startTyping(): void {
    const { chosen } = this.#host.choice;
    if (chosen === undefined) return;
    const { build, task } = chosen;
    if (!task.hasKeyboard) {
      const reader = [...build.tasks.values()].find(({ hasKeyboard }) => hasKeyboard);
      const hint = reader === undefined ? "" : `; ${reader.title} does`;
      this.#message = `${task.title} reads no keys${hint}`;
      return;
    }
    this.#mode = { kind: "type", build: build.id, task: task.id, title: task.title };
    this.#host.output()?.follow(true);
    // Without keys, the server only checks that this view may type.
    this.#host.type(build.id, new Uint8Array());
  }

  #mouse({ column, row, wheel }: Extract<Input, { readonly kind: "mouse" }>): void {
    const { choice, output, layout, listOffset } = this.#host;
    const { list } = layout();
    const isInList = list !== undefined && column < list.width;
    if (wheel !== 0 && !isInList) output()?.scroll(wheel * WHEEL_ROWS);
    else if (wheel !== 0) choice.step(wheel);
    else if (isInList) {
      const entry = choice.entries[listOffset() + row - list.row];
      if (entry !== undefined) choice.choose(entry);
    }
  }
}

/** Returns the last lines of a text, as many as terminals accept for the clipboard. */
function lastLinesOf(text: string): string {
  const bytes = new TextEncoder().encode(text);
  if (bytes.length <= MAX_COPIED_BYTES) return text;
  const last = bytes.subarray(-MAX_COPIED_BYTES);
  return new TextDecoder().decode(last.subarray(last.indexOf(NEWLINE) + 1));
}

/** Returns the number of lines that a key moves by; `undefined` for other keys. */
function stepsOf(key: string, page: number): number | undefined {
  const steps: Readonly<Record<string, number>> = {
    up: -1,
    k: -1,
    down: 1,
    j: 1,
    pageup: -page,
    pagedown: page,
    space: page,
  };
  return steps[key];
}
