/**
 * One task of a build, from the moment when it may start until its outcome: waits for executions of
 * the same task by other builds or joins them, waits for a job slot, and executes the task.
 *
 * @module
 */

import type { Cancel } from "../../server/cooker.ts";
import { signalExitCode } from "../../system/process/signals.ts";
import type { TaskSignal } from "../../wire/signals.ts";
import { environmentParts } from "../cache/fingerprint.ts";
import { beforeAbort } from "../execute/cancellation.ts";
import type { OutputSink } from "../execute/executor.ts";
import type { PlannedTask } from "../plan/plan.ts";
import {
  type BuildNode,
  EndlessTaskError,
  type Execution,
  type ExecutionResult,
  type Executions,
  type Progress,
} from "./executions.ts";
import type { ServiceHold } from "./service_hold.ts";
import type { OutputReading } from "./shared_output.ts";
import type { Slot, SlotQueue } from "./slot_pool.ts";
import type { TaskInBuild, TaskResults } from "./task_results.ts";
import type { TaskOutcome, TaskRunner } from "./task_runner.ts";

/** Exit code of a task that could never end, as for other mistakes in a project. */
const ENDLESS = 5;

/** Parts of a build that its tasks use. */
export interface TaskRunContext {
  readonly build: BuildNode;
  readonly runner: TaskRunner;
  readonly results: TaskResults;
  readonly executions: Executions;
  readonly slots: SlotQueue;
  /** Returns the path of a task's log. */
  readonly logPath: (task: string, index: number) => string;
  /** Creates the folder of the logs. If it returns `false`, no log is written. */
  readonly ensureLogs: () => boolean;
  /** True if the logs still exist after the build. */
  readonly keepsLogs: boolean;
  /** Returns true if a task's execution may be shared with other builds. */
  readonly mayShare: (task: PlannedTask) => boolean;
  /** Rank of a task: of several that wait for a slot, the smallest rank starts first. */
  readonly rankOf: (index: number) => number;
  /** Yields to the server's loop if the build has worked for long. */
  readonly giveWay: () => Promise<void>;
  /** Keeps services running after the build; absent: they end with the last build. */
  readonly hold: ServiceHold | undefined;
  /** Owns work that goes on after the build has left an execution. */
  readonly own: (work: Promise<void>) => void;
}

/** Callbacks for the progress of a task. */
interface TaskRunListener {
  /** The task holds a slot, or has joined an execution. */
  admitted(): void;
  /** As in {@linkcode Progress}. `shared`: the build that has started the execution, if another. */
  begun(progress: Progress, shared: string | undefined): void;
  /** Receives the output. */
  readonly sink: OutputSink;
}

/** The outcome of a task, and its log. */
export interface TaskRunOutcome {
  readonly outcome: TaskOutcome;
  /** Path of the log, if there is one. */
  readonly logPath: string | undefined;
}

/** Runs one task of a build. */
export class TaskRun {
  readonly #context: TaskRunContext;
  readonly #place: TaskInBuild;
  readonly #listener: TaskRunListener;
  /** Aborted when the task is asked to end. */
  readonly #asked = new AbortController();
  readonly #left = Promise.withResolvers<undefined>();
  #execution: Execution | undefined;
  #slot: Slot | undefined;
  #leftBy: TaskSignal = "SIGTERM";
  #hasStarted = false;
  /** True if the execution has ended. Its output may still be on its way to the client. */
  #isOver = false;

  constructor(context: TaskRunContext, place: TaskInBuild, listener: TaskRunListener) {
    this.#context = context;
    this.#place = place;
    this.#listener = listener;
  }

  /** True if the command of the task has begun. */
  get hasStarted(): boolean {
    return this.#hasStarted;
  }

  /** True if the task has been asked to end. */
  get isAsked(): boolean {
    return this.#asked.signal.aborted;
  }

  /** True if this build has started the execution, and still needs it. */
  get isStarter(): boolean {
    return this.#execution?.starter === this.#context.build && !this.#hasLeftAlready;
  }

  /** Asks the task to end. An execution that other builds need goes on without this build. */
  cancel(how: Cancel): void {
    this.#asked.abort("asked to end");
    const execution = this.#execution;
    if (execution === undefined || this.#isOver || this.#hasLeftAlready) return;
    if (execution.leave(this.#context.build, how)) return;
    this.#leftBy = how.kind === "signal" ? how.signal : "SIGTERM";
    this.#left.resolve(undefined);
  }

  /**
   * Passes a signal on to the processes of the task.
   *
   * @returns true if there was a receiver
   */
  pass(signal: TaskSignal): boolean {
    return !this.#hasLeftAlready && (this.#execution?.pass(signal) ?? false);
  }

  /** Returns the slot, after the outcome has been handled: it may make a more urgent task ready. */
  release(): void {
    this.#slot?.[Symbol.dispose]();
  }

  /**
   * Runs the task.
   *
   * @returns `undefined` if it was asked to end before it began
   */
  async run(): Promise<TaskRunOutcome | undefined> {
    const { executions } = this.#context;
    const { task } = this.#place;
    try {
      while (!this.#asked.signal.aborted) {
        const other = executions.get(task);
        if (other !== undefined) {
          // A service with other settings or arguments runs beside the first one.
          if (task.service !== undefined && this.#isOpen(other) && !this.#isSame(other)) {
            return await this.#execute(undefined);
          }
          if (await this.#waitFor(other) && this.#isOpen(other)) return await this.#join(other);
          continue;
        }
        // A task without a command, and a service, need no slot.
        if (task.command === undefined || task.service !== undefined) {
          return await this.#execute(undefined);
        }
        const slot = await this.#takeSlot();
        if (slot === undefined) continue;
        const isTaken = executions.get(task) !== undefined;
        if (!isTaken && !this.#asked.signal.aborted) return await this.#execute(slot);
        slot[Symbol.dispose]();
      }
      return undefined;
    } catch (error) {
      if (!(error instanceof EndlessTaskError)) throw error;
      this.#listener.admitted();
      const status = { code: ENDLESS, reason: error.message };
      return { outcome: { kind: "ran", status }, logPath: undefined };
    }
  }

  /**
   * Waits for a slot. Returns `undefined` if the task is asked to end before, or if another build
   * begins to execute it: joining that execution takes no slot.
   */
  async #takeSlot(): Promise<Slot | undefined> {
    const { executions, slots, rankOf } = this.#context;
    const { index, task } = this.#place;
    const { promise, resolve } = Promise.withResolvers<void>();
    let slot: Slot | undefined;
    using _beginning = executions.onBegin(task, resolve);
    using _request = slots.request(rankOf(index), (granted) => {
      slot = granted;
      resolve();
    });
    if (slot === undefined) await beforeAbort(promise, this.#asked.signal);
    return slot;
  }

  /**
   * Waits until an execution has ended, or until this task can join it.
   *
   * @returns true if it can join
   */
  async #waitFor(other: Execution): Promise<boolean> {
    const { executions, build } = this.#context;
    const { signal } = this.#asked;
    using _wait = executions.wait(build, other);
    let canJoin = false;
    const decided = this.#canJoin(other).then((can) => {
      canJoin = can;
    });
    if (await beforeAbort(decided, signal) && !canJoin) await beforeAbort(other.ended, signal);
    return canJoin;
  }

  /** Returns true if an execution goes on, its output is whole, and this task may begin. */
  #isOpen(other: Execution): boolean {
    const { executions } = this.#context;
    return executions.get(this.#place.task) === other && other.isShareable &&
      !this.#asked.signal.aborted;
  }

  /**
   * Returns true if an execution does what this task would do: the same command, arguments, folder,
   * counted variables and dependencies, and inputs that have not changed since it began. A service
   * may have begun with other inputs.
   */
  async #canJoin(other: Execution): Promise<boolean> {
    const { task } = this.#place;
    if (!this.#isOpen(other) || !this.#isSame(other)) return false;
    if (task.service !== undefined) return !await this.#mustRestart(other);
    if (!await this.#hasSameDependencies(other)) return false;
    const isUnchanged = await other.isUnchanged;
    return isUnchanged !== undefined && await isUnchanged();
  }

  /** Returns true if an execution may be shared, and was planned in the same way. */
  #isSame(other: Execution): boolean {
    const { task } = this.#place;
    return this.#context.mayShare(task) && isSameWork(task, other.task);
  }

  async #hasSameDependencies(other: Execution): Promise<boolean> {
    const { results } = this.#context;
    const [own, theirs] = [results.knownOf(this.#place.dependencies), other.dependencies()];
    return own !== undefined && theirs !== undefined && await results.areEqual(own, theirs);
  }

  /**
   * Returns true if a service that only runs between two builds of a watch was started with other
   * inputs or dependencies. It is ended then.
   */
  async #mustRestart(other: Execution): Promise<boolean> {
    const { hold } = this.#context;
    if (hold?.holdsAlone(other) !== true) return false;
    const isUnchanged = await other.isUnchanged;
    const isSame = await this.#hasSameDependencies(other);
    if (isSame && await isUnchanged?.() === true) return false;
    hold.release(other);
    return true;
  }

  async #join(execution: Execution): Promise<TaskRunOutcome> {
    const { executions, build, results } = this.#context;
    using _wait = executions.wait(build, execution);
    execution.join(build);
    this.#execution = execution;
    this.#listener.admitted();
    if (execution.task.service !== undefined) {
      this.#context.hold?.take(execution);
      // The tasks that depend on a service start before it has a result.
      await execution.isUnchanged;
      results.adopt(this.#place.index, execution.share());
    }
    const output = this.#read(execution);
    const result = await Promise.race([execution.result, this.#left.promise]);
    if (result === undefined) return this.#hasLeft(output);
    this.#isOver = true;
    results.adopt(this.#place.index, result.shared);
    await output.reading?.done;
    return result;
  }

  async #execute(slot: Slot | undefined): Promise<TaskRunOutcome> {
    const { executions, build, results, mayShare } = this.#context;
    const { index, task, dependencies } = this.#place;
    let execution: Execution;
    try {
      execution = executions.begin(task, build, {
        slot,
        isShared: isSharedWork(task) && mayShare(task),
        dependencies: () => results.knownOf(dependencies),
        share: () => results.share(index),
      });
    } catch (error) {
      slot?.[Symbol.dispose]();
      throw error;
    }
    this.#slot = slot;
    this.#execution = execution;
    if (task.service !== undefined) this.#context.hold?.take(execution);
    this.#listener.admitted();
    const output = this.#read(execution);
    const whole = this.#perform(execution);
    const result = await Promise.race([whole, this.#left.promise]);
    if (result === undefined) {
      this.#slot = undefined;
      const ended = whole.then(({ outcome }) => this.#endLeftovers(execution, outcome));
      this.#context.own(ended.finally(() => slot?.[Symbol.dispose]()));
      return this.#hasLeft(output);
    }
    this.#isOver = true;
    await output.reading?.done;
    return result;
  }

  /** Executes the task for all builds that need it. */
  async #perform(execution: Execution): Promise<ExecutionResult> {
    const { executions, runner, results, logPath, ensureLogs, keepsLogs, giveWay } = this.#context;
    const { index, task: { id } } = this.#place;
    const { cancellation, output } = execution;
    let hasLog = false;
    try {
      await giveWay();
      const outcome = await runner.run({
        ...this.#place,
        logPath: () => logPath(id, index),
        ensureLogs,
        ending: cancellation,
        listener: {
          cached: (fingerprint, replayedBytes) =>
            execution.progress({ kind: "cached", fingerprint, replayedBytes }),
          started: () => execution.progress({ kind: "started" }),
          ready: () => execution.progress({ kind: "ready" }),
          logged: () => hasLog = keepsLogs,
          pinned: (isUnchanged) => execution.pin(isUnchanged),
          sink: {
            write: (stream, bytes) =>
              execution.isShared
                ? output.write(stream, bytes)
                : this.#listener.sink.write(stream, bytes),
            warn: (message) => this.#listener.sink.warn(message),
            tagged: (tag) => executions.tag(execution, tag),
            accessed: (files) => this.#listener.sink.accessed?.(files),
          },
        },
      });
      // Processes of nested builds are not in the task's process group.
      if (cancellation.graceful.aborted) await execution.nestedEnded();
      const path = hasLog ? logPath(id, index) : undefined;
      const result = { outcome, logPath: path, shared: results.share(index) };
      executions.end(execution, result);
      return result;
    } catch (error) {
      executions.fail(execution, error);
      throw error;
    }
  }

  /** Ends what the task has left running, if this build has left and cannot do so at its end. */
  async #endLeftovers(execution: Execution, outcome: TaskOutcome): Promise<void> {
    if (outcome.kind === "cached" || outcome.status.leftovers === undefined) return;
    execution.cancel({ kind: "end" });
    await outcome.status.leftovers.end(execution.cancellation);
  }

  /** Reports the progress of an execution to this build, and passes its output on. */
  #read(execution: Execution): { reading: OutputReading | undefined } {
    const { build } = this.#context;
    const output: { reading: OutputReading | undefined } = { reading: undefined };
    const shared = execution.starter === build ? undefined : execution.starter.build;
    execution.onProgress((progress) => {
      if (this.#hasLeftAlready) return;
      if (progress.kind === "started") this.#hasStarted = true;
      this.#listener.begun(progress, shared);
      if (!execution.isShared || output.reading !== undefined) return;
      const { service, requested } = this.#place.task;
      const isLate = shared !== undefined && service !== undefined && !requested;
      output.reading = execution.output.read(this.#listener.sink, isLate ? "now" : "beginning");
    });
    return output;
  }

  get #hasLeftAlready(): boolean {
    return this.#execution !== undefined && !this.#execution.builds.has(this.#context.build);
  }

  #hasLeft({ reading }: { readonly reading: OutputReading | undefined }): TaskRunOutcome {
    reading?.leave();
    const status = { code: signalExitCode(this.#leftBy), signal: this.#leftBy };
    return { outcome: { kind: "ran", status }, logPath: undefined };
  }
}

/** Returns true if builds that need a task at the same time execute it once. */
function isSharedWork({ caching, service }: PlannedTask): boolean {
  return service !== undefined || (caching !== undefined && caching.unstored === undefined);
}

/** Returns true if two builds would run a task in the same way. */
function isSameWork(one: PlannedTask, other: PlannedTask): boolean {
  return workOf(one) === workOf(other);
}

function workOf({ key, command, caching, service }: PlannedTask): string {
  const counted = caching === undefined || command === undefined
    ? undefined
    : environmentParts(caching, command.env);
  return JSON.stringify([
    key,
    command?.command,
    command?.args,
    command?.cwd,
    command?.denoFlags,
    command?.npm?.identity,
    command?.isTraced,
    caching?.files,
    caching?.globs,
    caching?.output,
    caching?.definition,
    counted,
    service,
  ]);
}
