/**
 * Reports a build: sends its events to the client, and records them in its journal.
 *
 * @module
 */

import { macrotask } from "../../system/macrotask.ts";
import type { RunTasksParams } from "../../wire/commands.ts";
import type { BuildCounts, BuildOutcome, EventBody, Failure } from "../../wire/events.ts";
import { encodeOutput } from "../../wire/output.ts";
import { hasSecret } from "../../wire/redact.ts";
import type { CommandCall } from "../../server/cooker.ts";
import type { ExitStatus, OutputSink } from "../execute/executor.ts";
import type { BuildPlan, PlannedTask } from "../plan/plan.ts";
import { audit } from "./audit.ts";
import type { BuildFiles } from "./build_files.ts";
import type { TaskStatus } from "./scheduler.ts";

/** Parts of a build that its report uses. */
interface ReportOptions {
  readonly id: string;
  readonly plan: BuildPlan;
  /** Sentences about the config that no build has shown yet. */
  readonly notes?: readonly string[];
  readonly call: CommandCall;
  readonly files: BuildFiles;
  readonly jobs: number;
  /** Destination of the tasks' output. */
  readonly output?: RunTasksParams["output"];
}

/** The end of a task. */
interface TaskEnd {
  readonly durationMs: number;
  readonly logPath: string | undefined;
}

/** The end of a build. */
interface BuildEnd {
  readonly outcome: BuildOutcome;
  readonly exitCode: number;
  readonly statuses: readonly TaskStatus[];
  readonly durationMs: number;
}

/** Sends and records the events of one build. */
export class BuildReport {
  readonly #options: ReportOptions;
  readonly #hasSecrets: boolean;
  readonly #failures: Failure[] = [];
  #isFlushing = false;
  #isOver = false;

  constructor(options: ReportOptions) {
    this.#options = options;
    const { plan, call } = options;
    this.#hasSecrets = plan.hasSecrets || hasSecret(call.client.command);
  }

  /** Reports the beginning of the build, and all of its tasks. */
  begun(): void {
    const { id: build, plan, call, jobs, files, output } = this.#options;
    this.emit({
      type: "BuildStarted",
      build,
      requested: plan.requested,
      total: plan.tasks.length,
      jobs,
      client: call.client,
      ...(typeof output === "object" ? { terminal: output } : {}),
    });
    files.whenFailed((error) => this.warn(`Cannot record this build: ${error.message}`));
    for (const note of this.#options.notes ?? []) this.warn(note);
    for (const { id, name, package: owner, dependencies, prefixed, label } of plan.tasks) {
      this.emit({
        type: "TaskQueued",
        build,
        task: id,
        name,
        ...(owner === undefined ? {} : { package: owner }),
        dependencies: dependencies.map((index) => plan.tasks[index]?.id ?? ""),
        prefixed,
        ...(label === undefined ? {} : { label }),
      });
    }
  }

  /** Reports that a task's command has begun. `shared`: the build that has started it, if another. */
  started(task: PlannedTask, shared: string | undefined): void {
    const { cwd, prefixed } = task;
    const by = shared === undefined ? {} : { shared };
    const { command, caching, service } = task;
    const isUndeclared = command !== undefined && caching === undefined && service === undefined;
    const undeclared = isUndeclared ? { isUndeclared } : {};
    this.emit({ type: "TaskStarted", ...this.#head(task), cwd, prefixed, ...by, ...undeclared });
  }

  /** Reports a cache hit. @param replayedBytes size of the recorded output that will follow */
  cached(task: PlannedTask, fingerprint: string, replayedBytes = 0): void {
    const replayed = replayedBytes === 0 ? {} : { replayedBytes };
    this.emit({ type: "TaskCached", ...this.#head(task), fingerprint, ...replayed });
  }

  /** Reports that a service is ready. */
  ready(task: PlannedTask, durationMs: number): void {
    this.emit({ type: "TaskReady", ...this.#head(task), durationMs });
  }

  /** Returns the receiver of a task's output. */
  sink(planned: PlannedTask): OutputSink {
    const { id: build, plan } = this.#options;
    const { id: task, name, package: owner } = planned;
    return {
      write: async (stream, bytes) => {
        await this.emit({ type: "TaskOutput", build, task, stream, ...encodeOutput(bytes) });
      },
      warn: (message) => this.warn(message, task),
      accessed: (files) => {
        const whose = owner === undefined ? {} : { package: owner };
        const context = { root: plan.root, dependencies: dependenciesOf(plan, planned) };
        const found = audit(planned, files, context);
        this.emit({ type: "TaskAudited", build, task, name, ...whose, ...found });
      },
    };
  }

  /** Reports a warning about the build, or about one of its tasks. */
  warn(message: string, task?: string): void {
    const { id: build } = this.#options;
    const about = task === undefined ? {} : { task };
    void this.emit({ type: "LogRecord", build, level: "warn", message, ...about });
  }

  /** Reports that a task will never start. */
  skipped({ id: task }: PlannedTask): void {
    const { id: build } = this.#options;
    this.emit({ type: "TaskCancelled", build, task, wasRunning: false });
  }

  /** Reports that a task has succeeded. */
  succeeded(task: PlannedTask, end: TaskEnd): void {
    this.emit({ type: "TaskSucceeded", ...this.#common(task, end) });
  }

  /** Reports that a task has failed. */
  failed(task: PlannedTask, end: TaskEnd, status: ExitStatus): void {
    const { code: exitCode, signal, reason, lastLines = [] } = status;
    const why = reason === undefined ? {} : { reason };
    const log = end.logPath === undefined ? {} : { logPath: end.logPath };
    this.#failures.push({ task: task.id, exitCode, ...log, ...why });
    this.emit({
      type: "TaskFailed",
      ...this.#common(task, end),
      exitCode,
      ...(signal === undefined ? {} : { signal }),
      ...why,
      ...(lastLines.length === 0 ? {} : { lastLines }),
    });
  }

  /** Reports that a task was ended on request. */
  cancelled(task: PlannedTask, end: TaskEnd, wasRunning: boolean): void {
    this.emit({ type: "TaskCancelled", wasRunning, ...this.#common(task, end) });
  }

  /** Reports the end of the build. Errors in writing the journal are reported before. */
  completed({ outcome, exitCode, statuses, durationMs }: BuildEnd): void {
    const { id: build, files } = this.#options;
    files.flush();
    this.emit({
      type: "BuildCompleted",
      build,
      outcome,
      exitCode,
      counts: countsOf(statuses),
      durationMs,
      failures: this.#failures,
    });
  }

  /**
   * Sends an event to the client and records it. The promise resolves when the client can take
   * more. It is absent if there is no need to wait.
   */
  emit(body: EventBody): Promise<void> | undefined {
    const { event, ready } = this.#options.call.emit(body);
    this.#options.files.record(event, this.#hasSecrets);
    return ready;
  }

  /** Writes the journal of all events so far to disk, and returns its path. */
  writeJournal(): string {
    const { files } = this.#options;
    files.flush();
    return files.journalPath;
  }

  /** Closes the journal. Safe to call twice. */
  close(): void {
    this.#isOver = true;
    this.#options.files.close();
  }

  /** Flushes the journal once for all events of one turn of the loop. */
  async flush(): Promise<void> {
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    await macrotask();
    this.#isFlushing = false;
    if (!this.#isOver) this.#options.files.flush();
  }

  #head({ id, name, header, package: owner }: PlannedTask): {
    readonly build: string;
    readonly task: string;
    readonly name: string;
    readonly package?: string;
    readonly command?: string;
  } {
    const whose = owner === undefined ? {} : { package: owner };
    const common = { build: this.#options.id, task: id, name, ...whose };
    return header === undefined ? common : { ...common, command: header };
  }

  #common({ id: task }: PlannedTask, { durationMs, logPath }: TaskEnd): {
    readonly build: string;
    readonly task: string;
    readonly durationMs: number;
    readonly logPath?: string;
  } {
    const log = logPath === undefined ? {} : { logPath };
    return { build: this.#options.id, task, durationMs, ...log };
  }
}

/** Returns all tasks that a task depends on, directly or not. */
function dependenciesOf({ tasks }: BuildPlan, task: PlannedTask): PlannedTask[] {
  const found = new Set<PlannedTask>();
  const open = [task];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    for (const index of next.dependencies) {
      const dependency = tasks[index];
      if (dependency === undefined || found.has(dependency)) continue;
      found.add(dependency);
      open.push(dependency);
    }
  }
  return [...found];
}

function countsOf(statuses: readonly TaskStatus[]): BuildCounts {
  const count = (status: TaskStatus): number => statuses.filter((each) => each === status).length;
  return {
    total: statuses.length,
    succeeded: count("succeeded"),
    cached: count("cached"),
    failed: count("failed"),
    cancelled: count("cancelled"),
    skipped: count("skipped"),
  };
}
