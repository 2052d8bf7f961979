/**
 * The terminals of a build's tasks: gives all of them the size of the client's terminal, and passes
 * the client's keys on to the task that has the keyboard.
 *
 * @module
 */

import type {
  TaskTerminal,
  TerminalOutput,
  TerminalSize,
} from "../../system/process/group_process.ts";
import type { EventBody } from "../../wire/events.ts";
import type { PlannedTask } from "../plan/plan.ts";

/** Options of {@linkcode BuildTerminals}. */
interface BuildTerminalsOptions {
  /** Id of the build. */
  readonly build: string;
  readonly size: TerminalSize;
  /** Path of the client's terminal. Absent if the client passes no keys on. */
  readonly keyboard?: string;
  readonly emit: (event: EventBody) => void;
  /** Handles Ctrl-Z. */
  readonly suspend: () => void;
}

/** The terminals of one build. */
export class BuildTerminals {
  readonly #options: BuildTerminalsOptions;
  readonly #all = new Set<TaskTerminal>();
  #size: TerminalSize;
  /** The terminal of the task that has the keyboard, and the task's id. */
  #keyboard: { readonly terminal: TaskTerminal; readonly task: string } | undefined;

  constructor(options: BuildTerminalsOptions) {
    this.#options = options;
    this.#size = options.size;
  }

  /** Returns the terminal that a task gets. */
  outputOf(task: PlannedTask): TerminalOutput {
    const { keyboard: path } = this.#options;
    return path === undefined || !takesKeys(task)
      ? this.#size
      : { ...this.#size, keyboard: { path } };
  }

  /** Connects the terminal of a task that has started until the result is disposed of. */
  connect(task: PlannedTask, terminal: TaskTerminal): Disposable {
    const { build, keyboard, emit } = this.#options;
    this.#all.add(terminal);
    // The size may have changed while the task was started.
    terminal.resize(this.#size);
    if (keyboard !== undefined && takesKeys(task)) {
      this.#keyboard = { terminal, task: task.id };
      emit({ type: "KeyboardTaken", build, task: task.id });
    }
    return {
      [Symbol.dispose]: () => {
        this.#all.delete(terminal);
        if (this.#keyboard?.terminal !== terminal) return;
        this.#keyboard = undefined;
        emit({ type: "KeyboardReleased", build, task: task.id });
      },
    };
  }

  /** Passes keys on. Returns false if no task has the keyboard. */
  type(keys: Uint8Array): boolean {
    if (this.#keyboard === undefined) return false;
    const { terminal, task } = this.#keyboard;
    const { build, emit, suspend } = this.#options;
    terminal.type(keys, ({ signal, isRepeated, echo }) => {
      if (signal === "SIGTSTP") suspend();
      else emit({ type: "SignalTyped", build, task, signal, isRepeated, echo });
    });
    return true;
  }

  /** Reports Ctrl-Z to the client. Returns false if no task has the keyboard. */
  reportSuspension(): boolean {
    if (this.#keyboard === undefined) return false;
    const { build, emit } = this.#options;
    const { task } = this.#keyboard;
    emit({ type: "SignalTyped", build, task, signal: "SIGTSTP", isRepeated: false, echo: "" });
    return true;
  }

  /** Sets the size of all terminals. Returns false if there is none. */
  resize(size: TerminalSize): boolean {
    const { build, emit } = this.#options;
    this.#size = size;
    for (const terminal of this.#all) terminal.resize(size);
    emit({ type: "TerminalResized", build, terminal: size });
    return this.#all.size > 0;
  }
}

/** Returns true if a task reads the client's stdin and runs alone. */
function takesKeys({ stdin, prefixed }: PlannedTask): boolean {
  return stdin === "reads" && !prefixed;
}
