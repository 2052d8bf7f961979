/**
 * One task of a build: from the cache, or by its command.
 *
 * @module
 */

import { TaskLog } from "./task_log.ts";
import type { DescriptorMap } from "../../system/process/passed_descriptors.ts";
import type { Clock } from "../../system/clock.ts";
import type { ReplayLogs } from "../../wire/commands.ts";
import type {
  Beginning,
  Known,
  PostponedResult,
  PostponedResults,
} from "../cache/deferred_results.ts";
import { type MadeOutputs, NOTHING_MADE } from "../cache/output_runs.ts";
import type { Prospect, ResultCache, Runnable, Unkeyed, Warn } from "../cache/result_cache.ts";
import { decodeLog, LogRecorder } from "../cache/task_log.ts";
import type { Baseline } from "./change_waits.ts";
import type { Ending } from "../execute/cancellation.ts";
import type { Executor, ExitStatus, OutputSink, TaskCommand } from "../execute/executor.ts";
import type { PlannedTask } from "../plan/plan.ts";

/** Why a task is not looked for in the cache; shown to whoever asks why it runs. */
export type UncachedReason =
  | { readonly kind: "undeclared" }
  | { readonly kind: "dependency"; readonly task: string }
  | Unkeyed;

/** What a task may be found under, or why it always runs. */
type TaskProspect = Prospect | UncachedReason;

/** Whether a task can be looked for. */
export function isProspect(prospect: TaskProspect): prospect is Prospect {
  return "fingerprint" in prospect;
}

/** What a runner tells on its way. */
interface TaskListener {
  /** The task's result is there; what it printed follows where it is replayed. */
  cached(fingerprint: string): void;
  /** Its command begins. */
  started(): void;
  /** What it prints goes to its log, too; not told of a task that ends well and prints nothing. */
  logged(): void;
  /** Where its output goes, be it replayed or new. */
  readonly sink: OutputSink;
}

/** What a runner needs. */
interface TaskRunnerOptions {
  readonly executor: Executor;
  readonly clock: Clock;
  /** Absent: nothing is kept. */
  readonly cache?: ResultCache;
  /** Results of earlier builds that are yet to be kept, and of this one; absent: there are none. */
  readonly postponed?: PostponedResults;
  /** Whether results are kept before the build goes on. */
  readonly keepsAtOnce?: boolean;
  /** Whether it has to be known of each task what its inputs were when it began. */
  readonly isWatched?: boolean;
  readonly force: boolean;
  readonly replayLogs: ReplayLogs;
  /** The process whose stdin the tasks that take it read; absent: none does. */
  readonly stdinPid?: number;
  /** Descriptors that the client has passed, its stdin among them; absent: none. */
  readonly passed?: DescriptorMap;
}

/** A task of a build. */
export interface TaskInBuild {
  readonly index: number;
  readonly task: PlannedTask;
  /** The tasks that it waits for; they have been run. */
  readonly dependencies: readonly (readonly [index: number, task: PlannedTask])[];
}

/** How a task is to be run. */
interface TaskRequest extends TaskInBuild {
  /** Where its output goes; asked for when there is some. */
  readonly logPath: () => string;
  /** Makes the folder of that; `false`: there is to be none. */
  readonly ensureLogs: () => boolean;
  readonly ending: Ending;
  readonly listener: TaskListener;
}

/** How a task ended. */
type TaskOutcome =
  | { readonly kind: "cached" }
  | { readonly kind: "ran"; readonly status: ExitStatus };

/** What a task has left. */
interface Recorded {
  readonly status: ExitStatus;
  /** Whether it is a result. */
  readonly isWhole: boolean;
  readonly made: MadeOutputs;
  readonly log: Uint8Array | undefined;
  readonly durationMs: number;
}

/** Runs the tasks of one build. */
export class TaskRunner {
  readonly #options: TaskRunnerOptions;
  /** Fingerprints of the tasks that were run; those whose results can't be told have none. */
  readonly #fingerprints = new Map<number, string>();
  /** Results of this build's tasks that are kept later. */
  readonly #later = new Map<number, PostponedResult>();
  readonly #prospects = new Map<number, Prospect>();
  readonly #baselines = new Map<number, Baseline>();
  /** Said in this build: where a disk is full, one task is enough to say so. */
  readonly #warned = new Set<string>();

  constructor(options: TaskRunnerOptions) {
    this.#options = options;
  }

  /** What the tasks that have begun were found under, or run with. */
  get prospects(): ReadonlyMap<number, Prospect> {
    return this.#prospects;
  }

  /** What is known of the inputs of the tasks that have begun, by their indices. */
  get baselines(): ReadonlyMap<number, Baseline> {
    return this.#baselines;
  }

  /** Runs a task, unless its result is there. */
  async run(request: TaskRequest): Promise<TaskOutcome> {
    const { soon } = request.ending;
    try {
      return await this.#run(request);
    } catch (error) {
      // To look at its inputs was ended with the task.
      if (soon.aborted && error === soon.reason) return { kind: "ran", status: { code: 0 } };
      throw error;
    }
  }

  async #run(request: TaskRequest): Promise<TaskOutcome> {
    const { postponed } = this.#options;
    if (postponed !== undefined && request.task.caching !== undefined) {
      const { key } = request.task.caching;
      if (postponed.has(key)) await postponed.settle(key);
      const beginning = await this.#beginning(request, postponed);
      if (beginning !== undefined) {
        return { kind: "ran", status: await this.#postpone(beginning, request, postponed) };
      }
      if (this.#later.size > 0) await this.#settleDependencies(request, postponed);
    }
    const prospect = await this.prospect(request, request.ending.soon);
    if (!isProspect(prospect)) {
      if (this.#options.isWatched === true) await this.#noteInputs(request);
      return { kind: "ran", status: await this.#runUncached(request) };
    }
    this.#take(request.index, prospect);
    if (await this.#fetch(prospect, request)) return { kind: "cached" };
    return { kind: "ran", status: await this.#produce(prospect, request) };
  }

  /** Takes note of the inputs of a task that runs every time. */
  async #noteInputs({ index, task, ending }: TaskRequest): Promise<void> {
    const { caching: declaration, command } = task;
    if (declaration === undefined || command === undefined) return;
    const inputs = await this.#options.cache?.inputs({ declaration, command }, ending.soon);
    if (inputs === undefined) return;
    this.#baselines.set(index, { inputs, snapshot: await inputs.look(ending.soon) });
  }

  async #runUncached(request: TaskRequest): Promise<ExitStatus> {
    const { cache } = this.#options;
    const { caching: declaration, command } = request.task;
    if (cache === undefined || declaration === undefined || command === undefined) {
      return await this.#execute(request);
    }
    const warn = this.#warning(request.listener);
    const question = { declaration, command };
    const prepared = await cache.prepareUncached(question, warn, request.ending.soon);
    try {
      const status = await this.#execute(request);
      await cache.finish(prepared, declaration, { isWhole: false, warn });
      return status;
    } finally {
      cache.abandon(prepared);
    }
  }

  /**
   * The fingerprint of a task whose result is where it belongs, and of which nothing is to be shown
   * again; `undefined` where it has to be run to know that.
   */
  recall({ index, task, dependencies }: TaskInBuild): string | undefined {
    const { cache, force, postponed, replayLogs } = this.#options;
    const { caching, command } = task;
    if (cache === undefined || force || caching === undefined || command === undefined) {
      return undefined;
    }
    if (postponed?.has(caching.key)) return undefined;
    const { known, missing } = this.#fingerprintsOf(dependencies);
    if (missing !== undefined) return undefined;
    const found = cache.recall({ declaration: caching, command, dependencies: known });
    if (found === undefined) return undefined;
    if (found.result.log !== undefined && replayLogs !== "none") return undefined;
    this.#take(index, found.prospect);
    return found.prospect.fingerprint;
  }

  /**
   * What a task may be found under now; its dependencies have been run, or asked for, before.
   *
   * @param signal ends the looking at its inputs
   * @throws the signal's reason if it is aborted
   */
  async prospect(
    { task, dependencies }: Pick<TaskRequest, "task" | "dependencies">,
    signal?: AbortSignal,
  ): Promise<TaskProspect> {
    const { cache } = this.#options;
    const { caching, command } = task;
    if (cache === undefined || caching === undefined || command === undefined) {
      return { kind: "undeclared" };
    }
    const { known, missing } = this.#fingerprintsOf(dependencies);
    if (missing !== undefined) return { kind: "dependency", task: missing };
    return await cache.prospect({ declaration: caching, command, dependencies: known }, signal);
  }

  /** Takes note of what a task that is only asked for would be found under. */
  assume(index: number, prospect: Prospect): void {
    this.#fingerprints.set(index, prospect.fingerprint);
  }

  /** What tasks were found under, by their ids, or ran with; `missing`: one of which that is unknown. */
  #fingerprintsOf(tasks: TaskInBuild["dependencies"]): {
    readonly known: Readonly<Record<string, string>>;
    readonly missing?: string;
  } {
    const known: [string, string][] = [];
    for (const [index, { id }] of tasks) {
      const fingerprint = this.#fingerprints.get(index);
      if (fingerprint === undefined) return { known: {}, missing: id };
      known.push([id, fingerprint]);
    }
    // A task may be called "__proto__": assigning to that would be lost.
    return { known: Object.fromEntries(known) };
  }

  #take(index: number, prospect: Prospect): void {
    this.#prospects.set(index, prospect);
    this.#baselines.set(index, prospect);
    this.#fingerprints.set(index, prospect.fingerprint);
  }

  async #fetch(prospect: Prospect, { listener, ending }: TaskRequest): Promise<boolean> {
    const { cache, force, replayLogs } = this.#options;
    if (cache === undefined || force || ending.soon.aborted) return false;
    const found = await cache.fetch(prospect, this.#warning(listener));
    if (found === undefined) return false;
    listener.cached(prospect.fingerprint);
    const log = replayLogs === "none" ? undefined : cache.readLog(found);
    for (const { stream, bytes } of log === undefined ? [] : decodeLog(log)) {
      if (replayLogs === "full" || stream === "stderr") await listener.sink.write(stream, bytes);
    }
    return true;
  }

  /** What a task begins with whose result is kept later. */
  async #beginning(
    { task: { caching, command }, dependencies, ending }: TaskRequest,
    postponed: PostponedResults,
  ): Promise<Beginning | undefined> {
    const { cache, force, keepsAtOnce = false } = this.#options;
    if (force || keepsAtOnce || cache === undefined) return undefined;
    if (caching === undefined || command === undefined) return undefined;
    const known: [string, Known][] = [];
    for (const [index, { id }] of dependencies) {
      const each = this.#later.get(index) ?? this.#fingerprints.get(index);
      if (each === undefined) return undefined;
      known.push([id, each]);
    }
    return await postponed.begin(
      cache,
      { declaration: caching, command },
      known,
      ending.soon,
    );
  }

  async #settleDependencies(
    { dependencies }: TaskRequest,
    postponed: PostponedResults,
  ): Promise<void> {
    for (const [index] of dependencies) {
      const later = this.#later.get(index);
      if (later === undefined) continue;
      const fingerprint = await postponed.keep(later);
      this.#later.delete(index);
      if (fingerprint !== undefined) this.#fingerprints.set(index, fingerprint);
    }
  }

  async #postpone(
    beginning: Beginning,
    request: TaskRequest,
    postponed: PostponedResults,
  ): Promise<ExitStatus> {
    if (request.ending.soon.aborted) return { code: 0 };
    const { status, isWhole, ...more } = await this.#record(beginning, request);
    const result = isWhole ? await postponed.add(beginning, more) : undefined;
    if (result !== undefined) this.#later.set(request.index, result);
    return status;
  }

  async #produce(prospect: Prospect, request: TaskRequest): Promise<ExitStatus> {
    const { cache } = this.#options;
    if (request.ending.soon.aborted) {
      this.#fingerprints.delete(request.index);
      return { code: 0 };
    }
    const { status, isWhole, ...more } = await this.#record(prospect, request);
    const warn = this.#warning(request.listener);
    const holds = isWhole && await cache?.keep({ prospect, ...more, warn }) === true;
    if (!holds) this.#fingerprints.delete(request.index);
    return status;
  }

  /** Runs a task whose result may be kept. */
  async #record(task: Runnable, request: TaskRequest): Promise<Recorded> {
    const { cache, clock } = this.#options;
    const { sink } = request.listener;
    const recorder = new LogRecorder();
    const warn = this.#warning(request.listener);
    const prepared = await cache?.prepare(task, warn);
    const startedAt = clock.monotonic();
    const status = await this.#execute(request, {
      write: (stream, bytes) => {
        recorder.add(stream, bytes);
        return sink.write(stream, bytes);
      },
      warn: (message) => sink.warn(message),
    }).catch((error: unknown) => {
      if (prepared !== undefined) cache?.abandon(prepared);
      throw error;
    });
    const durationMs = Math.round(clock.monotonic() - startedAt);
    // What still runs in the background may write on, and what was cancelled or got another signal may
    // have ended in the middle, whatever its code says: such results are not known to be whole.
    const { soon, isDisturbed } = request.ending;
    const isWhole = prepared?.isClear !== false && status.code === 0 &&
      status.remains === undefined && !soon.aborted && !isDisturbed;
    const made = prepared === undefined || cache === undefined
      ? NOTHING_MADE
      : await cache.finish(prepared, task.question.declaration, { isWhole, warn });
    return { status, isWhole, made, log: recorder.encode(), durationMs };
  }

  async #execute(request: TaskRequest, sink = request.listener.sink): Promise<ExitStatus> {
    const { task: { command, stdin }, logPath, ensureLogs, ending, listener } = request;
    if (ending.soon.aborted) return { code: 0 };
    listener.started();
    if (command === undefined) return { code: 0 };
    const warn = this.#warning(listener);
    const { clock } = this.#options;
    const log = new TaskLog({
      path: logPath(),
      prepare: ensureLogs,
      clock,
      // A task may remove the folder itself, as 'git clean' does.
      failed: (error) => warn(`Cannot keep output: ${error.message}`),
    });
    try {
      const whole = { ...command, ...this.#inputOf(stdin) };
      const status = await this.#options.executor.execute(whole, {
        write: (stream, bytes) => {
          log.add(bytes);
          return sink.write(stream, bytes);
        },
        warn: (message) => sink.warn(message),
      }, ending);
      const isLookedAt = status.code !== 0 || ending.soon.aborted;
      if (isLookedAt ? log.write() : log.isWritten) listener.logged();
      return status;
    } finally {
      log.close();
    }
  }

  #inputOf(
    stdin: PlannedTask["stdin"],
  ): Pick<TaskCommand, "stdinPid" | "lostStdinPid" | "passed"> {
    const { stdinPid, passed } = this.#options;
    const descriptors = passed === undefined ? {} : { passed };
    if (stdinPid === undefined || stdin === undefined) return descriptors;
    return { ...descriptors, ...stdin === "reads" ? { stdinPid } : { lostStdinPid: stdinPid } };
  }

  #warning({ sink }: TaskListener): Warn {
    return (message) => {
      const [what = ""] = message.split(":", 1);
      if (!this.#warned.has(what)) sink.warn(message);
      this.#warned.add(what);
    };
  }
}
