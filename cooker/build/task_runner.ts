/**
 * Runs one task of a build: restores its result from the cache, or executes its command and stores
 * the result.
 *
 * @module
 */

import type { Beginning, DeferredResults } from "../cache/deferred_results.ts";
import { type MadeOutputs, NOTHING_MADE } from "../cache/output_runs.ts";
import type { CacheKey, Runnable } from "../cache/cache_key.ts";
import type { ResultCache } from "../cache/result_cache.ts";
import { LogRecorder } from "../cache/task_log.ts";
import type { ExitStatus } from "../execute/executor.ts";
import { type CacheLookup, type HitListener, isCacheKey } from "./cache_lookup.ts";
import {
  type CommandListener,
  type CommandRequest,
  CommandRunner,
  type CommandRunnerOptions,
} from "./command_runner.ts";
import type { TaskInBuild, TaskResults } from "./task_results.ts";
import { TaskWarnings } from "./task_warnings.ts";

/** Returns true if no input has changed since a task began. */
export type IsUnchanged = () => Promise<boolean>;

/** Callbacks for the progress of a task. */
interface TaskListener extends CommandListener, HitListener {
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
  /** The results of the build's tasks so far. The runner adds to them. */
  readonly results: TaskResults;
  readonly lookup: CacheLookup;
  readonly force: boolean;
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
  readonly #results: TaskResults;
  readonly #lookup: CacheLookup;
  readonly #warnings = new TaskWarnings();
  readonly #commands: CommandRunner;

  constructor(options: TaskRunnerOptions) {
    this.#options = options;
    this.#results = options.results;
    this.#lookup = options.lookup;
    this.#commands = new CommandRunner(options, this.#warnings);
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
    }
    await this.#results.settle(request.dependencies);
    const cacheKey = await this.#lookup.cacheKey(request, request.ending.graceful);
    if (!isCacheKey(cacheKey)) {
      if (this.#options.isWatched === true) await this.#noteInputs(request);
      return { kind: "ran", status: await this.#runUncached(request) };
    }
    this.#results.begin(request.index, cacheKey);
    const { listener, ending: { graceful } } = request;
    const warn = this.#warnings.to(listener.sink);
    if (await this.#lookup.replay(cacheKey, listener, { warn, signal: graceful })) {
      return { kind: "cached" };
    }
    // Other builds do not join a cache hit: each of them selects itself what output is replayed.
    listener.pinned(() => cacheKey.inputs.isUnchangedSince(cacheKey.snapshot));
    return { kind: "ran", status: await this.#produce(cacheKey, request) };
  }

  /**
   * Runs a service. It has no result, but its inputs count for the tasks that depend on it, if it
   * declares them.
   */
  async #serve(request: TaskRequest): Promise<ExitStatus> {
    await this.#results.settle(request.dependencies);
    const cacheKey = await this.#lookup.cacheKey(request, request.ending.graceful);
    if (isCacheKey(cacheKey)) {
      this.#results.begin(request.index, cacheKey);
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
    const { index, task, dependencies } = request;
    if (task.command === undefined && task.caching === undefined) {
      this.#results.group(index, task, dependencies);
      return await this.#commands.execute(request);
    }
    await this.#results.settle(dependencies);
    const cacheKey = await this.#lookup.cacheKey(request, request.ending.graceful);
    if (isCacheKey(cacheKey)) this.#results.begin(index, cacheKey);
    const status = await this.#commands.execute(request);
    if (status.code !== 0) this.#results.invalidate(index);
    return status;
  }

  /** Records the inputs of a task that always runs. */
  async #noteInputs({ index, task, ending }: TaskRequest): Promise<void> {
    const { caching: declaration, command } = task;
    if (declaration === undefined || command === undefined) return;
    const inputs = await this.#options.cache?.inputs({ declaration, command }, ending.graceful);
    if (inputs === undefined) return;
    this.#results.observe(index, { inputs, snapshot: await inputs.look(ending.graceful) });
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
    const known = this.#results.knownOf(dependencies);
    if (known === undefined) return undefined;
    return await deferred.begin(
      cache,
      { declaration: caching, command },
      [...known],
      ending.graceful,
    );
  }

  async #defer(
    beginning: Beginning,
    request: TaskRequest,
    deferred: DeferredResults,
  ): Promise<ExitStatus> {
    if (request.ending.graceful.aborted) return { code: 0 };
    const { status, isWhole, ...more } = await this.#record(beginning, request);
    const result = isWhole ? await deferred.add(beginning, more) : undefined;
    if (result !== undefined) this.#results.defer(request.index, result);
    return status;
  }

  async #produce(cacheKey: CacheKey, request: TaskRequest): Promise<ExitStatus> {
    const { cache } = this.#options;
    if (request.ending.graceful.aborted) {
      this.#results.invalidate(request.index);
      return { code: 0 };
    }
    const { status, isWhole, ...more } = await this.#record(cacheKey, request);
    const warn = this.#warnings.to(request.listener.sink);
    const holds = isWhole && await cache?.keep({ cacheKey, ...more, warn }) === true;
    if (!holds) this.#results.invalidate(request.index);
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
