/**
 * BitBake's events as simmer's.
 *
 * @module
 */

import type { EventBody, Failure, LogLevel } from "../../wire/events.ts";
import { PyObject, PyTuple, type PyValue, toPlain } from "../pickle/mod.ts";

/** How many characters of an event that has no counterpart are kept. */
const MAX_TEXT = 4096;

/** What a build has come to. */
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
  readonly #failures: Failure[] = [];
  readonly #counts: Counts = { succeeded: 0, failed: 0 };
  #hasError = false;

  /**
   * Begins a build.
   *
   * @param now monotonic milliseconds
   */
  constructor(build: string, now: () => number) {
    this.#build = build;
    this.#now = now;
    this.#startedAt = now();
  }

  /** What an event is here. */
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
        this.#hasError = true;
        return [this.#log("error", `Nothing provides ${textOf(event.get("_item"))}`)];
      case "bb.command.CommandCompleted":
        return this.#end(this.#hasError || this.#counts.failed > 0 ? 1 : 0, false);
      case "bb.command.CommandExit":
        return this.#end(Number(event.get("exitcode") ?? 1), false);
      case "bb.command.CommandFailed": {
        const error = textOf(event.get("error"));
        return [...(error === "" ? [] : [this.#log("error", error)]), ...this.#end(1, false)];
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
    if (level >= 39) this.#hasError = true;
    return [this.#log(levelOf(level), messageOf(event))];
  }

  #log(level: LogLevel, message: string): EventBody {
    return { type: "LogRecord", build: this.#build, level, message };
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

function logPath(event: PyObject): { readonly logPath?: string } {
  const path = textOf(event.get("logfile"));
  return path === "" ? {} : { logPath: path };
}

function levelOf(level: number): LogLevel {
  if (level >= 39) return "error";
  if (level >= 29) return "warn";
  return level >= 20 ? "info" : "debug";
}

/** A record's message with its arguments: `%s` and `%d` alone are filled in. */
function messageOf(event: PyObject): string {
  const args = event.get("args");
  const values = args instanceof PyTuple ? [...args.items] : [];
  return textOf(event.get("msg")).replaceAll(/%(?:[sdr]|%)/g, (mark) => {
    if (mark === "%%") return "%";
    return values.length === 0 ? mark : textOf(values.shift() ?? null);
  });
}

function textOf(value: PyValue | undefined): string {
  if (value === undefined || value === null) return "";
  return typeof value === "string" ? value : plainText(value);
}

function plainText(value: PyValue): string {
  return JSON.stringify(toPlain(value)).slice(0, MAX_TEXT);
}
