/**
 * Lets a person pick tasks in a terminal.
 *
 * @module
 */

import { signalExitCode } from "../../system/process/signals.ts";
import { EXIT } from "../errors.ts";
import type { Invocation, Keyboard } from "../invocation.ts";
import { type Input, KeyParser } from "../keys.ts";
import { ERASE_BELOW, Painter, type ScreenSize } from "../render/live/painter.ts";
import type { Style } from "../render/style.ts";
import { movesCursor } from "../render/terminal_features.ts";
import { type Choice, choiceOf, type Item, typed } from "./choice.ts";
import { choiceRows, itemRows } from "./choice_rows.ts";

/** Milliseconds after which ESC is a key and not the beginning of a sequence. */
const ESCAPE_MS = 50;

const PROMPT = "Task to run: ";

/** The picked names, or the exit code of a person who picked none. */
type Picked = { readonly names: readonly string[] } | { readonly exitCode: number };

/** Lets a person pick from the items, of which there is at least one. */
export async function pickTasks(
  invocation: Invocation,
  { items, keyboard, style }: {
    readonly items: readonly Item[];
    readonly keyboard: Keyboard;
    readonly style: Style;
  },
): Promise<Picked> {
  const picker = new Picker(invocation, { items, keyboard, style });
  return await picker.run();
}

class Picker {
  readonly #invocation: Invocation;
  readonly #keyboard: Keyboard;
  readonly #style: Style;
  readonly #painter: Painter;
  readonly #parser = new KeyParser();
  readonly #over = new AbortController();
  readonly #picked = Promise.withResolvers<Picked>();
  #choice: Choice;
  /** Aborted when further bytes have come. */
  #waiting = new AbortController();

  constructor(
    invocation: Invocation,
    { items, keyboard, style }: {
      readonly items: readonly Item[];
      readonly keyboard: Keyboard;
      readonly style: Style;
    },
  ) {
    this.#invocation = invocation;
    this.#keyboard = keyboard;
    this.#style = style;
    this.#painter = new Painter(invocation.output, movesCursor(invocation.env));
    this.#choice = choiceOf(items, itemRows(this.#size));
  }

  async run(): Promise<Picked> {
    const { terminal, output, onSignal } = this.#invocation;
    using signals = new DisposableStack();
    for (const signal of ["SIGINT", "SIGQUIT", "SIGTERM", "SIGHUP"] as const) {
      signals.use(onSignal(signal, () => this.#leave(signalExitCode(signal))));
    }
    signals.use(onSignal("SIGWINCH", () => this.#paint()));
    signals.use(onSignal("SIGTSTP", () => this.#suspend()));
    signals.use(onSignal("SIGCONT", () => this.#resume()));
    output.broken.then(() => this.#leave(EXIT.hangup));
    terminal.restoreBy(`\r${ERASE_BELOW}`);
    await this.#keyboard.take((bytes) => this.#take(bytes));
    this.#paint();
    try {
      return await this.#picked.promise;
    } finally {
      this.#over.abort();
      this.#waiting.abort();
      this.#painter.clear();
      await output.settled;
      await this.#keyboard.release();
      terminal.restoreBy("");
    }
  }

  get #size(): ScreenSize {
    const { terminal } = this.#invocation;
    return { columns: terminal.columns(), rows: terminal.rows() };
  }

  #leave(exitCode: number): void {
    this.#picked.resolve({ exitCode });
  }

  #take(bytes: Uint8Array): void {
    this.#keyboard.answered?.();
    this.#waiting.abort();
    this.#parser.push(bytes);
    const inputs: Input[] = [];
    for (let input = this.#parser.next(); input !== undefined; input = this.#parser.next()) {
      inputs.push(input);
    }
    this.#handle(inputs);
    if (this.#parser.isPending) void this.#expire();
  }

  async #expire(): Promise<void> {
    const waiting = this.#waiting = new AbortController();
    await this.#invocation.clock.sleep(ESCAPE_MS, waiting.signal);
    if (!waiting.signal.aborted) this.#handle(this.#parser.flush());
  }

  #handle(inputs: readonly Input[]): void {
    for (const input of inputs) {
      const chosen = typed(this.#choice, input);
      if (chosen.kind === "done") return this.#picked.resolve({ names: chosen.names });
      if (chosen.kind === "left") return this.#leave(EXIT.interrupted);
      if (chosen.kind === "suspend") this.#keyboard.signal("SIGTSTP");
      else this.#choice = chosen.choice;
    }
    this.#paint();
  }

  #paint(): void {
    if (this.#over.signal.aborted) return;
    const size = this.#size;
    this.#choice = { ...this.#choice, page: itemRows(size) };
    const { rows, cursor } = choiceRows(this.#choice, { prompt: PROMPT, size, style: this.#style });
    this.#painter.show(rows, size);
    const right = cursor > 0 ? `\x1b[${cursor}C` : "";
    this.#invocation.output.write("stderr", `\r${right}`);
  }

  #suspend(): void {
    this.#painter.forget();
    this.#invocation.suspend?.();
  }

  /** The shell has written below, so that the choice is painted anew. */
  #resume(): void {
    this.#painter.forget();
    this.#paint();
  }
}
