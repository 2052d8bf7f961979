/**
 * Translates simmer's events of a build to the events of BitBake's clients.
 *
 * @module
 */

import type { BuildCompleted, SimmerEvent, TaskQueued } from "../../wire/events.ts";
import { decodeOutput } from "../../wire/output.ts";
import type { PyObject } from "../pickle/mod.ts";
import {
  type BuildStats,
  commandCompleted,
  commandFailed,
  cookerExit,
  heartbeat,
  LEVELS,
  logRecord,
  queueTaskStarted,
  taskFailed,
  taskStarted,
  taskSucceeded,
  type ToldTask,
} from "./objects.ts";

/** The displayed package of a task that has none. */
const NO_PACKAGE = "task";

const LOG_LEVELS = {
  debug: LEVELS.debug,
  info: LEVELS.note,
  warn: LEVELS.warning,
  error: LEVELS.error,
} as const;

/** Translates the events of one build. */
export class EventTranslator {
  readonly #tasks = new Map<string, ToldTask>();
  /** Incomplete last lines of output, by stream and task. */
  readonly #partial = new Map<string, string>();
  /** Decoders by stream and task: a character may be split between two pieces of output. */
  readonly #decoders = new Map<string, TextDecoder>();
  #total = 0;
  #completed = 0;
  #active = 0;
  #failed = 0;
  #outcome: BuildCompleted["outcome"] | undefined;

  /** Translates an event to BitBake's objects. The result is empty if the client needs none. */
  translate(event: SimmerEvent): PyObject[] {
    switch (event.type) {
      case "BuildStarted":
        this.#total = event.total;
        return [];
      case "TaskQueued":
        this.#queue(event);
        return [];
      case "TaskStarted":
        return this.#started(event.task);
      case "TaskCached":
        this.#completed++;
        return [logRecord(LEVELS.plain, `${event.task}: cached, inputs unchanged`)];
      case "TaskOutput":
        return this.#lines(`${event.stream} ${event.task}`, decodeOutput(event));
      case "TaskSucceeded":
        return this.#ended(event.task, (task) => {
          this.#completed++;
          return [taskSucceeded(task)];
        });
      case "TaskFailed":
        return this.#ended(event.task, (task) => {
          this.#failed++;
          return taskFailed(task, this.#stats, event.exitCode, event.logPath ?? "");
        });
      case "TaskCancelled":
        if (!event.wasRunning) return [];
        return this.#ended(event.task, (task) => {
          this.#failed++;
          return taskFailed(task, this.#stats, 143, event.logPath ?? "");
        });
      case "BuildCompleted":
        this.#outcome = event.outcome;
        return [logRecord(LEVELS.note, tasksSummary(event))];
      case "CommandCompleted":
        return [commandCompleted()];
      case "CommandExit":
        return this.#outcome === "cancelled"
          ? [commandFailed("The build was cancelled")]
          : [commandCompleted()];
      case "CommandFailed":
        return [logRecord(LEVELS.error, event.error.message), commandFailed(event.error.message)];
      case "LogRecord":
        return [logRecord(LOG_LEVELS[event.level], event.message)];
      case "Heartbeat":
        return [heartbeat()];
      case "ServerExit":
        return [cookerExit()];
      default:
        return [];
    }
  }

  get #stats(): BuildStats {
    return {
      total: this.#total,
      completed: this.#completed,
      active: this.#active,
      failed: this.#failed,
    };
  }

  #queue({ task, name, package: owner = NO_PACKAGE }: TaskQueued): void {
    const pid = this.#tasks.size + 1;
    this.#tasks.set(task, { package: owner, name, file: `${owner}/${task}`, pid });
  }

  #started(id: string): PyObject[] {
    const task = this.#tasks.get(id);
    if (task === undefined) return [];
    // The counts that a client displays are those before the start.
    const queued = queueTaskStarted(task, this.#stats);
    this.#active++;
    return [queued, taskStarted(task, "")];
  }

  #ended(id: string, tell: (task: ToldTask) => PyObject[]): PyObject[] {
    const task = this.#tasks.get(id);
    if (task === undefined) return [];
    this.#active--;
    const rest = ["stdout", "stderr"].flatMap((stream) => {
      const key = `${stream} ${id}`;
      const line = (this.#partial.get(key) ?? "") + (this.#decoders.get(key)?.decode() ?? "");
      this.#partial.delete(key);
      this.#decoders.delete(key);
      return line === "" ? [] : [logRecord(LEVELS.plain, line)];
    });
    return [...rest, ...tell(task)];
  }

  #lines(key: string, bytes: Uint8Array): PyObject[] {
    const decoder = this.#decoders.get(key) ?? new TextDecoder();
    this.#decoders.set(key, decoder);
    const text = decoder.decode(bytes, { stream: true });
    const lines = ((this.#partial.get(key) ?? "") + text).split("\n");
    this.#partial.set(key, lines.pop() ?? "");
    return lines.map((line) => logRecord(LEVELS.plain, line));
  }
}

/**
 * Returns the last note of a build, in the words of BitBake's run queue. A task that was cancelled
 * while it ran counts as failed, because the client was sent a failure for it.
 */
function tasksSummary({ counts }: BuildCompleted): string {
  const { succeeded, cached } = counts;
  const failed = counts.failed + counts.cancelled;
  const outcome = failed === 0 ? "all succeeded" : `${failed} failed`;
  return `Tasks Summary: Attempted ${succeeded + cached + failed} tasks of which ${cached} ` +
    `didn't need to be rerun and ${outcome}.`;
}
