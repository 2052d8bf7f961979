/**
 * Runs one build: feeds events to the scheduler, carries out its effects, and reports the progress
 * to the client.
 *
 * @module
 */

import type { DescriptorMap } from "../../system/process/passed_descriptors.ts";
import type { StartAttributes } from "../../system/process/start_attributes.ts";
import type { Clock } from "../../system/clock.ts";
import { ioTurn } from "../../system/macrotask.ts";
import { Latch } from "../../system/source.ts";
import type { RunTasksParams, TerminalSize, TerminalUse } from "../../wire/commands.ts";
import type { TaskSignal } from "../../wire/signals.ts";
import { BuildTerminals } from "./build_terminals.ts";
import type { BuildFiles } from "./build_files.ts";
import type { DeferredResults } from "../cache/deferred_results.ts";
import type { CacheKey } from "../cache/cache_key.ts";
import type { ResultCache } from "../cache/result_cache.ts";
import type { Baseline } from "./change_subscriptions.ts";
import type {
  AsyncCommand,
  AsyncOutcome,
  Cancel,
  CommandActivity,
  CommandCall,
  StepResult,
} from "../../server/cooker.ts";
import { CancellationController } from "../execute/cancellation.ts";
import type { Executor, ExitStatus, LeftoverProcesses } from "../execute/executor.ts";
import type { BuildPlan, PlannedTask } from "../plan/plan.ts";
import {
  Scheduler,
  type SchedulerEffect,
  type SchedulerInput,
  type TaskStatus,
} from "./scheduler.ts";
import { CacheLookup } from "./cache_lookup.ts";
import { BuildReport } from "./build_report.ts";
import { ExitCode } from "./exit_code.ts";
import { StarvedNotice } from "./starved_notice.ts";
import type { BuildNode, Execution, Executions, Progress } from "./executions.ts";
import type { ServiceHold } from "./service_hold.ts";
import type { SlotPool, SlotQueue } from "./slot_pool.ts";
import { TaskRun, type TaskRunContext, type TaskRunOutcome } from "./task_run.ts";
import { TaskResults } from "./task_results.ts";
import { TaskRunner } from "./task_runner.ts";

/** Milliseconds that a build works before it yields to the server's loop. */
const STRETCH_MS = 8;

/** The options of a {@linkcode Build}. */
interface BuildOptions {
  readonly id: string;
  readonly plan: BuildPlan;
  /** Sentences about the config that no build has shown yet. */
  readonly notes?: readonly string[];
  readonly call: CommandCall;
  readonly detached: boolean;
  /** The executions of all builds. */
  readonly executions: Executions;
  /** The job slots of all builds. */
  readonly slots: SlotPool;
  /** The number of tasks that may run at once. If absent, that of the plan. */
  readonly jobs?: number;
  /** The execution whose task has started the client. If absent, the build is not nested. */
  readonly parent?: Execution;
  /** Keeps services running after the build. If absent, they end with the last build. */
  readonly hold?: ServiceHold;
  /** Returns true if a process's stdin has bytes to read now. */
  readonly hasInput: (pid: number) => boolean;
  /** Returns true if a shell can continue a process that has suspended itself. */
  readonly canSuspend: (pid: number) => boolean;
  /** Owns work that goes on after the build. */
  readonly own: (what: string, work: Promise<void>) => void;
  readonly executor: Executor;
  readonly files: BuildFiles;
  readonly clock: Clock;
  /** If absent, every task runs. */
  readonly cache?: ResultCache;
  /** Results that are not stored yet. If absent, caching is not deferred. */
  readonly deferred?: DeferredResults;
  /** True if results are stored before the build goes on. */
  readonly keepsAtOnce?: boolean;
  /** True if the inputs of each task must be recorded when it begins. */
  readonly isWatched?: boolean;
  /**
   * For each task its rank. Of several tasks that could start, the smallest rank starts first.
   * Default: its index.
   */
  readonly rank?: readonly number[];
  /** The process whose stdin the tasks read. If absent, they read an empty stdin. */
  readonly stdinPid?: number;
  /** Descriptors that the client has passed, including its stdin. If absent, there are none. */
  readonly passed?: DescriptorMap;
  /** The destination of the tasks' output. Default: two pipes for each task. */
  readonly output?: RunTasksParams["output"];
  /** Path of the client's terminal. Absent if the client passes no keys on. */
  readonly keyboard?: string;
  /** Returns the client's attributes. Called once, when the first command is executed. */
  readonly attributes?: () => StartAttributes | undefined;
  /** Called with the duration of each successful task that was executed. */
  readonly ran?: (task: PlannedTask, durationMs: number) => void;
}

/** A task that was ready, and its outcome. */
interface Task {
  readonly run: TaskRun;
  /** Time at which the task was admitted. */
  startedAt: number;
  logPath: string | undefined;
  status: ExitStatus;
}

/** A build in progress. */
export class Build implements AsyncCommand, BuildNode {
  readonly build: string;
  readonly command: string;
  readonly parent: Execution | undefined;
  readonly jobs: number;
  readonly detached: boolean;
  /** Resolves when nothing of the build runs any more. */
  readonly ended: Promise<void>;
  readonly #options: BuildOptions;
  readonly #wake = new Latch("build");
  readonly #whole = new CancellationController();
  readonly #tasks = new Map<number, Task>();
  readonly #slots: SlotQueue;
  readonly #taskContext: TaskRunContext;
  /** Present while the build is nested in an execution, which has lent its slot. */
  readonly #nesting: Disposable | undefined;
  readonly #leftovers: LeftoverProcesses[] = [];
  readonly #report: BuildReport;
  readonly #exitCode = new ExitCode();
  readonly #starved: StarvedNotice;
  /** The queue of scheduler inputs. The first one is being processed. */
  readonly #inputs: SchedulerInput[] = [];
  readonly #finished = Promise.withResolvers<void>();
  readonly #results: TaskResults;
  readonly #lookup: CacheLookup;
  /** Present if the tasks get terminals. */
  readonly #terminals: BuildTerminals | undefined;
  #gaveWayAt = 0;
  readonly #scheduler: Scheduler;
  /** The last request to end. */
  #cancelled: Cancel = { kind: "end" };
  #startedAt: number | undefined;
  /** The client's signal that has cancelled the build. */
  #signal: TaskSignal | undefined;
  /** The exit code, once the build is complete. */
  #code = 0;
  #isFinished = false;
  #isSuspended = false;
  #defect: { readonly error: unknown } | undefined;

  /** @param options the build begins with its first step */
  constructor(options: BuildOptions) {
    this.#options = options;
    this.build = options.id;
    this.command = options.call.client.command;
    this.parent = options.parent;
    this.detached = options.detached;
    this.ended = this.#finished.promise;
    const { tasks, jobs, keepGoing, force, replayLogs } = options.plan;
    const dependencies = tasks.map((task) => task.dependencies);
    const kept = new Set(
      tasks.flatMap(({ service, requested }, index) =>
        service !== undefined && requested ? [index] : []
      ),
    );
    this.#scheduler = new Scheduler({ dependencies, keepGoing, kept });
    this.jobs = options.jobs ?? jobs;
    this.#slots = options.slots.join({ jobs: this.jobs, isNested: options.parent !== undefined });
    this.#nesting = options.parent?.begin(this);
    this.#report = new BuildReport({ ...options, jobs: this.jobs });
    this.#starved = new StarvedNotice({
      clock: options.clock,
      waiting: () => tasks.filter((_, index) => this.#scheduler.status[index] === "ready"),
      warn: (message) => this.#report.warn(message),
    });
    const { output, ...rest } = options;
    this.#terminals = typeof output === "object" ? this.#terminalsOf(output) : undefined;
    const runnersOutput = typeof output === "object" ? this.#terminals : output;
    this.#results = new TaskResults(options.deferred);
    const results = this.#results;
    this.#lookup = new CacheLookup({ ...rest, results, force, replayLogs });
    const runner = new TaskRunner({
      ...rest,
      results,
      lookup: this.#lookup,
      force,
      ...(runnersOutput === undefined ? {} : { output: runnersOutput }),
    });
    const { files, rank, executions } = options;
    this.#taskContext = {
      build: this,
      runner,
      results,
      executions,
      slots: this.#slots,
      logPath: (index) => files.logPath(this.#task(index).id, index),
      ensureLogs: () => files.ensureLogs(),
      keepsLogs: files.areKept,
      mayShare: (task) => (!force || task.service !== undefined) && !this.#readsInput(task),
      rankOf: (index) => rank?.[index] ?? index,
      giveWay: () => this.#giveWay(),
      hold: options.hold,
      own: (work) => options.own("an execution", work),
    };
  }

  /** The fingerprints and inputs of the tasks that have begun, by their indices. */
  get cacheKeys(): ReadonlyMap<number, CacheKey> {
    return this.#results.cacheKeys;
  }

  /** The recorded inputs of the tasks that have begun, by their indices. */
  get baselines(): ReadonlyMap<number, Baseline> {
    return this.#results.baselines;
  }

  /** The build was cancelled. */
  get isCancelled(): boolean {
    return this.#scheduler.isCancelled;
  }

  /** True if every task with a command was a cache hit. */
  get isAllCached(): boolean {
    return this.#exitCode.value === 0 &&
      this.#options.plan.tasks.every((task, index) =>
        task.command === undefined || this.#scheduler.status[index] === "cached"
      );
  }

  /** True if the client is suspended, and the tasks with it. */
  get isSuspended(): boolean {
    return this.#isSuspended;
  }

  get reply(): { readonly build: string } {
    return { build: this.build };
  }

  get activity(): CommandActivity {
    const waitsFor = this.#options.executions.waitsOf(this);
    const isStarved = this.#slots.waiting > 0 && this.#slots.held === 0;
    return {
      state: waitsFor.length > 0 || isStarved ? "waiting" : "running",
      waitsFor: isStarved ? [...waitsFor, "a free job slot"] : waitsFor,
    };
  }

  step(): StepResult {
    if (this.#defect !== undefined) {
      this.#finish();
      throw this.#defect.error;
    }
    if (this.#startedAt === undefined && !this.#isFinished) this.#begin();
    return this.#isFinished ? false : this.#wake.read();
  }

  outcome(): AsyncOutcome {
    return this.#code === 0 ? { kind: "completed" } : { kind: "exit", exitCode: this.#code };
  }

  cancel(how: Cancel): void {
    this.#whole.cancel(how);
    if (this.#isFinished) return;
    if (!this.isCancelled && how.kind === "signal") this.#signal = how.signal;
    this.#cancelled = how;
    if (this.#startedAt === undefined) this.#announce();
    // Tasks that have been asked to end before get further requests directly.
    const asked = [...this.#tasks.values()].filter(({ run }) => run.isAsked);
    this.#feed({ kind: "cancel" });
    for (const { run } of asked) run.cancel(how);
  }

  signal(signal: TaskSignal): boolean {
    if (signal === "SIGTSTP") this.#isSuspended = true;
    // The client of a nested build may pass SIGCONT on after its outer build was suspended again.
    if (signal === "SIGCONT" && (this.detached || this.parent?.isSuspended !== true)) {
      this.#isSuspended = false;
    }
    const passed = [...this.#tasks.values()].map(({ run }) => run.pass(signal));
    return passed.includes(true);
  }

  requestSuspension(): boolean {
    const { call: { client }, canSuspend } = this.#options;
    const isOuters = this.parent !== undefined && !canSuspend(client.pid) &&
      this.parent.requestSuspension();
    return isOuters || this.#terminals?.reportSuspension() === true;
  }

  /** Writes the journal of all events so far to disk, and returns its path. */
  writeJournal(): string {
    return this.#report.writeJournal();
  }

  useTerminal({ keys, size }: TerminalUse): boolean {
    const used = [
      size === undefined ? false : this.#terminals?.resize(size),
      keys === undefined ? false : this.#terminals?.type(Uint8Array.fromBase64(keys)),
    ];
    return used.includes(true);
  }

  #terminalsOf(size: TerminalSize): BuildTerminals {
    const { id, keyboard } = this.#options;
    return new BuildTerminals({
      build: id,
      size,
      ...(keyboard === undefined ? {} : { keyboard }),
      emit: (event) => void this.#report.emit(event),
      suspend: () => void this.requestSuspension(),
    });
  }

  #begin(): void {
    this.#announce();
    this.#feed({ kind: "begin" });
  }

  #announce(): void {
    this.#startedAt = this.#options.clock.monotonic();
    this.#gaveWayAt = this.#startedAt;
    this.#report.begun();
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
      const { rankOf } = this.#taskContext;
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
        if (this.#task(effect.task).command !== undefined) this.#exitCode.skipped();
        this.#tasks.get(effect.task)?.run.cancel({ kind: "end" });
        this.#report.skipped(this.#task(effect.task));
        return;
      case "finish":
        this.#own(this.#complete());
    }
  }

  #ready(index: number): void {
    const task = this.#task(index);
    const { clock, plan } = this.#options;
    const now = clock.monotonic();
    const recalled = now - this.#gaveWayAt < STRETCH_MS
      ? this.#lookup.recall(index, plan.tasks)
      : undefined;
    if (recalled !== undefined) {
      this.#report.cached(task, recalled);
      this.#feed({ kind: "started", task: index });
      return this.#feed({ kind: "ended", task: index, result: "cached" });
    }
    const dependencies = task.counted.map((each) => [each, this.#task(each)] as const);
    const state: Task = {
      run: new TaskRun(this.#taskContext, { index, task, dependencies }, {
        admitted: () => {
          state.startedAt = clock.monotonic();
          this.#starved.progress();
          this.#feed({ kind: "started", task: index });
        },
        begun: (progress, shared) => this.#begun(index, progress, shared),
        sink: this.#report.sink(task),
      }),
      startedAt: now,
      logPath: undefined,
      status: { code: 0 },
    };
    this.#tasks.set(index, state);
    this.#own(this.#run(index, state));
    if (this.#slots.waiting > 0) this.#starved.waits();
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
    const task = this.#task(index);
    if (progress.kind === "ready") {
      const startedAt = this.#tasks.get(index)?.startedAt ?? 0;
      const durationMs = Math.round(this.#options.clock.monotonic() - startedAt);
      this.#report.ready(task, durationMs);
      this.#feed({ kind: "serving", task: index });
    } else if (progress.kind === "cached") {
      this.#report.cached(task, progress.fingerprint, progress.replayedBytes);
    } else this.#report.started(task, shared);
  }

  /** Returns true if a task reads a stdin that has bytes. Its execution is not shared then. */
  #readsInput({ stdin }: PlannedTask): boolean {
    const { stdinPid, hasInput } = this.#options;
    return stdin === "reads" && stdinPid !== undefined && hasInput(stdinPid);
  }

  /**
   * Yields to the server's loop, so that a long series of cache hits does not delay its clients.
   */
  async #giveWay(): Promise<void> {
    const { clock } = this.#options;
    if (clock.monotonic() - this.#gaveWayAt < STRETCH_MS) return;
    await ioTurn();
    this.#gaveWayAt = clock.monotonic();
  }

  #settle(index: number, status: TaskStatus): void {
    const task = this.#task(index);
    const state = this.#tasks.get(index);
    if (state === undefined || status === "cached") return;
    const { run, logPath } = state;
    const durationMs = Math.round(this.#options.clock.monotonic() - state.startedAt);
    const end = { durationMs, logPath };
    if (status === "succeeded") {
      const isMeasured = run.isStarter && task.service === undefined;
      if (isMeasured) this.#options.ran?.(task, durationMs);
      this.#report.succeeded(task, end);
    } else if (status === "failed") {
      this.#exitCode.failed(state.status);
      this.#report.failed(task, end, state.status);
    } else {
      this.#exitCode.cancelled(run.hasStarted, state.status);
      this.#report.cancelled(task, end, run.hasStarted);
    }
    this.#own(this.#report.flush());
  }

  /** Ends the processes that commands have left in the background, and completes the build. */
  async #complete(): Promise<void> {
    if (!this.#whole.graceful.aborted) this.#whole.cancel({ kind: "end" });
    await Promise.all(this.#leftovers.map((leftovers) => leftovers.end(this.#whole)));
    const { isCancelled, status: statuses } = this.#scheduler;
    this.#code = isCancelled ? this.#exitCode.after(this.#signal) : this.#exitCode.value;
    const outcome = isCancelled ? "cancelled" : this.#code === 0 ? "succeeded" : "failed";
    const durationMs = Math.round(this.#options.clock.monotonic() - (this.#startedAt ?? 0));
    await this.#options.deferred?.keepFirst();
    this.#report.completed({ outcome, exitCode: this.#code, statuses, durationMs });
    this.#finish();
  }

  #finish(): void {
    if (this.#isFinished) return;
    this.#isFinished = true;
    this.#starved.end();
    this.#report.close();
    this.#slots[Symbol.dispose]();
    this.#nesting?.[Symbol.dispose]();
    this.#wake.wake();
    this.#finished.resolve();
  }

  /**
   * Ends the build in its next step if `work` fails. The step throws the error, so that the server
   * gets it.
   */
  #own(work: Promise<void>): void {
    work.catch((error: unknown) => {
      this.#defect ??= { error };
      for (const { run } of this.#tasks.values()) run.cancel({ kind: "kill" });
      this.#wake.wake();
    });
  }

  #task(index: number): PlannedTask {
    const task = this.#options.plan.tasks[index];
    if (task === undefined) throw new RangeError(`The build has no task ${index}`);
    return task;
  }
}
