/**
 * The choice of the task whose output is shown: by the person, or by what happens.
 *
 * @module
 */

import { type Build, type Builds, isRunning, type Task } from "./builds.ts";
import { entriesOf, type Entry } from "./task_list.ts";

/** The ids of a task. */
interface TaskIds {
  readonly build: string;
  readonly task: string;
}

/** A task and its build. */
export interface Chosen {
  readonly build: Build;
  readonly task: Task;
}

/** Chooses one of the tasks of all builds. */
export class TaskChoice {
  readonly #builds: Builds;
  #ids: TaskIds | undefined;
  /** True if the person has chosen the task. */
  #isPinned = false;
  /** Build whose task with this name is chosen as soon as it is known. */
  #awaited: { readonly build: string; readonly name: string } | undefined;

  /** @param builds owned by the caller */
  constructor(builds: Builds) {
    this.#builds = builds;
  }

  /** The chosen task; `undefined` if there is none. */
  get chosen(): Chosen | undefined {
    const build = this.#ids && this.#builds.get(this.#ids.build);
    const task = this.#ids && build?.tasks.get(this.#ids.task);
    return build === undefined || task === undefined ? undefined : { build, task };
  }

  /** Lines of the list. */
  get entries(): Entry[] {
    return entriesOf(this.#builds.all);
  }

  /** Index of the chosen task among the lines; -1: none. */
  indexIn(entries: readonly Entry[]): number {
    return entries.findIndex(({ build, task }) =>
      task !== undefined && build.id === this.#ids?.build && task.id === this.#ids.task
    );
  }

  /** Chooses the task of a line. Heads of builds cannot be chosen. */
  choose({ build, task }: Entry): void {
    if (task === undefined) return;
    this.#ids = { build: build.id, task: task.id };
    this.#isPinned = true;
  }

  /** Chooses the task with a name in a build of which no event may have come yet. */
  expect(build: string, name: string): void {
    this.#awaited = { build, name };
  }

  /** Goes to another task: down if positive. */
  step(steps: number): void {
    const tasks = this.entries.filter(({ task }) => task !== undefined);
    const at = this.indexIn(tasks);
    const next = tasks[Math.max(0, Math.min(tasks.length - 1, at + steps))];
    if (next !== undefined) this.choose(next);
  }

  /** Goes to the next task that has failed. Returns false if there is none. */
  nextFailure(): boolean {
    const { entries } = this;
    const behind = this.indexIn(entries) + 1;
    const failed = [...entries.slice(behind), ...entries.slice(0, behind)]
      .find(({ task }) => task?.state === "failed");
    if (failed !== undefined) this.choose(failed);
    return failed !== undefined;
  }

  /** Adapts the choice to the present state of the builds. */
  update(): void {
    this.#takeAwaited();
    if (this.#isPinned && this.chosen !== undefined) return;
    this.#isPinned = false;
    this.#ids = naturalChoice(this.#builds.all, this.#ids);
  }

  #takeAwaited(): void {
    if (this.#awaited === undefined) return;
    const { build: id, name } = this.#awaited;
    const build = this.#builds.get(id);
    const tasks = [...build?.tasks.values() ?? []];
    const task = tasks.findLast((each) => each.name === name) ?? tasks.at(-1);
    if (build === undefined || task === undefined) return;
    this.choose({ build, task });
    this.#awaited = undefined;
  }
}

/**
 * Returns the task that is shown until the person chooses one: of the newest build in progress, or
 * of the newest one, a running task, or else one that has failed. A running task stays chosen.
 */
export function naturalChoice(
  builds: readonly Build[],
  present: TaskIds | undefined,
): TaskIds | undefined {
  const build = builds.findLast(({ outcome, tasks }) => outcome === undefined && tasks.size > 0) ??
    builds.findLast(({ tasks }) => tasks.size > 0);
  if (build === undefined) return undefined;
  const tasks = [...build.tasks.values()];
  const current = present?.build === build.id ? build.tasks.get(present.task) : undefined;
  const ids = (task: Task | undefined): TaskIds | undefined =>
    task && { build: build.id, task: task.id };
  if (current !== undefined && (isRunning(current) || current.state === "failed")) {
    return ids(current);
  }
  const running = tasks.filter(isRunning);
  return ids(
    tasks.find(({ state }) => state === "failed") ??
      running.find(({ hasKeyboard }) => hasKeyboard) ?? running[0] ?? current ??
      tasks.findLast(({ state }) => state !== "waiting" && state !== "skipped") ?? tasks[0],
  );
}
