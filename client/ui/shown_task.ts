/**
 * The task whose output the full view shows: loads its output so far from the journal, and adds
 * what comes.
 *
 * @module
 */

import { isSystemError } from "../../system/files/files.ts";
import type { Journal } from "../../wire/command_types.ts";
import type { TaskOutput } from "../../wire/events.ts";
import { decodeOutput } from "../../wire/output.ts";
import { printable } from "../render/printable.ts";
import type { Build, Task } from "./builds.ts";
import { Emulator } from "./emulator.ts";
import { taskOutputs } from "./journal.ts";
import type { Size } from "./layout.ts";
import { OutputView } from "./output_view.ts";

/** Bytes of earlier output that are loaded. */
const MOST_BYTES = 1024 * 1024;
const NEWLINE = 10;

/** Events that wait while earlier output is read. Further ones are read from the journal later. */
const MAX_WAITING = 1000;

/** Size of a terminal whose size is not known. */
const UNKNOWN: Size = { columns: 80, rows: 24 };
/** Size for output to pipes, which has no width. The view wraps lines itself. */
const PIPE: Size = { columns: 120, rows: 24 };

const encoder = new TextEncoder();

/** Options of a {@linkcode ShownTask}. */
interface ShownTaskOptions {
  readonly build: Build;
  readonly task: Task;
  /** Size of the place in which it is shown. */
  readonly place: Size;
  /** True if nothing has colours. */
  readonly isPlain: boolean;
  readonly openJournal: (build: string) => Promise<Journal | undefined>;
  /** Called when the screen has changed. */
  readonly changed: () => void;
  /** Called with what the task's terminal answers to the program. */
  readonly answer: (text: string) => void;
  /** Prints a message for the person. */
  readonly say: (text: string) => void;
}

type OutputEvent = TaskOutput & { readonly seq: number };

/** One task with its terminal. */
export class ShownTask implements Disposable {
  readonly build: string;
  readonly task: string;
  readonly view: OutputView;
  readonly emulator: Emulator;
  readonly #options: ShownTaskOptions;
  /** Output that came while earlier output was read. */
  #waiting: OutputEvent[] | undefined;
  #lastSeq = 0;
  #isDisposed = false;

  constructor(options: ShownTaskOptions) {
    const { build, task, isPlain, place } = options;
    this.#options = options;
    this.build = build.id;
    this.task = task.id;
    this.emulator = new Emulator({
      ...terminalSize(build),
      isRaw: !task.hadKeyboard,
      isPlain,
      // Questions in earlier output have been answered.
      answer: (text) => this.#waiting === undefined ? options.answer(text) : undefined,
    });
    this.view = new OutputView(this.emulator);
    this.view.resize({ width: place.columns, height: place.rows });
  }

  /** Loads the output so far, or what has come since the last output. */
  async load(): Promise<void> {
    if (this.#waiting !== undefined) return;
    const waiting: OutputEvent[] = [];
    this.#waiting = waiting;
    try {
      await this.#loadJournal();
    } catch (error) {
      if (!isSystemError(error)) throw error;
      this.#options.say(`Cannot read earlier output: ${error.message}`);
    }
    await this.emulator.settled();
    if (this.#isDisposed) return;
    this.#waiting = undefined;
    for (const event of waiting) this.take(event);
    this.#options.changed();
    if (waiting.length === MAX_WAITING) await this.load();
  }

  /** Adds output of the task. A promise asks to wait with more. */
  take(event: OutputEvent): Promise<void> | undefined {
    if (this.#isDisposed || event.build !== this.build || event.task !== this.task) {
      return undefined;
    }
    if (this.#waiting !== undefined) {
      if (this.#waiting.length < MAX_WAITING) this.#waiting.push(event);
      return undefined;
    }
    if (event.seq <= this.#lastSeq) return undefined;
    this.#lastSeq = event.seq;
    return this.#write(decodeOutput(event));
  }

  /** Adapts to changes of the task, of its terminal, and of the place. */
  update(build: Build, task: Task, place: Size): void {
    this.emulator.resize(terminalSize(build));
    this.emulator.isRaw = !task.hadKeyboard;
    this.view.resize({ width: place.columns, height: place.rows });
  }

  [Symbol.dispose](): void {
    this.#isDisposed = true;
    this.emulator[Symbol.dispose]();
  }

  async #loadJournal(): Promise<void> {
    const { build, task } = this;
    const journal = await this.#options.openJournal(build);
    if (journal === undefined || this.#isDisposed) return;
    const choice = { build, task, after: this.#lastSeq, most: MOST_BYTES };
    const { pieces, lastSeq, isCut } = await taskOutputs(journal.path, choice);
    if (this.#isDisposed) return;
    this.#lastSeq = Math.max(this.#lastSeq, lastSeq);
    if (isCut) this.#writeCut();
    for (const [index, piece] of pieces.entries()) {
      // The first line of a part is incomplete.
      const begin = isCut && index === 0 ? piece.indexOf(NEWLINE) + 1 : 0;
      await this.#write(piece.subarray(begin));
      if (this.#isDisposed) return;
    }
  }

  #writeCut(): void {
    const path = this.#options.task.logPath;
    const where = path === undefined ? "" : `; all of it is in ${printable(path)}`;
    this.#write(encoder.encode(`\x1b[2m… earlier output is not shown${where}\x1b[0m\r\n`));
  }

  #write(bytes: Uint8Array): Promise<void> | undefined {
    return this.emulator.write(bytes, () => this.#options.changed());
  }
}

/** Returns the size of the terminals of a build's tasks. */
function terminalSize({ terminal }: Build): Size {
  if (terminal === undefined) return PIPE;
  return {
    columns: terminal.columns || UNKNOWN.columns,
    rows: terminal.rows || UNKNOWN.rows,
  };
}
