/**
 * Results that are kept when nobody waits: of a task that has none yet there is nothing to look for,
 * so that what its inputs hold need not be known before it runs.
 *
 * What they held when it began is known from the kernel: it tells of every change since.
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
import { type CacheQuestion, isUnkeyed, type ResultCache } from "./result_cache.ts";

/** A task's fingerprint, or its postponed result, which will have one. */
export type Known = string | PostponedResult;

/** A task that is about to run. */
export interface Beginning {
  /** Where its result is going to be kept. */
  readonly cache: ResultCache;
  readonly question: Omit<CacheQuestion, "dependencies">;
  /** By the tasks' ids. */
  readonly dependencies: readonly (readonly [id: string, known: Known])[];
  readonly inputs: FileSet;
  readonly outputs: FileSet | undefined;
  readonly inputsVersion: number;
  /** In the time of files. */
  readonly begunAt: number;
}

/** A result that is yet to be kept. */
export interface PostponedResult extends Beginning {
  /** What the task has made. */
  readonly made: MadeOutputs;
  readonly log: Uint8Array | undefined;
  readonly durationMs: number;
  /** From when on it is being kept: its fingerprint, where it could be. */
  fingerprint?: Promise<string | undefined>;
}

/** Bytes of output above which a result is kept at once: they would have to stay in memory. */
const MAX_LOG = 64 * 1024;

/** Milliseconds of work at a stretch. */
const STRETCH_MS = 8;

/** Milliseconds that a build waits for its first results: those of a new server take 50. */
const FIRST_MS = 100;

/** What postponing needs. */
interface PostponedOptions {
  readonly tracker: InputTracker;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Keeps results later. */
export class PostponedResults {
  readonly #options: PostponedOptions;
  readonly #waiting = new Map<string, PostponedResult>();
  /** Tasks whose results could not be kept later. */
  readonly #hurried = new Set<string>();
  #working: Promise<void> | undefined;
  #isPaused = false;

  constructor(options: PostponedOptions) {
    this.#options = options;
  }

  /** Whether nothing is waiting to be kept. */
  get isEmpty(): boolean {
    return this.#waiting.size === 0;
  }

  /** Whether a task's result is waiting. */
  has(key: string): boolean {
    return this.#waiting.has(key);
  }

  /**
   * Takes note of what a task begins with; `undefined` where its fingerprint has to be known.
   *
   * @param signal ends the looking for its inputs
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
    // What is behind a link may change unreported, so that the inputs have to be known before.
    if (!inputs.isTold || paths.some(({ kind }) => kind === "link")) return undefined;
    const begunAt = fileTime();
    const inputsVersion = inputs.version;
    return { cache, question, dependencies, inputs, outputs, inputsVersion, begunAt };
  }

  /** Takes note of how the task has ended well; `undefined` where nothing can be kept of it. */
  async add(
    beginning: Beginning,
    { made, log, durationMs }: Pick<PostponedResult, "made" | "log" | "durationMs">,
  ): Promise<PostponedResult | undefined> {
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

  /** Keeps a task's result now, if one is waiting. */
  async settle(key: string): Promise<void> {
    const result = this.#waiting.get(key);
    if (result !== undefined) await this.keep(result);
  }

  /**
   * Keeps a result, and before it those that it depends on.
   *
   * @returns its fingerprint; `undefined` where it can't be kept
   */
  keep(result: PostponedResult): Promise<string | undefined> {
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
   * Keeps the first results, for a moment at the most. A build does so before it reports its end: its
   * client may move the outputs away as soon as it knows. What takes longer goes on afterwards.
   */
  async keepFirst(): Promise<void> {
    const over = new AbortController();
    const kept = this.#keepSome().catch((error: unknown) => this.#abandon(error));
    await Promise.race([kept, this.#options.clock.sleep(FIRST_MS, over.signal)]);
    over.abort();
  }

  /** Begins to keep what is waiting, piece by piece. */
  resume(): void {
    this.#isPaused = false;
    this.#working ??= this.#work().catch((error: unknown) => this.#abandon(error))
      .finally(() => this.#working = undefined);
  }

  /** Waits for a better moment. */
  pause(): void {
    this.#isPaused = true;
  }

  /** Keeps everything; resolves when that is done. */
  async finish(): Promise<void> {
    while (!this.isEmpty) {
      this.resume();
      await this.#working;
    }
  }

  /** Forgets what is waiting: those tasks run again. */
  drop(): void {
    for (const { cache, question, made } of this.#waiting.values()) {
      cache.leave(question.declaration, made);
    }
    this.#waiting.clear();
  }

  /** Whether a task has no result that could be looked for, and may be the first to have one. */
  #isFirst(key: string, cache: ResultCache): boolean {
    return !this.#hurried.has(key) && !cache.mayHave(key);
  }

  /** A defect costs the results that are waiting, and no build. */
  #abandon(error: unknown): void {
    const { message } = error instanceof Error ? error : new Error(String(error));
    this.#options.log.log("error", `Cannot keep results: ${message}`);
    this.drop();
  }

  async #keepSome(): Promise<void> {
    const { clock } = this.#options;
    const begun = clock.monotonic();
    for (const result of this.#waiting.values()) {
      await this.keep(result);
      if (clock.monotonic() - begun >= STRETCH_MS) return;
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

  /** @returns its fingerprint, where everything still is as it was */
  async #keep(result: PostponedResult): Promise<string | undefined> {
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
    // A task may be called "__proto__": assigning to that would be lost.
    const dependencies = Object.fromEntries(fingerprints);
    const prospect = await cache.prospect({ ...question, dependencies });
    if (isUnkeyed(prospect) || prospect.inputs !== inputs) return undefined;
    // By another name, a file can be changed without a word; its inode has the time of that.
    const isTold = inputs.isSettled && prospect.snapshot.changedAt <= result.begunAt;
    if (!isTold || !isUnchanged()) return undefined;
    const holds = await cache.keep({ prospect, made, log, durationMs, warn: () => {} });
    return holds ? prospect.fingerprint : undefined;
  }
}
