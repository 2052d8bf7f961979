/**
 * The tasks of one build: feeds the scheduler, carries out its effects, and reports the progress of
 * each task.
 *
 * @module
 */

import type { Cancel } from "../../server/cooker.ts";
import type { Clock } from "../../system/clock.ts";
import type { TaskSignal } from "../../wire/signals.ts";
import type { Cancellation } from "../execute/cancellation.ts";
import type { ExitStatus, LeftoverProcesses } from "../execute/executor.ts";
import type { BuildPlan, PlannedTask } from "../plan/plan.ts";
import type { BuildReport } from "./build_report.ts";
import type { CacheLookup } from "./cache_lookup.ts";
import type { Progress } from "./executions.ts";
import { ExitCode } from "./exit_code.ts";
import {
  Scheduler,
  type SchedulerEffect,
  type SchedulerInput,
  type TaskStatus,
} from "./scheduler.ts";
import { StarvedNotice } from "./starved_notice.ts";
import { TaskRun, type TaskRunContext, type TaskRunOutcome } from "./task_run.ts";
import type { TimeSlice } from "./time_slice.ts";

/** The options of {@linkcode BuildTasks}. */
interface BuildTasksOptions {
  readonly plan: BuildPlan;
  readonly clock: Clock;
  readonly context: TaskRunContext;
  readonly lookup: CacheLookup;
  /** Time in which cache hits are found without yielding. */
  readonly slice: TimeSlice;
  readonly report: BuildReport;
  /** Called with the duration of each successful task that was executed. */
  readonly ran?: (task: PlannedTask, durationMs: number) => void;
  /** Owns asynchronous work. The build fails if it does. */
  readonly own: (work: Promise<void>) => void;
  /** Called when no task runs any more, and none will. */
  readonly finish: () => void;
}

/** A task that was ready, and its outcome. */
interface Task {
  readonly run: TaskRun;
  /** Time at which the task was admitted. */
  startedAt: number;
  logPath: string | undefined;
  status: ExitStatus;
}

/** Runs the tasks of one build in the order of the scheduler. */
export class BuildTasks implements Disposable {
  readonly #options: BuildTasksOptions;
  readonly #scheduler: Scheduler;
  readonly #tasks = new Map<number, Task>();
  readonly #leftovers: LeftoverProcesses[] = [];
  readonly #starved: StarvedNotice;
  /** The queue of scheduler inputs. The first one is being processed. */
  readonly #inputs: SchedulerInput[] = [];
  /** The last request to end. */
  #cancelled: Cancel = { kind: "end" };
  /** The exit code, from the ends of the tasks so far. */
  readonly exitCode: ExitCode = new ExitCode();

  constructor(options: BuildTasksOptions) {
    this.#options = options;
    const { plan: { tasks, keepGoing }, clock, report } = options;
    const dependencies = tasks.map((task) => task.dependencies);
    const kept = new Set(
      tasks.flatMap(({ service, requested }, index) =>
        service !== undefined && requested ? [index] : []
      ),
    );
    this.#scheduler = new Scheduler({ dependencies, keepGoing, kept });
    this.#starved = new StarvedNotice({
      clock,
      waiting: () => tasks.filter((_, index) => this.#scheduler.status[index] === "ready"),
      warn: (message) => report.warn(message),
    });
  }

  /** True if the tasks were asked to end. */
  get isCancelled(): boolean {
    return this.#scheduler.isCancelled;
  }

  /** The states of the tasks, by their indices. */
  get statuses(): readonly TaskStatus[] {
    return this.#scheduler.status;
  }

  /** True if every task with a command was a cache hit. */
  get areAllCached(): boolean {
    return this.exitCode.value === 0 &&
      this.#options.plan.tasks.every((task, index) =>
        task.command === undefined || this.#scheduler.status[index] === "cached"
      );
  }

  /** Starts the first tasks. */
  begin(): void {
    this.#feed({ kind: "begin" });
  }

  /** Asks all tasks to end. No further task starts. */
  cancel(how: Cancel): void {
    this.#cancelled = how;
    // Tasks that have been asked to end before get further requests directly.
    const asked = [...this.#tasks.values()].filter(({ run }) => run.isAsked);
    this.#feed({ kind: "cancel" });
    for (const { run } of asked) run.cancel(how);
  }

  /** Kills the processes of all tasks, after a defect. */
  kill(): void {
    for (const { run } of this.#tasks.values()) run.cancel({ kind: "kill" });
  }

  /**
   * Passes a signal on to the processes of all tasks.
   *
   * @returns true if there was a receiver
   */
  pass(signal: TaskSignal): boolean {
    const passed = [...this.#tasks.values()].map(({ run }) => run.pass(signal));
    return passed.includes(true);
  }

  /** Ends the processes that commands have left in the background. */
  async endLeftovers(asked: Cancellation): Promise<void> {
    await Promise.all(this.#leftovers.map((leftovers) => leftovers.end(asked)));
  }

  /** Stops watching for tasks that wait for a slot. */
  [Symbol.dispose](): void {
    this.#starved.end();
  }

  /**
   * Feeds the scheduler. Inputs that arrive while effects are carried out are processed after all
   * of these effects.
   */
  #feed(input: SchedulerInput): void {
    this.#inputs.push(input);
    if (this.#inputs.length > 1) return;
    for (let next = this.#inputs[0]; next !== undefined; next = this.#inputs[0]) {
      const ready: number[] = [];
      for (const effect of this.#scheduler.feed(next)) {
        if (effect.kind === "ready") ready.push(effect.task);
        else this.#carryOut(effect);
      }
      // Of tasks that become ready together, the one with the smallest rank gets the first slot.
      const { rankOf } = this.#options.context;
      for (const task of ready.sort((a, b) => rankOf(a) - rankOf(b))) this.#ready(task);
      this.#inputs.shift();
    }
  }

  #carryOut(effect: Exclude<SchedulerEffect, { readonly kind: "ready" }>): void {
    switch (effect.kind) {
      case "end":
        return this.#tasks.get(effect.task)?.run.cancel(
          this.isCancelled ? this.#cancelled : { kind: "end" },
        );
      case "settle":
        return this.#settle(effect.task, effect.status);
      case "skip":
        // A task without a command only stands for its dependencies.
        if (this.#task(effect.task).command !== undefined) this.exitCode.skipped();
        this.#tasks.get(effect.task)?.run.cancel({ kind: "end" });
        this.#options.report.skipped(this.#task(effect.task));
        return;
      case "finish":
        this.#options.finish();
    }
  }

  #ready(index: number): void {
    const task = this.#task(index);
    const { clock, plan, context, lookup, slice, report, own } = this.#options;
    const now = clock.monotonic();
    const recalled = slice.isOver ? undefined : lookup.recall(index, plan.tasks);
    if (recalled !== undefined) {
      report.cached(task, recalled);
      this.#feed({ kind: "started", task: index });
      return this.#feed({ kind: "ended", task: index, result: "cached" });
    }
    const dependencies = task.counted.map((each) => [each, this.#task(each)] as const);
    const state: Task = {
      run: new TaskRun(context, { index, task, dependencies }, {
        admitted: () => {
          state.startedAt = clock.monotonic();
          this.#starved.progress();
          this.#feed({ kind: "started", task: index });
        },
        begun: (progress, shared) => this.#begun(index, progress, shared),
        sink: report.sink(task),
      }),
      startedAt: now,
      logPath: undefined,
      status: { code: 0 },
    };
    this.#tasks.set(index, state);
    own(this.#run(index, state));
    if (context.slots.waiting > 0) this.#starved.waits();
  }

  async #run(index: number, state: Task): Promise<void> {
    try {
      const result = await state.run.run();
      // It may have been asked to end before it could start.
      if (result !== undefined && this.#scheduler.status[index] !== "skipped") {
        this.#ended(index, state, result);
      }
    } finally {
      state.run.release();
    }
  }

  #ended(index: number, state: Task, { outcome, logPath }: TaskRunOutcome): void {
    this.#starved.progress();
    if (outcome.kind === "cached") {
      return this.#feed({ kind: "ended", task: index, result: "cached" });
    }
    state.status = outcome.status;
    state.logPath = logPath;
    if (state.run.isStarter && outcome.status.leftovers !== undefined) {
      this.#leftovers.push(outcome.status.leftovers);
    }
    const ended = outcome.status.code === 0 ? "succeeded" : "failed";
    this.#feed({ kind: "ended", task: index, result: ended });
  }

  #begun(index: number, progress: Progress, shared: string | undefined): void {
    const { report, clock } = this.#options;
    const task = this.#task(index);
    if (progress.kind === "ready") {
      const startedAt = this.#tasks.get(index)?.startedAt ?? 0;
      const durationMs = Math.round(clock.monotonic() - startedAt);
      report.ready(task, durationMs);
      this.#feed({ kind: "serving", task: index });
    } else if (progress.kind === "cached") {
      report.cached(task, progress.fingerprint, progress.replayedBytes);
    } else report.started(task, shared);
  }

  #settle(index: number, status: TaskStatus): void {
    const { report, clock, ran, own } = this.#options;
    const task = this.#task(index);
    const state = this.#tasks.get(index);
    if (state === undefined || status === "cached") return;
    const { run, logPath } = state;
    const durationMs = Math.round(clock.monotonic() - state.startedAt);
    const end = { durationMs, logPath };
    if (status === "succeeded") {
      const isMeasured = run.isStarter && task.service === undefined;
      if (isMeasured) ran?.(task, durationMs);
      report.succeeded(task, end);
    } else if (status === "failed") {
      this.exitCode.failed(state.status);
      report.failed(task, end, state.status);
    } else {
      this.exitCode.cancelled(run.hasStarted, state.status);
      report.cancelled(task, end, run.hasStarted);
    }
    own(report.flush());
  }

  #task(index: number): PlannedTask {
    const task = this.#options.plan.tasks[index];
    if (task === undefined) throw new RangeError(`The build has no task ${index}`);
    return task;
  }
}
