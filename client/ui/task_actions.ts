/**
 * Actions of the full view on tasks: runs them again and cancels their builds.
 *
 * @module
 */

import type { Clock } from "../../system/clock.ts";
import type { TerminalSize } from "../../wire/command_types.ts";
import { type Build, type Builds, isRunning, type Task } from "./builds.ts";
import type { Controls } from "./controls.ts";
import { printable } from "../render/printable.ts";

/** Milliseconds after which the last of several changes of size counts. */
const RESIZE_MS = 200;

/** Options of {@linkcode TaskActions}. */
interface TaskActionsOptions {
  readonly controls: Controls;
  readonly builds: Builds;
  readonly clock: Clock;
  /** Aborted when the view is left. */
  readonly left: AbortSignal;
  /** Returns the size of the place for output. */
  readonly size: () => TerminalSize;
  /** Performs an action. A refusal of the server is shown. */
  readonly act: (action: () => Promise<void>) => void;
  /** Called with a build that was started for a task. */
  readonly begun: (build: string, task: Task) => void;
  /** Asks the person, and calls the function if the answer is yes. */
  readonly ask: (question: string, yes: () => void) => void;
  readonly say: (text: string) => void;
}

/** Runs tasks again, and cancels builds. */
export class TaskActions {
  readonly #options: TaskActionsOptions;
  /** Builds that this view has started. */
  readonly #own = new Set<string>();
  /** Called when a build has ended. */
  readonly #endings = new Map<string, () => void>();
  #resizing: AbortController | undefined;

  constructor(options: TaskActionsOptions) {
    this.#options = options;
  }

  /** Returns true if this view has started a build. No other client has its terminals. */
  owns(build: string): boolean {
    return this.#own.has(build);
  }

  /** Notes that a build has ended. */
  ended(build: string): void {
    this.#own.delete(build);
    this.#endings.get(build)?.();
    this.#endings.delete(build);
  }

  /** Runs a task again. A running one is cancelled first, if the person agrees. */
  restart(build: Build, task: Task): void {
    const { ask, act, say } = this.#options;
    if (isRunning(task)) {
      const question = `Cancel ${nameOf(build)}, and run ${task.title} again?`;
      return ask(question, () => act(() => this.#runAfter(build, task)));
    }
    const isAhead = task.state === "waiting" && build.outcome === undefined;
    if (isAhead) say(`${task.title} has not run yet`);
    else act(() => this.#run(task));
  }

  /** Cancels a build, if the person agrees. */
  cancel(build: Build): void {
    const { ask, act, say, controls } = this.#options;
    if (build.outcome !== undefined) return say("The build has ended");
    ask(
      `Cancel ${nameOf(build)}?`,
      () => act(async () => void await controls.cancel(build.id)),
    );
  }

  /** Gives the terminals of own builds the size of the output, when it has stayed the same. */
  resized(): void {
    this.#resizing?.abort();
    if (this.#own.size === 0) return;
    const { act, clock } = this.#options;
    const resizing = new AbortController();
    this.#resizing = resizing;
    act(async () => {
      await clock.sleep(RESIZE_MS, AbortSignal.any([resizing.signal, this.#options.left]));
      if (!resizing.signal.aborted && !this.#options.left.aborted) await this.#resizeOwn();
    });
  }

  async #resizeOwn(): Promise<void> {
    const { builds, controls, size } = this.#options;
    for (const id of this.#own) {
      if (builds.get(id)?.terminal !== undefined) await controls.resize(id, size());
    }
  }

  async #runAfter(build: Build, task: Task): Promise<void> {
    const { controls, left } = this.#options;
    const ended = Promise.withResolvers<void>();
    this.#endings.set(build.id, ended.resolve);
    left.addEventListener("abort", () => ended.resolve(), { once: true });
    const isCancelled = await controls.cancel(build.id);
    if (isCancelled) await ended.promise;
    if (!left.aborted) await this.#run(task);
  }

  async #run(task: Task): Promise<void> {
    const { controls, size, begun, say } = this.#options;
    say(`Running ${task.title}`);
    const build = await controls.run(task, size());
    this.#own.add(build);
    begun(build, task);
    say("");
  }
}

function nameOf({ command, requested, id }: Build): string {
  return `'${printable(command || requested.join(" ") || id)}'`;
}
