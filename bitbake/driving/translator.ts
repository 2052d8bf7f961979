/**
 * Translates the events of BitBake's server to simmer's events.
 *
 * @module
 */

import type { EventBody, Failure, LogLevel } from "../../wire/events.ts";
import { PyObject, type PyValue, toPlain } from "../pickle/mod.ts";
import { formatMessage, textOf } from "./percent_format.ts";

/** BitBake's log levels, with the thresholds of BitBake's own client. */
const LEVELS = { note: 20, plain: 21, warning: 29, error: 39 } as const;

/** The numbers of finished tasks of a build, by outcome. */
interface Counts {
  succeeded: number;
  failed: number;
}

/** Translates the events of one build. */
export class BitbakeTranslator {
  readonly #build: string;
  readonly #now: () => number;
  readonly #startedAt: number;
  readonly #tasks = new Map<string, number>();
  /** The tasks by their process ids. */
  readonly #processes = new Map<number, string>();
  readonly #failures: Failure[] = [];
  readonly #counts: Counts = { succeeded: 0, failed: 0 };
  #hasError = false;

  /**
   * Starts the translation of a build. Its duration is measured from here.
   *
   * @param now returns monotonic milliseconds
   */
  constructor(build: string, now: () => number) {
    this.#build = build;
    this.#now = now;
    this.#startedAt = now();
  }

  /** Translates one event. An event without a counterpart becomes a `BitbakeEvent`. */
  translate(event: PyValue): EventBody[] {
    if (!(event instanceof PyObject)) return [];
    switch (event.fullName) {
      case "logging.LogRecord":
        return this.#record(event);
      case "bb.build.TaskStarted":
        return this.#started(event);
      case "bb.build.TaskSucceeded":
        this.#counts.succeeded++;
        return [{ type: "TaskSucceeded", ...this.#common(event), ...logPath(event) }];
      case "bb.build.TaskFailed":
        return this.#failed(event);
      case "bb.event.NoProvider":
        return [this.#noProvider(event)];
      case "bb.command.CommandCompleted":
        return this.#end(this.#hasError || this.#counts.failed > 0 ? 1 : 0, false);
      case "bb.command.CommandExit":
        return this.#end(Number(event.get("exitcode") ?? 1), false);
      case "bb.command.CommandFailed": {
        const error = textOf(event.get("error"));
        return [...(error === "" ? [] : [this.#error(error)]), ...this.#end(1, false)];
      }
      case "bb.cooker.CookerExit":
        return this.#end(1, true);
      case "bb.event.HeartbeatEvent":
        return [{ type: "Heartbeat", build: this.#build }];
      default:
        return [{
          type: "BitbakeEvent",
          build: this.#build,
          name: event.fullName,
          attributes: toPlain(event.state ?? null),
        }];
    }
  }

  #started(event: PyObject): EventBody[] {
    const { build, task } = this.#common(event);
    this.#tasks.set(task, this.#now());
    this.#processes.set(Number(event.get("pid") ?? 0), task);
    const name = textOf(event.get("_task"));
    const owner = textOf(event.get("_package"));
    const common = { build, task, name, package: owner, prefixed: true };
    return [
      { type: "TaskQueued", ...common, dependencies: [] },
      { type: "TaskStarted", ...common, cwd: "/", command: `${owner} ${name}` },
    ];
  }

  #failed(event: PyObject): EventBody[] {
    this.#counts.failed++;
    const { build, task, durationMs } = this.#common(event);
    const path = logPath(event);
    this.#failures.push({ task, exitCode: 1, ...path });
    return [{ type: "TaskFailed", build, task, durationMs, exitCode: 1, ...path }];
  }

  #record(event: PyObject): EventBody[] {
    const level = Number(event.get("levelno") ?? 0);
    if (level >= LEVELS.error) this.#hasError = true;
    const process = Number(event.get("taskpid") ?? 0);
    const task = process === 0 ? undefined : this.#processes.get(process);
    // As in BitBake's own client, notes of a task are only in the task's log file.
    const isHidden = process !== 0 && level <= LEVELS.note;
    return [{
      type: "LogRecord",
      build: this.#build,
      level: isHidden ? "debug" : levelOf(level),
      message: formatMessage(textOf(event.get("msg")), event.get("args")),
      label: labelOf(level),
      ...(task === undefined ? {} : { task }),
    }];
  }

  #error(message: string): EventBody {
    this.#hasError = true;
    return { type: "LogRecord", build: this.#build, level: "error", message, label: "ERROR" };
  }

  #noProvider(event: PyObject): EventBody {
    const words = [`Nothing provides ${textOf(event.get("_item"))}`];
    const dependees = listOf(event.get("_dependees"));
    if (dependees.length > 0) words.push(`needed by ${dependees.join(", ")}`);
    words.push(...listOf(event.get("_reasons")));
    const near = listOf(event.get("_close_matches"));
    if (near.length > 0) words.push(`did you mean ${near.join(", ")}?`);
    return this.#error(words.join("; "));
  }

  #end(exitCode: number, isCut: boolean): EventBody[] {
    const { succeeded, failed } = this.#counts;
    const build = this.#build;
    const completed: EventBody = {
      type: "BuildCompleted",
      build,
      outcome: isCut ? "cancelled" : exitCode === 0 ? "succeeded" : "failed",
      exitCode,
      counts: {
        total: succeeded + failed,
        succeeded,
        failed,
        cached: 0,
        cancelled: 0,
        skipped: 0,
      },
      durationMs: Math.round(this.#now() - this.#startedAt),
      failures: this.#failures,
    };
    const command = "runTasks";
    return [
      completed,
      exitCode === 0
        ? { type: "CommandCompleted", build, command }
        : { type: "CommandExit", build, command, exitCode },
    ];
  }

  #common(event: PyObject): { build: string; task: string; durationMs: number } {
    const task = `${textOf(event.get("_package"))}:${textOf(event.get("_task"))}`;
    const since = this.#tasks.get(task) ?? this.#now();
    return { build: this.#build, task, durationMs: Math.round(this.#now() - since) };
  }
}

/** Returns the texts of a list. A single value becomes a list with its text. */
function listOf(value: PyValue | undefined): string[] {
  if (Array.isArray(value)) return value.map(textOf);
  return value === undefined || value === null ? [] : [textOf(value)];
}

function logPath(event: PyObject): { readonly logPath?: string } {
  const path = textOf(event.get("logfile"));
  return path === "" ? {} : { logPath: path };
}

function levelOf(level: number): LogLevel {
  if (level >= LEVELS.error) return "error";
  if (level >= LEVELS.warning) return "warn";
  return level >= LEVELS.note ? "info" : "debug";
}

/** Returns BitBake's own name of a level. */
function labelOf(level: number): string {
  if (level >= LEVELS.error) return "ERROR";
  if (level >= LEVELS.warning) return "WARNING";
  if (level === LEVELS.plain) return "PLAIN";
  return level >= LEVELS.note - 1 ? "NOTE" : "DEBUG";
}
