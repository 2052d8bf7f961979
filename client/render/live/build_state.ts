/**
 * State of one build as its events report it: counts, running tasks, and what others wait for.
 *
 * @module
 */

import type { SimmerEvent, TaskQueued } from "../../../wire/events.ts";
import { printable } from "../printable.ts";

/** A running task. */
interface RunningTask {
  readonly name: string;
  /** Start time, by the monotonic clock. */
  readonly since: number;
  /** Remark such as `ready`; empty: none. */
  readonly note: string;
}

/** A task that waits for others. */
interface WaitingTask {
  readonly name: string;
  /** Names of the tasks that it waits for. */
  readonly waitsFor: readonly string[];
}

interface KnownTask {
  readonly name: string;
  readonly dependencies: readonly string[];
  /** Number of dependencies that are not done. */
  missing: number;
  state: "waiting" | "running" | "done" | "failed" | "skipped";
}

/** Follows one build. */
export class BuildState {
  readonly #tasks = new Map<string, KnownTask>();
  /** The tasks that depend on a task, by its id. */
  readonly #dependents = new Map<string, string[]>();
  readonly #running = new Map<string, RunningTask>();
  /** Tasks whose dependencies are done, and that have not started. */
  readonly #ready = new Set<string>();
  #total = 0;
  #ended = 0;
  #cached = 0;
  #failed = 0;
  #since: number | undefined;

  /** Start time of the build; `undefined` if none is in progress. */
  get since(): number | undefined {
    return this.#since;
  }

  /** Number of tasks of the build. */
  get total(): number {
    return this.#total;
  }

  /** Number of tasks that have ended, cached and skipped ones included. */
  get ended(): number {
    return this.#ended;
  }

  /** Number of cache hits. */
  get cached(): number {
    return this.#cached;
  }

  /** Number of failed tasks. */
  get failed(): number {
    return this.#failed;
  }

  /** Number of tasks that could start, and wait for a job slot or for another build. */
  get ready(): number {
    return this.#ready.size;
  }

  /** Running tasks, oldest first. */
  get running(): readonly RunningTask[] {
    return [...this.#running.values()];
  }

  /** Returns up to `most` tasks that wait for running tasks, in the order of those. */
  waiting(most: number): readonly WaitingTask[] {
    const found = new Map<string, WaitingTask>();
    for (const id of this.#running.keys()) {
      for (const dependent of this.#dependents.get(id) ?? []) {
        if (found.size >= most) return [...found.values()];
        const task = this.#tasks.get(dependent);
        if (task?.state !== "waiting" || task.missing === 0 || found.has(dependent)) continue;
        const missing = task.dependencies.filter((each) => !this.#isDone(each));
        found.set(dependent, {
          name: task.name,
          waitsFor: missing.map((each) => this.nameOf(each)),
        });
      }
    }
    return [...found.values()];
  }

  /** Returns the name of a task, `package#task`, safe to print. */
  nameOf(id: string): string {
    return this.#tasks.get(id)?.name ?? printable(id);
  }

  /** Returns the names of the skipped tasks that need a task, directly or through others. */
  skippedBy(id: string): Set<string> {
    const found = new Set<string>();
    const open = [...this.#dependents.get(id) ?? []];
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      const task = this.#tasks.get(next);
      if (task?.state !== "skipped" || found.has(task.name)) continue;
      found.add(task.name);
      open.push(...this.#dependents.get(next) ?? []);
    }
    return found;
  }

  /** Names of all skipped tasks. */
  get skipped(): readonly string[] {
    return [...this.#tasks.values()].flatMap(({ state, name }) =>
      state === "skipped" ? [name] : []
    );
  }

  /** Takes an event in. @param now the monotonic time */
  take(event: SimmerEvent, now: number): void {
    switch (event.type) {
      case "BuildStarted":
        this.#begin(event.total, now);
        break;
      case "TaskQueued":
        this.#add(event);
        break;
      case "TaskStarted":
        this.#start(
          event.task,
          now,
          event.shared === undefined ? "" : `shared with ${event.shared}`,
        );
        break;
      case "TaskReady": {
        const running = this.#running.get(event.task);
        if (running !== undefined) this.#running.set(event.task, { ...running, note: "ready" });
        this.#unblock(event.task);
        break;
      }
      case "TaskCached":
        this.#cached++;
        this.#end(event.task, "done");
        this.#unblock(event.task);
        break;
      case "TaskSucceeded":
        this.#end(event.task, "done");
        this.#unblock(event.task);
        break;
      case "TaskFailed":
        this.#failed++;
        this.#end(event.task, "failed");
        break;
      case "TaskCancelled":
        this.#end(event.task, event.wasRunning ? "failed" : "skipped");
        break;
      case "BuildCompleted":
        this.#since = undefined;
        break;
    }
  }

  #begin(total: number, now: number): void {
    this.#tasks.clear();
    this.#dependents.clear();
    this.#running.clear();
    this.#ready.clear();
    this.#ended = this.#cached = this.#failed = 0;
    this.#total = total;
    this.#since = now;
  }

  #add(event: TaskQueued): void {
    const { task, dependencies } = event;
    this.#tasks.set(task, {
      name: printable(task),
      dependencies,
      missing: dependencies.length,
      state: "waiting",
    });
    for (const each of dependencies) {
      const dependents = this.#dependents.get(each);
      if (dependents === undefined) this.#dependents.set(each, [task]);
      else dependents.push(task);
    }
    if (dependencies.length === 0) this.#ready.add(task);
  }

  #start(id: string, since: number, note: string): void {
    this.#ready.delete(id);
    const task = this.#tasks.get(id);
    if (task !== undefined) task.state = "running";
    this.#running.set(id, { name: this.nameOf(id), since, note });
  }

  #end(id: string, state: KnownTask["state"]): void {
    this.#running.delete(id);
    this.#ready.delete(id);
    this.#ended++;
    const task = this.#tasks.get(id);
    if (task !== undefined) task.state = state;
  }

  /** Notes that the tasks that wait for this one need not wait any more. */
  #unblock(id: string): void {
    for (const dependent of this.#dependents.get(id)?.splice(0) ?? []) {
      const waiting = this.#tasks.get(dependent);
      if (waiting === undefined) continue;
      waiting.missing--;
      if (waiting.missing === 0 && waiting.state === "waiting") this.#ready.add(dependent);
    }
  }

  #isDone(id: string): boolean {
    const task = this.#tasks.get(id);
    return task === undefined || task.state === "done" ||
      this.#running.get(id)?.note === "ready";
  }
}
