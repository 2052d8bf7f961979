/**
 * Model of the builds that the full view shows, made from their events.
 *
 * @module
 */

import type { BuildOutcome, SimmerEvent, TerminalSize } from "../../wire/events.ts";
import { printable } from "../render/printable.ts";

/** State of a task. `lost`: its server has ended without a report. */
export type TaskState =
  | "waiting"
  | "running"
  | "ready"
  | "succeeded"
  | "failed"
  | "cached"
  | "cancelled"
  | "skipped"
  | "lost";

/** One task of a build. */
export interface Task {
  /** Id of the task in its build. */
  readonly id: string;
  readonly name: string;
  /** Workspace member that it belongs to; absent if members are not distinguished. */
  readonly package?: string;
  /** The id, safe to print: `package#task`, or the task's name. */
  readonly title: string;
  readonly dependencies: readonly string[];
  state: TaskState;
  /** Start time in milliseconds since the Unix epoch. */
  startedAt?: number;
  durationMs?: number;
  exitCode?: number;
  /** Signal that has ended it. */
  signal?: string;
  /** Reason for a failure. */
  reason?: string;
  /** Working folder, absolute. */
  cwd?: string;
  logPath?: string;
  /** True while it has the keyboard. */
  hasKeyboard: boolean;
  /** True if it has had the keyboard: its terminal then processed its output. */
  hadKeyboard: boolean;
}

/** One build. */
export interface Build {
  readonly id: string;
  /** Command line of the client that asked for it; empty if unknown. */
  command: string;
  /** Process id of that client; 0 if unknown. */
  pid: number;
  /** Task names as the client requested them. */
  requested: readonly string[];
  startedAt?: number;
  durationMs?: number;
  /** Absent while it is in progress. `lost`: its server has ended without a report. */
  outcome?: BuildOutcome | "lost";
  exitCode?: number;
  /** Size of its tasks' terminals; absent if their output goes to pipes. */
  terminal?: TerminalSize;
  /** By id, in the order of the build. */
  readonly tasks: Map<string, Task>;
}

/** Limit of the builds that are kept. Builds in progress always are. */
const MAX_BUILDS = 8;

/** Returns true if a task's command is being executed. */
export function isRunning({ state }: Task): boolean {
  return state === "running" || state === "ready";
}

/** Returns the dependencies that a waiting task waits for. */
export function waitsFor(build: Build, task: Task): string[] {
  return task.dependencies.filter((id) => {
    const state = build.tasks.get(id)?.state;
    return state === "waiting" || state === "running";
  });
}

/** The builds, the oldest first. */
export class Builds {
  readonly #builds = new Map<string, Build>();

  /** All builds, the oldest first. */
  get all(): readonly Build[] {
    return [...this.#builds.values()];
  }

  /** Returns a build by its id. */
  get(id: string): Build | undefined {
    return this.#builds.get(id);
  }

  /** Adds a build of which only the id and the client are known. */
  add(id: string, client: { readonly pid: number; readonly command: string }): Build {
    const known = this.#builds.get(id);
    if (known !== undefined) return known;
    const build: Build = { id, ...client, requested: [], tasks: new Map() };
    this.#builds.set(id, build);
    // Builds that are loaded late have earlier ids. Ids sort by time.
    const sorted = [...this.#builds.entries()].sort(([a], [b]) => a < b ? -1 : 1);
    this.#builds.clear();
    for (const [each, value] of sorted) this.#builds.set(each, value);
    const ended = this.all.filter(({ outcome }) => outcome !== undefined);
    for (const { id: old } of ended.slice(0, Math.max(0, this.#builds.size - MAX_BUILDS))) {
      this.#builds.delete(old);
    }
    return build;
  }

  /** The server of a build has ended: what was in progress is lost. */
  lose(build: Build): void {
    if (build.outcome !== undefined) return;
    build.outcome = "lost";
    for (const task of build.tasks.values()) {
      task.hasKeyboard = false;
      if (isRunning(task) || task.state === "waiting") task.state = "lost";
    }
  }

  /** Applies an event. Events without a build, and output, change nothing. */
  apply(event: SimmerEvent): void {
    if (event.build === undefined) return;
    if (event.type === "BuildStarted") {
      const build = this.add(event.build, event.client);
      build.command = event.client.command;
      build.pid = event.client.pid;
      build.requested = event.requested;
      build.startedAt = event.time;
      if (event.terminal !== undefined) build.terminal = event.terminal;
      return;
    }
    const build = this.#builds.get(event.build);
    if (build === undefined) return;
    if (event.type === "TerminalResized") build.terminal = event.terminal;
    else if (event.type === "BuildCompleted") {
      build.outcome = event.outcome;
      build.exitCode = event.exitCode;
      build.durationMs = event.durationMs;
    } else applyToTask(build, event);
  }
}

function applyToTask(build: Build, event: SimmerEvent): void {
  if (!("task" in event) || event.task === undefined) return;
  if (event.type === "TaskQueued") {
    const { task: id, name, dependencies } = event;
    const owner = event.package === undefined ? {} : { package: event.package };
    const common = { id, name, title: printable(id), dependencies, ...owner };
    const task: Task = { ...common, state: "waiting", hasKeyboard: false, hadKeyboard: false };
    build.tasks.set(id, task);
    return;
  }
  const task = build.tasks.get(event.task);
  if (task === undefined) return;
  switch (event.type) {
    case "TaskStarted":
      task.state = "running";
      task.startedAt = event.time;
      task.cwd = event.cwd;
      break;
    case "TaskReady":
      task.state = "ready";
      break;
    case "KeyboardTaken":
      task.hasKeyboard = task.hadKeyboard = true;
      break;
    case "KeyboardReleased":
      task.hasKeyboard = false;
      break;
    case "TaskCached":
      task.state = "cached";
      break;
    case "TaskSucceeded":
      end(task, "succeeded", event);
      break;
    case "TaskFailed":
      end(task, "failed", event);
      task.exitCode = event.exitCode;
      if (event.signal !== undefined) task.signal = event.signal;
      if (event.reason !== undefined) task.reason = event.reason;
      break;
    case "TaskCancelled":
      end(task, event.wasRunning ? "cancelled" : "skipped", event);
      break;
  }
}

function end(
  task: Task,
  state: TaskState,
  { durationMs, logPath }: { readonly durationMs?: number; readonly logPath?: string },
): void {
  task.state = state;
  task.hasKeyboard = false;
  if (durationMs !== undefined) task.durationMs = durationMs;
  if (logPath !== undefined) task.logPath = logPath;
}
