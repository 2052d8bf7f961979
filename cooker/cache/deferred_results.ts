/**
 * Deferred caching: a task that has never been cached cannot hit, so its inputs are hashed and its
 * result is stored after it has run.
 *
 * The kernel reports changes of the inputs. If it has reported none since the task began, their
 * contents are still those that the task has read.
 *
 * @module
 */

import type { Clock } from "../../system/clock.ts";
import type { Logger } from "../../system/logger.ts";
import { fileTime } from "../../system/files/file_signature.ts";
import { ioTurn } from "../../system/macrotask.ts";
import type { FileSet } from "../inputs/file_set.ts";
import type { InputTracker } from "../inputs/tracker.ts";
import type { MadeOutputs } from "./output_runs.ts";
import { type CacheQuestion, isUncacheable } from "./cache_key.ts";
import type { ResultCache } from "./result_cache.ts";

/** A task's fingerprint, or its deferred result, which gets one later. */
export type Known = string | DeferredResult;

/** State of a task that is about to run. */
export interface Beginning {
  /** The cache that will store the result. */
  readonly cache: ResultCache;
  readonly question: Omit<CacheQuestion, "dependencies">;
  /** Dependencies by their tasks' ids. */
  readonly dependencies: readonly (readonly [id: string, known: Known])[];
  readonly inputs: FileSet;
  readonly outputs: FileSet | undefined;
  readonly inputsVersion: number;
  /** Time of the beginning on the clock of file times, in milliseconds since the Unix epoch. */
  readonly begunAt: number;
}

/** A result that is not stored yet. */
export interface DeferredResult extends Beginning {
  readonly made: MadeOutputs;
  readonly log: Uint8Array | undefined;
  readonly durationMs: number;
  /** Set when storing begins. Resolves to `undefined` if the result could not be stored. */
  fingerprint?: Promise<string | undefined>;
}

/**
 * Bytes of output above which a result is stored at once, because they would have to stay in
 * memory.
 */
const MAX_LOG = 64 * 1024;

/** Milliseconds of uninterrupted work. */
const STRETCH_MS = 8;

/**
 * Milliseconds that a build waits at most for its first results. On a new server, these take 50.
 */
const FIRST_MS = 100;

/** Results that a build waits for even if they take longer than `STRETCH_MS`. */
const FIRST_RESULTS = 16;

/** Dependencies of {@linkcode DeferredResults}. */
interface DeferredOptions {
  readonly tracker: InputTracker;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Stores results after their tasks have run. */
export class DeferredResults {
  readonly #options: DeferredOptions;
  readonly #waiting = new Map<string, DeferredResult>();
  /**
   * Tasks whose deferred results could not be stored. Their inputs are hashed before the next run.
   */
  readonly #hurried = new Set<string>();
  #working: Promise<void> | undefined;
  #isPaused = false;

  constructor(options: DeferredOptions) {
    this.#options = options;
  }

  /** True if no result is waiting to be stored. */
  get isEmpty(): boolean {
    return this.#waiting.size === 0;
  }

  /** Returns true if a task's result is waiting to be stored. */
  has(key: string): boolean {
    return this.#waiting.has(key);
  }

  /**
   * Records the state with which a task begins. Returns `undefined` if the result can't be
   * deferred, so that the task's fingerprint must be known before it runs.
   *
   * @param signal aborts the search for its inputs
   * @throws the signal's reason if it is aborted
   */
  async begin(
    cache: ResultCache,
    question: Beginning["question"],
    dependencies: Beginning["dependencies"],
    signal?: AbortSignal,
  ): Promise<Beginning | undefined> {
    const { tracker } = this.#options;
    if (!this.#isFirst(question.declaration.key, cache)) return undefined;
    tracker.drain();
    const sets = await cache.sets(question, signal);
    if (sets === undefined) return undefined;
    const { inputs, outputs } = sets;
    const { paths, problems } = await inputs.find(signal);
    if (paths.length === 0 || problems.length > 0) return undefined;
    // A file behind a link may change unreported, so the inputs must be hashed before the run.
    if (!inputs.isTold || paths.some(({ kind }) => kind === "link")) return undefined;
    const begunAt = fileTime();
    const inputsVersion = inputs.version;
    return { cache, question, dependencies, inputs, outputs, inputsVersion, begunAt };
  }

  /** Returns true if no input of a task has changed since it began. */
  isUnchanged({ inputs, inputsVersion }: Beginning): Promise<boolean> {
    this.#options.tracker.drain();
    return Promise.resolve(inputs.isWatched && inputs.version === inputsVersion);
  }

  /** Records the success of a task. Returns `undefined` if its result can't be stored. */
  async add(
    beginning: Beginning,
    { made, log, durationMs }: Pick<DeferredResult, "made" | "log" | "durationMs">,
  ): Promise<DeferredResult | undefined> {
    const { cache, inputs, inputsVersion, question: { declaration } } = beginning;
    const { key } = declaration;
    this.#options.tracker.drain();
    if (inputs.version !== inputsVersion || made.problem !== undefined) {
      this.#hurried.add(key);
      if (made.problem === undefined) cache.leave(declaration, made);
      return undefined;
    }
    const result = { ...beginning, made, log, durationMs };
    this.#waiting.set(key, result);
    const isUntold = beginning.outputs?.isWatched === false;
    if (isUntold || (log?.length ?? 0) > MAX_LOG) await this.keep(result);
    return result;
  }

  /** Stores a task's result now, if one is waiting. */
  async settle(key: string): Promise<void> {
    const result = this.#waiting.get(key);
    if (result !== undefined) await this.keep(result);
  }

  /**
   * Stores a result, after those that it depends on.
   *
   * @returns its fingerprint; `undefined` if it can't be stored
   */
  keep(result: DeferredResult): Promise<string | undefined> {
    result.fingerprint ??= this.#keep(result).then((fingerprint) => {
      const { key } = result.question.declaration;
      if (this.#waiting.get(key) === result) this.#waiting.delete(key);
      if (fingerprint === undefined) {
        this.#hurried.add(key);
        result.cache.leave(result.question.declaration, result.made);
      }
      return fingerprint;
    });
    return result.fingerprint;
  }

  /**
   * Stores the first results: `FIRST_RESULTS`, and more if they take less than `STRETCH_MS`. A build
   * does so before it reports its end, because its client may then move the outputs away. It waits
   * for `FIRST_MS` at most. Storing that takes longer continues afterwards.
   */
  async keepFirst(): Promise<void> {
    const over = new AbortController();
    const kept = this.#keepSome().catch((error: unknown) => this.#abandon(error));
    await Promise.race([kept, this.#options.clock.sleep(FIRST_MS, over.signal)]);
    over.abort();
  }

  /** Starts or resumes storing the waiting results, in slices. */
  resume(): void {
    this.#isPaused = false;
    this.#working ??= this.#work().catch((error: unknown) => this.#abandon(error))
      .finally(() => this.#working = undefined);
  }

  /** Pauses `resume` after the current result. */
  pause(): void {
    this.#isPaused = true;
  }

  /** Stores all waiting results, and resolves when that is done. */
  async finish(): Promise<void> {
    while (!this.isEmpty) {
      this.resume();
      await this.#working;
    }
  }

  /** Drops the waiting results. Their tasks run again. */
  drop(): void {
    for (const { cache, question, made } of this.#waiting.values()) {
      cache.leave(question.declaration, made);
    }
    this.#waiting.clear();
  }

  /**
   * Returns true if a task has no result to look up, and none of its results has failed to be
   * deferred.
   */
  #isFirst(key: string, cache: ResultCache): boolean {
    return !this.#hurried.has(key) && !cache.mightHit(key);
  }

  /** Drops the waiting results after a defect, which must not fail a build. */
  #abandon(error: unknown): void {
    const { message } = error instanceof Error ? error : new Error(String(error));
    this.#options.log.log("error", `Cannot cache results: ${message}`);
    this.drop();
  }

  async #keepSome(): Promise<void> {
    const { clock } = this.#options;
    const begun = clock.monotonic();
    let kept = 0;
    for (const result of this.#waiting.values()) {
      await this.keep(result);
      kept++;
      if (clock.monotonic() - begun < STRETCH_MS) continue;
      if (kept >= FIRST_RESULTS) return;
      await ioTurn();
    }
  }

  async #work(): Promise<void> {
    const { clock } = this.#options;
    let begun = clock.monotonic();
    for (const result of this.#waiting.values()) {
      if (this.#isPaused) return;
      await this.keep(result);
      if (clock.monotonic() - begun < STRETCH_MS) continue;
      await ioTurn();
      begun = clock.monotonic();
    }
  }

  /**
   * @returns its fingerprint; `undefined` if its inputs or outputs have changed, or can't be
   *   verified
   */
  async #keep(result: DeferredResult): Promise<string | undefined> {
    const { tracker } = this.#options;
    const { cache, question, inputs, inputsVersion, made, log, durationMs } = result;
    const isUnchanged = (): boolean => {
      tracker.drain();
      return inputs.isWatched && inputs.version === inputsVersion;
    };
    const fingerprints: [string, string][] = [];
    for (const [id, known] of result.dependencies) {
      const fingerprint = typeof known === "string" ? known : await this.keep(known);
      if (fingerprint === undefined) return undefined;
      fingerprints.push([id, fingerprint]);
    }
    if (!isUnchanged() || !cache.isAsMade(result, made)) return undefined;
    // A task may be called "__proto__", and an assignment to that name would be lost.
    const dependencies = Object.fromEntries(fingerprints);
    const cacheKey = await cache.cacheKey({ ...question, dependencies });
    if (isUncacheable(cacheKey) || cacheKey.inputs !== inputs) return undefined;
    // A file can be changed unreported through another hard link. The change time of its inode
    // shows that.
    const isTold = inputs.isSettled && cacheKey.snapshot.changedAt <= result.begunAt;
    if (!isTold || !isUnchanged()) return undefined;
    const holds = await cache.keep({ cacheKey, made, log, durationMs, warn: () => {} });
    return holds ? cacheKey.fingerprint : undefined;
  }
}
