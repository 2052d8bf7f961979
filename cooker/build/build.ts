/**
 * Runs one build as a command of the server: assembles its parts, handles the requests of the client
 * while it runs, and completes it.
 *
 * @module
 */

import { Latch } from "../../system/source.ts";
import type { TerminalSize, TerminalUse } from "../../wire/commands.ts";
import type { TaskSignal } from "../../wire/signals.ts";
import { BuildTerminals } from "./build_terminals.ts";
import type { CacheKey } from "../cache/cache_key.ts";
import type { Baseline } from "./change_subscriptions.ts";
import type {
  AsyncCommand,
  AsyncOutcome,
  Cancel,
  CommandActivity,
  StepResult,
} from "../../server/cooker.ts";
import { CancellationController } from "../execute/cancellation.ts";
import type { PlannedTask } from "../plan/plan.ts";
import { CacheLookup } from "./cache_lookup.ts";
import type { BuildOptions } from "./build_options.ts";
import { BuildReport } from "./build_report.ts";
import { BuildTasks } from "./build_tasks.ts";
import type { BuildNode, Execution } from "./executions.ts";
import type { SlotQueue } from "./slot_pool.ts";
import type { TaskRunContext } from "./task_run.ts";
import { TaskResults } from "./task_results.ts";
import { TaskRunner } from "./task_runner.ts";
import { TimeSlice } from "./time_slice.ts";

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
  readonly #tasks: BuildTasks;
  readonly #slots: SlotQueue;
  /** Present while the build is nested in an execution, which has lent its slot. */
  readonly #nesting: Disposable | undefined;
  readonly #report: BuildReport;
  readonly #slice: TimeSlice;
  readonly #finished = Promise.withResolvers<void>();
  readonly #results: TaskResults;
  /** Present if the tasks get terminals. */
  readonly #terminals: BuildTerminals | undefined;
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
    const { plan, clock, executions, files, rank } = options;
    const { jobs, force, replayLogs } = plan;
    this.jobs = options.jobs ?? jobs;
    this.#slots = options.slots.join({ jobs: this.jobs, isNested: options.parent !== undefined });
    this.#nesting = options.parent?.begin(this);
    this.#report = new BuildReport({ ...options, jobs: this.jobs });
    const { output, ...rest } = options;
    this.#terminals = typeof output === "object" ? this.#terminalsOf(output) : undefined;
    const runnersOutput = typeof output === "object" ? this.#terminals : output;
    this.#slice = new TimeSlice(clock);
    const results = new TaskResults(options.deferred);
    this.#results = results;
    const lookup = new CacheLookup({ ...rest, results, force, replayLogs });
    const runner = new TaskRunner({
      ...rest,
      results,
      lookup,
      force,
      ...(runnersOutput === undefined ? {} : { output: runnersOutput }),
    });
    const context: TaskRunContext = {
      build: this,
      runner,
      results,
      executions,
      slots: this.#slots,
      logPath: (task, index) => files.logPath(task, index),
      ensureLogs: () => files.ensureLogs(),
      keepsLogs: files.areKept,
      mayShare: (task) => (!force || task.service !== undefined) && !this.#readsInput(task),
      rankOf: (index) => rank?.[index] ?? index,
      giveWay: () => this.#slice.giveWay(),
      hold: options.hold,
      own: (work) => options.own("an execution", work),
    };
    this.#tasks = new BuildTasks({
      plan,
      clock,
      context,
      lookup,
      slice: this.#slice,
      report: this.#report,
      ...(options.ran === undefined ? {} : { ran: options.ran }),
      own: (work) => this.#own(work),
      finish: () => this.#own(this.#complete()),
    });
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
    return this.#tasks.isCancelled;
  }

  /** True if every task with a command was a cache hit. */
  get isAllCached(): boolean {
    return this.#tasks.areAllCached;
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
    if (this.#startedAt === undefined) this.#announce();
    this.#tasks.cancel(how);
  }

  signal(signal: TaskSignal): boolean {
    if (signal === "SIGTSTP") this.#isSuspended = true;
    // The client of a nested build may pass SIGCONT on after its outer build was suspended again.
    if (signal === "SIGCONT" && (this.detached || this.parent?.isSuspended !== true)) {
      this.#isSuspended = false;
    }
    return this.#tasks.pass(signal);
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
    this.#tasks.begin();
  }

  #announce(): void {
    this.#startedAt = this.#options.clock.monotonic();
    this.#slice.restart();
    this.#report.begun();
  }

  /** Returns true if a task reads a stdin that has bytes. Its execution is not shared then. */
  #readsInput({ stdin }: PlannedTask): boolean {
    const { stdinPid, hasInput } = this.#options;
    return stdin === "reads" && stdinPid !== undefined && hasInput(stdinPid);
  }

  /** Ends the processes that commands have left in the background, and completes the build. */
  async #complete(): Promise<void> {
    if (!this.#whole.graceful.aborted) this.#whole.cancel({ kind: "end" });
    await this.#tasks.endLeftovers(this.#whole);
    const { isCancelled, statuses, exitCode } = this.#tasks;
    this.#code = isCancelled ? exitCode.after(this.#signal) : exitCode.value;
    const outcome = isCancelled ? "cancelled" : this.#code === 0 ? "succeeded" : "failed";
    const durationMs = Math.round(this.#options.clock.monotonic() - (this.#startedAt ?? 0));
    await this.#options.deferred?.keepFirst();
    this.#report.completed({ outcome, exitCode: this.#code, statuses, durationMs });
    this.#finish();
  }

  #finish(): void {
    if (this.#isFinished) return;
    this.#isFinished = true;
    this.#tasks[Symbol.dispose]();
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
      this.#tasks.kill();
      this.#wake.wake();
    });
  }
}
