/**
 * Looks up the results of one build's tasks in the cache, and replays the output of cache hits.
 *
 * @module
 */

import type { ReplayLogs } from "../../wire/commands.ts";
import type { DeferredResults } from "../cache/deferred_results.ts";
import type { CacheKey, UncacheableReason } from "../cache/cache_key.ts";
import type { ResultCache, Warn } from "../cache/result_cache.ts";
import { decodeLog } from "../cache/task_log.ts";
import type { OutputSink } from "../execute/executor.ts";
import type { PlannedTask } from "../plan/plan.ts";
import type { TaskInBuild, TaskResults } from "./task_results.ts";

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

/** Callbacks for a cache hit. */
export interface HitListener {
  /** The task was a cache hit. Its replayed output follows. */
  cached(fingerprint: string, replayedBytes: number): void;
  /** Receives the replayed output. */
  readonly sink: OutputSink;
}

/** The options of a {@linkcode CacheLookup}. */
interface CacheLookupOptions {
  /** If absent, there are no cache hits. */
  readonly cache?: ResultCache;
  /** Results that are not stored yet. If absent, caching is not deferred. */
  readonly deferred?: DeferredResults;
  /** The results of the build's tasks so far. */
  readonly results: TaskResults;
  /** True if every task with a command must run. */
  readonly force: boolean;
  readonly replayLogs: ReplayLogs;
}

/** Decides which tasks of one build are cache hits. */
export class CacheLookup {
  readonly #options: CacheLookupOptions;

  constructor(options: CacheLookupOptions) {
    this.#options = options;
  }

  /**
   * Returns the fingerprint of a task whose outputs are known to be in place, without asynchronous
   * work.
   *
   * @param tasks all tasks of the build
   * @returns `undefined` if a full lookup is needed to know this, or if output must be replayed
   */
  recall(index: number, tasks: readonly PlannedTask[]): string | undefined {
    const { cache, force, deferred, replayLogs, results } = this.#options;
    const { caching, command, counted: dependencies = [] } = tasks[index] ?? {};
    if (cache === undefined || force || caching === undefined || command === undefined) {
      return undefined;
    }
    if (caching.unstored !== undefined) return undefined;
    if (deferred?.has(caching.key)) return undefined;
    const found = cache.recall(
      { declaration: caching, command },
      (before) => results.areAsBefore(before, dependencies, tasks),
    );
    if (found === undefined) return undefined;
    if (found.result.log !== undefined && replayLogs !== "none") return undefined;
    results.begin(index, found.cacheKey);
    return found.cacheKey.fingerprint;
  }

  /**
   * Determines the current fingerprint and inputs of a task. The results of its dependencies must
   * be known.
   *
   * @param signal aborts reading the inputs
   * @throws the signal's reason if it is aborted
   */
  async cacheKey(
    { task, dependencies }: Pick<TaskInBuild, "task" | "dependencies">,
    signal?: AbortSignal,
  ): Promise<TaskCacheKey> {
    const { cache, results } = this.#options;
    const { caching, command = task.passing } = task;
    if (cache === undefined || caching === undefined || command === undefined) {
      return { kind: "undeclared" };
    }
    if (caching.unstored === "uncounted") return { kind: "undeclared" };
    const { known, missing } = results.fingerprintsOf(dependencies);
    if (missing !== undefined) return { kind: "dependency", task: missing };
    return await cache.cacheKey({ declaration: caching, command, dependencies: known }, signal);
  }

  /**
   * Restores the result of a task on a cache hit, and replays its output.
   *
   * @param options.signal if it is aborted, nothing is restored
   * @returns false if the task has to run
   */
  async replay(
    cacheKey: CacheKey,
    listener: HitListener,
    { warn, signal }: { readonly warn: Warn; readonly signal: AbortSignal },
  ): Promise<boolean> {
    const { cache, force, replayLogs } = this.#options;
    if (cache === undefined || force || signal.aborted) return false;
    const found = await cache.fetch(cacheKey, warn);
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
}
