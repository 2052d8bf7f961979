/**
 * Runs one task of a build: restores its result from the cache, or executes its command and stores
 * the result.
 *
 * @module
 */

import type { ReplayLogs } from "../../wire/commands.ts";
import type { CacheKey, Runnable, UncacheableReason } from "../cache/cache_key.ts";
import type {
  Beginning,
  DeferredResult,
  DeferredResults,
  Known,
} from "../cache/deferred_results.ts";
import { groupFingerprint } from "../cache/fingerprint.ts";
import { type MadeOutputs, NOTHING_MADE } from "../cache/output_runs.ts";
import type { CacheKey, ResultCache, Runnable, UncacheableReason } from "../cache/result_cache.ts";
import { decodeLog, LogRecorder } from "../cache/task_log.ts";
import type { Baseline } from "./change_subscriptions.ts";
import type { ExitStatus } from "../execute/executor.ts";
import type { PlannedTask } from "../plan/plan.ts";
import {
  type CommandListener,
  type CommandRequest,
  CommandRunner,
  type CommandRunnerOptions,
} from "./command_runner.ts";
import { TaskWarnings } from "./task_warnings.ts";

/** The reason why a task is not looked up in the cache. It is shown by explanations of a plan. */
export type UncachedReason =
  | { readonly kind: "undeclared" }
  | { readonly kind: "dependency"; readonly task: string }
  | UncacheableReason;

/** The fingerprint and inputs of a task, or the reason why it always runs. */
type TaskCacheKey = CacheKey | UncachedReason;

/** Returns true if the task can be looked up in the cache. */
export function isCacheKey(cacheKey: TaskCacheKey): cacheKey is CacheKey {
  return "fingerprint" in cacheKey;
}

/** Returns true if no input has changed since a task began. */
export type IsUnchanged = () => Promise<boolean>;

/** Callbacks for the progress of a task. */
interface TaskListener extends CommandListener {
  /** The task was a cache hit. Its replayed output follows. */
  cached(fingerprint: string, replayedBytes: number): void;
  /** Called before the command of a task begins, if its inputs are known. */
  pinned(isUnchanged: IsUnchanged): void;
}

/** The options of a {@linkcode TaskRunner}. */
interface TaskRunnerOptions extends CommandRunnerOptions {
  /** If absent, no result is cached. */
  readonly cache?: ResultCache;
  /**
   * Results of earlier builds and of this one that are not stored yet. If absent, caching is not
   * deferred.
   */
  readonly deferred?: DeferredResults;
  /** True if results are stored before the build goes on. */
  readonly keepsAtOnce?: boolean;
  /** True if the inputs of each task must be recorded when it begins. */
  readonly isWatched?: boolean;
  readonly force: boolean;
  readonly replayLogs: ReplayLogs;
}

/** A task of a build. */
export interface TaskInBuild {
  readonly index: number;
  readonly task: PlannedTask;
  /** The tasks whose results count for its own. They are done. */
  readonly dependencies: readonly (readonly [index: number, task: PlannedTask])[];
}

/** The outcome of a task, for a build that has joined its execution. */
export interface SharedTask {
  readonly known: Known | undefined;
  readonly cacheKey: CacheKey | undefined;
  readonly baseline: Baseline | undefined;
}

/** The request to run a task. */
interface TaskRequest extends TaskInBuild, CommandRequest {
  readonly listener: TaskListener;
}

/** The outcome of a task. */
export type TaskOutcome =
  | { readonly kind: "cached" }
  | { readonly kind: "ran"; readonly status: ExitStatus };

/** The outcome of an executed command, for the cache. */
interface Recorded {
  readonly status: ExitStatus;
  /** True if the result may be cached. */
  readonly isWhole: boolean;
  readonly made: MadeOutputs;
  readonly log: Uint8Array | undefined;
  readonly durationMs: number;
}

/** Runs the tasks of one build. */
export class TaskRunner {
  readonly #options: TaskRunnerOptions;
  /**
   * Fingerprints of the tasks that were run. Tasks whose results cannot be determined have none.
   */
  readonly #fingerprints = new Map<number, string>();
  /** Results of this build's tasks that are stored later. */
  readonly #later = new Map<number, DeferredResult>();
  readonly #cacheKeys = new Map<number, CacheKey>();
  readonly #baselines = new Map<number, Baseline>();
  readonly #warnings = new TaskWarnings();
  readonly #commands: CommandRunner;

  constructor(options: TaskRunnerOptions) {
    this.#options = options;
    this.#commands = new CommandRunner(options, this.#warnings);
  }

  /** The fingerprints and inputs of the tasks that have begun, by their indices. */
  get cacheKeys(): ReadonlyMap<number, CacheKey> {
    return this.#cacheKeys;
  }

  /** The recorded inputs of the tasks that have begun, by their indices. */
  get baselines(): ReadonlyMap<number, Baseline> {
    return this.#baselines;
  }

  /** Returns what is known of a task after its execution, for another build. */
  share(index: number): SharedTask {
    return {
      known: this.#later.get(index) ?? this.#fingerprints.get(index),
      cacheKey: this.#cacheKeys.get(index),
      baseline: this.#baselines.get(index),
    };
  }

  /** Takes over the outcome of a task that another build has executed. */
  adopt(index: number, { known, cacheKey, baseline }: SharedTask): void {
    if (typeof known === "string") this.#fingerprints.set(index, known);
    else if (known !== undefined) this.#later.set(index, known);
    if (cacheKey !== undefined) this.#cacheKeys.set(index, cacheKey);
    if (baseline !== undefined) this.#baselines.set(index, baseline);
  }

  /**
   * Returns what is known of tasks by their ids, also of those whose results are stored later.
   *
   * @returns `undefined` if one of them has no result
   */
  knownOf(tasks: TaskInBuild["dependencies"]): ReadonlyMap<string, Known> | undefined {
    const known = new Map<string, Known>();
    for (const [index, { id }] of tasks) {
      const each = this.#later.get(index) ?? this.#fingerprints.get(index);
      if (each === undefined) return undefined;
      known.set(id, each);
    }
    return known;
  }

  /**
   * Returns true if tasks have the same fingerprints in two builds. Results are only stored for that
   * if they are not of the same execution.
   */
  async areEqual(
    one: ReadonlyMap<string, Known>,
    other: ReadonlyMap<string, Known>,
  ): Promise<boolean> {
    if (one.size !== other.size) return false;
    for (const [id, known] of one) {
      const same = other.get(id);
      if (same === known) continue;
      if (same === undefined) return false;
      const fingerprint = await this.#settled(known);
      if (fingerprint === undefined || fingerprint !== await this.#settled(same)) return false;
    }
    return true;
  }

  async #settled(known: Known): Promise<string | undefined> {
    return typeof known === "string" ? known : await this.#options.deferred?.keep(known);
  }

  /** Runs a task, or restores its result on a cache hit. */
  async run(request: TaskRequest): Promise<TaskOutcome> {
    const { graceful } = request.ending;
    try {
      return await this.#run(request);
    } catch (error) {
      // Reading the inputs was aborted together with the task.
      if (graceful.aborted && error === graceful.reason) {
        return { kind: "ran", status: { code: 0 } };
      }
      throw error;
    }
  }

  async #run(request: TaskRequest): Promise<TaskOutcome> {
    const { deferred } = this.#options;
    if (request.task.service !== undefined) {
      return { kind: "ran", status: await this.#serve(request) };
    }
    if (request.task.command === undefined || request.task.caching?.unstored === "counted") {
      return { kind: "ran", status: await this.#pass(request) };
    }
    const { caching } = request.task;
    if (deferred !== undefined && caching !== undefined && caching.unstored === undefined) {
      const { key } = caching;
      if (deferred.has(key)) await deferred.settle(key);
      const beginning = await this.#beginning(request, deferred);
      if (beginning !== undefined) {
        request.listener.pinned(() => deferred.isUnchanged(beginning));
        return { kind: "ran", status: await this.#defer(beginning, request, deferred) };
      }
      if (this.#later.size > 0) await this.#settleDependencies(request, deferred);
    }
    const cacheKey = await this.cacheKey(request, request.ending.graceful);
    if (!isCacheKey(cacheKey)) {
      if (this.#options.isWatched === true) await this.#noteInputs(request);
      return { kind: "ran", status: await this.#runUncached(request) };
    }
    this.#take(request.index, cacheKey);
    if (await this.#fetch(cacheKey, request)) return { kind: "cached" };
    // Other builds do not join a cache hit: each of them selects itself what output is replayed.
    request.listener.pinned(() => cacheKey.inputs.isUnchangedSince(cacheKey.snapshot));
    return { kind: "ran", status: await this.#produce(cacheKey, request) };
  }

  /**
   * Runs a service. It has no result, but its inputs count for the tasks that depend on it, if it
   * declares them.
   */
  async #serve(request: TaskRequest): Promise<ExitStatus> {
    const { deferred } = this.#options;
    if (deferred !== undefined && this.#later.size > 0) {
      await this.#settleDependencies(request, deferred);
    }
    const cacheKey = await this.cacheKey(request, request.ending.graceful);
    if (isCacheKey(cacheKey)) {
      this.#take(request.index, cacheKey);
      request.listener.pinned(() => cacheKey.inputs.isUnchangedSince(cacheKey.snapshot));
    } else {
      request.listener.pinned(() => Promise.resolve(true));
    }
    return await this.#commands.execute(request);
  }

  /**
   * Runs a task whose result is not stored, but whose fingerprint counts for its dependents: one
   * that only runs its dependencies, and one for which the config says so.
   */
  async #pass(request: TaskRequest): Promise<ExitStatus> {
    const { deferred } = this.#options;
    const { index, task, dependencies } = request;
    if (deferred !== undefined && this.#later.size > 0) {
      await this.#settleDependencies(request, deferred);
    }
    if (task.command === undefined && task.caching === undefined) {
      const fingerprint = this.groupFingerprint(task, dependencies);
      if (fingerprint !== undefined) this.#fingerprints.set(index, fingerprint);
      return await this.#commands.execute(request);
    }
    const cacheKey = await this.cacheKey(request, request.ending.graceful);
    if (isCacheKey(cacheKey)) this.#take(index, cacheKey);
    const status = await this.#commands.execute(request);
    if (status.code !== 0) this.#fingerprints.delete(index);
    return status;
  }

  /**
   * Returns the fingerprint of a task that only runs its dependencies; `undefined` if one of them
   * has none.
   */
  groupFingerprint(
    { key }: Pick<PlannedTask, "key">,
    dependencies: TaskInBuild["dependencies"],
  ): string | undefined {
    const { known, missing } = this.#fingerprintsOf(dependencies);
    return missing === undefined ? groupFingerprint(key, Object.values(known)) : undefined;
  }

  /** Records the inputs of a task that always runs. */
  async #noteInputs({ index, task, ending }: TaskRequest): Promise<void> {
    const { caching: declaration, command } = task;
    if (declaration === undefined || command === undefined) return;
    const inputs = await this.#options.cache?.inputs({ declaration, command }, ending.graceful);
    if (inputs === undefined) return;
    this.#baselines.set(index, { inputs, snapshot: await inputs.look(ending.graceful) });
  }

  async #runUncached(request: TaskRequest): Promise<ExitStatus> {
    const { cache } = this.#options;
    const { caching: declaration, command } = request.task;
    if (cache === undefined || declaration === undefined || command === undefined) {
      return await this.#commands.execute(request);
    }
    const warn = this.#warnings.to(request.listener.sink);
    const question = { declaration, command };
    const prepared = await cache.prepareUncached(question, warn, request.ending.graceful);
    try {
      const status = await this.#commands.execute(request);
      await cache.finish(prepared, declaration, { isWhole: false, warn });
      return status;
    } finally {
      cache.abandon(prepared);
    }
  }

  /**
   * Returns the fingerprint of a task whose outputs are known to be in place, without asynchronous
   * work.
   *
   * @param tasks all tasks of the build
   * @returns `undefined` if a full lookup is needed to know this, or if output must be replayed
   */
  recall(index: number, tasks: readonly PlannedTask[]): string | undefined {
    const { cache, force, deferred, replayLogs } = this.#options;
    const { caching, command, counted: dependencies = [] } = tasks[index] ?? {};
    if (cache === undefined || force || caching === undefined || command === undefined) {
      return undefined;
    }
    if (caching.unstored !== undefined) return undefined;
    if (deferred?.has(caching.key)) return undefined;
    const found = cache.recall(
      { declaration: caching, command },
      (before) => this.#isAsBefore(before, dependencies, tasks),
    );
    if (found === undefined) return undefined;
    if (found.result.log !== undefined && replayLogs !== "none") return undefined;
    this.#take(index, found.cacheKey);
    return found.cacheKey.fingerprint;
  }

  /**
   * Determines the current fingerprint and inputs of a task. Its dependencies must have been run or
   * {@linkcode assume}d before.
   *
   * @param signal aborts reading the inputs
   * @throws the signal's reason if it is aborted
   */
  async cacheKey(
    { task, dependencies }: Pick<TaskRequest, "task" | "dependencies">,
    signal?: AbortSignal,
  ): Promise<TaskCacheKey> {
    const { cache } = this.#options;
    const { caching, command = task.passing } = task;
    if (cache === undefined || caching === undefined || command === undefined) {
      return { kind: "undeclared" };
    }
    if (caching.unstored === "uncounted") return { kind: "undeclared" };
    const { known, missing } = this.#fingerprintsOf(dependencies);
    if (missing !== undefined) return { kind: "dependency", task: missing };
    return await cache.cacheKey({ declaration: caching, command, dependencies: known }, signal);
  }

  /** Returns true if the dependencies of a task have the same fingerprints as in an earlier run. */
  #isAsBefore(
    before: Readonly<Record<string, string>>,
    dependencies: readonly number[],
    tasks: readonly PlannedTask[],
  ): boolean {
    for (const index of dependencies) {
      const fingerprint = this.#fingerprints.get(index);
      if (fingerprint === undefined || before[tasks[index]?.id ?? ""] !== fingerprint) return false;
    }
    return Object.keys(before).length === dependencies.length;
  }

  /** Records the fingerprint of a task that is only explained and does not run. */
  assume(index: number, cacheKey: Pick<CacheKey, "fingerprint">): void {
    this.#fingerprints.set(index, cacheKey.fingerprint);
  }

  /**
   * Returns the fingerprints of tasks by their ids. If one is unknown, `missing` is the id of that
   * task.
   */
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
    // A task may be named "__proto__". An assignment to that property would be lost.
    return { known: Object.fromEntries(known) };
  }

  #take(index: number, cacheKey: CacheKey): void {
    this.#cacheKeys.set(index, cacheKey);
    this.#baselines.set(index, cacheKey);
    this.#fingerprints.set(index, cacheKey.fingerprint);
  }

  async #fetch(cacheKey: CacheKey, { listener, ending }: TaskRequest): Promise<boolean> {
    const { cache, force, replayLogs } = this.#options;
    if (cache === undefined || force || ending.graceful.aborted) return false;
    const found = await cache.fetch(cacheKey, this.#warnings.to(listener.sink));
    if (found === undefined) return false;
    const log = replayLogs === "none" ? undefined : cache.readLog(found);
    const pieces = log === undefined ? [] : [...decodeLog(log)];
    const replayed = replayLogs === "full"
      ? pieces
      : pieces.filter(({ stream }) => stream === "stderr");
    const size = replayed.reduce((sum, { bytes }) => sum + bytes.length, 0);
    listener.cached(cacheKey.fingerprint, size);
    for (const { stream, bytes } of replayed) await listener.sink.write(stream, bytes);
    return true;
  }

  /**
   * Records the inputs of a task whose result can be stored later. Returns `undefined` if caching
   * cannot be deferred.
   */
  async #beginning(
    { task: { caching, command }, dependencies, ending }: TaskRequest,
    deferred: DeferredResults,
  ): Promise<Beginning | undefined> {
    const { cache, force, keepsAtOnce = false } = this.#options;
    if (force || keepsAtOnce || cache === undefined) return undefined;
    if (caching === undefined || command === undefined) return undefined;
    const known = this.knownOf(dependencies);
    if (known === undefined) return undefined;
    return await deferred.begin(
      cache,
      { declaration: caching, command },
      [...known],
      ending.graceful,
    );
  }

  async #settleDependencies(
    { dependencies }: TaskRequest,
    deferred: DeferredResults,
  ): Promise<void> {
    for (const [index] of dependencies) {
      const later = this.#later.get(index);
      if (later === undefined) continue;
      const fingerprint = await deferred.keep(later);
      this.#later.delete(index);
      if (fingerprint !== undefined) this.#fingerprints.set(index, fingerprint);
    }
  }

  async #defer(
    beginning: Beginning,
    request: TaskRequest,
    deferred: DeferredResults,
  ): Promise<ExitStatus> {
    if (request.ending.graceful.aborted) return { code: 0 };
    const { status, isWhole, ...more } = await this.#record(beginning, request);
    const result = isWhole ? await deferred.add(beginning, more) : undefined;
    if (result !== undefined) this.#later.set(request.index, result);
    return status;
  }

  async #produce(cacheKey: CacheKey, request: TaskRequest): Promise<ExitStatus> {
    const { cache } = this.#options;
    if (request.ending.graceful.aborted) {
      this.#fingerprints.delete(request.index);
      return { code: 0 };
    }
    const { status, isWhole, ...more } = await this.#record(cacheKey, request);
    const warn = this.#warnings.to(request.listener.sink);
    const holds = isWhole && await cache?.keep({ cacheKey, ...more, warn }) === true;
    if (!holds) this.#fingerprints.delete(request.index);
    return status;
  }

  /** Runs a task whose result may be cached. */
  async #record(task: Runnable, request: TaskRequest): Promise<Recorded> {
    const { cache, clock } = this.#options;
    const { sink } = request.listener;
    const recorder = new LogRecorder();
    const warn = this.#warnings.to(request.listener.sink);
    const prepared = await cache?.prepare(task, warn);
    const startedAt = clock.monotonic();
    const status = await this.#commands.execute(request, {
      write: (stream, bytes) => {
        recorder.add(stream, bytes);
        return sink.write(stream, bytes);
      },
      warn: (message) => sink.warn(message),
      tagged: (tag) => sink.tagged?.(tag),
      accessed: (files) => sink.accessed?.(files),
    }).catch((error: unknown) => {
      if (prepared !== undefined) cache?.abandon(prepared);
      throw error;
    });
    const durationMs = Math.round(clock.monotonic() - startedAt);
    // Processes that are left in the background may still write outputs. A task that was cancelled
    // or got another signal may have stopped halfway, whatever its exit code is. Such results may
    // be incomplete.
    const { graceful, isDisturbed } = request.ending;
    const isWhole = prepared?.isClear !== false && status.code === 0 &&
      status.leftovers === undefined && !graceful.aborted && !isDisturbed;
    const made = prepared === undefined || cache === undefined
      ? NOTHING_MADE
      : await cache.finish(prepared, task.question.declaration, { isWhole, warn });
    return { status, isWhole, made, log: recorder.encode(), durationMs };
  }
}
