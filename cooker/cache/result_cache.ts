/**
 * The cache as a build uses it: looks up, restores and stores the results of tasks.
 *
 * A result is stored only under a fingerprint that its inputs had from before the task began until
 * after it ended. It is found only if the inputs are the same at the lookup.
 *
 * @module
 */

import type { Clock } from "../../system/clock.ts";
import { joinPath } from "../../system/files/files.ts";
import type { Logger } from "../../system/logger.ts";
import type { TreeSignatures } from "../../system/files/tree_signature.ts";
import type { FileSet } from "../inputs/file_set.ts";
import type { InputTracker } from "../inputs/tracker.ts";
import type { Place } from "../store/confine.ts";
import type { OutputEntry, StoredResult } from "../store/result.ts";
import type { ResultStore } from "../store/result_store.ts";
import { type BuildInfos, buildInfosIn, changedBuildInfo } from "./build_info.ts";
import {
  type CacheKey,
  CacheKeys,
  type CacheQuestion,
  type Runnable,
  type UncacheableReason,
} from "./cache_key.ts";
import { type CacheDeclaration, keptParts } from "./fingerprint.ts";
import type { OffLimits } from "./off_limits.ts";
import { type MadeOutputs, NOTHING_MADE, type OutputRun, type OutputRuns } from "./output_runs.ts";
import { OwnOutputs } from "./own_outputs.ts";
import { filesText, type TaskHistory } from "./task_history.ts";
import { VerifiedOutputs } from "./verified_outputs.ts";

/** Dependencies of a cache. */
interface ResultCacheOptions {
  readonly tracker: InputTracker;
  /** Absent if results are not stored outside the working tree. */
  readonly store: ResultStore | undefined;
  /** Folder for temporary files of restores, absolute. */
  readonly staging: string;
  readonly last: TaskHistory;
  /** The project's running tasks that declare outputs. */
  readonly runs: OutputRuns;
  /** Show whether outputs have changed since a run. */
  readonly signatures: TreeSignatures;
  /** Paths that are never stored, restored or removed. */
  readonly offLimits: OffLimits;
  /** Identifies the platform that runs tasks: runtime, version, system, processor. */
  readonly platform: string;
  readonly clock: Clock;
  readonly log: Logger;
}

/** A task that can be prepared for a run. */
interface Preparable extends Omit<Runnable, "inputs"> {
  /** `undefined` if they can't be determined. */
  readonly inputs: FileSet | undefined;
}

/** State of a task just before its command starts. */
interface Prepared {
  /** True if the earlier outputs could be removed. Otherwise the result is not stored. */
  readonly isClear: boolean;
  /** Absent if no outputs are declared. */
  readonly run?: OutputRun;
  /** Paths of the task's inputs. Present if a later run has to know whether one was deleted. */
  readonly inputs?: readonly string[];
  /** State files of incremental compilers before the run. Absent if no outputs are declared. */
  readonly buildInfos?: BuildInfos;
}

/** The result of a task that has just succeeded. */
interface FreshResult {
  readonly cacheKey: CacheKey;
  readonly made: MadeOutputs;
  /** The encoded log; `undefined` if it is too long to be stored. */
  readonly log: Uint8Array | undefined;
  /** Duration of the run, in milliseconds. */
  readonly durationMs: number;
  readonly warn: Warn;
}

/** Reports a failure of the cache, which does not change the task's own result. */
export type Warn = (message: string) => void;

/** A result whose outputs are known to be in place. */
interface Recalled {
  readonly cacheKey: CacheKey;
  readonly result: StoredResult;
}

/** Looks up, restores and stores the results of tasks. */
export class ResultCache {
  readonly #options: ResultCacheOptions;
  readonly #verified: VerifiedOutputs;
  readonly #keys: CacheKeys;
  readonly #own: OwnOutputs;
  #hasFailed = false;

  constructor(options: ResultCacheOptions) {
    this.#options = options;
    const { tracker, signatures, last, offLimits, platform } = options;
    const verified = new VerifiedOutputs(tracker, signatures);
    this.#verified = verified;
    this.#keys = new CacheKeys(tracker, platform);
    this.#own = new OwnOutputs({ last, verified, signatures, offLimits });
  }

  /**
   * Returns the current fingerprint of a task, or the reason why it has none.
   *
   * @param signal aborts the reading of its inputs
   * @throws the signal's reason if it is aborted
   */
  async cacheKey(
    question: CacheQuestion,
    signal?: AbortSignal,
  ): Promise<CacheKey | UncacheableReason> {
    return await this.#keys.keyOf(question, signal);
  }

  /**
   * Returns a result that was found or made before, if nothing that it depends on has changed since
   * and its outputs are still in place.
   *
   * @param isSame returns true if these are the fingerprints of the task's direct dependencies now
   */
  recall(
    { declaration, command }: Omit<CacheQuestion, "dependencies">,
    isSame: (dependencies: CacheQuestion["dependencies"]) => boolean,
  ): Recalled | undefined {
    this.#options.tracker.drainIfDue();
    const cacheKey = this.#keys.kept(declaration, command);
    if (cacheKey === undefined || !isSame(cacheKey.question.dependencies)) return undefined;
    const result = this.#verifiedOf(cacheKey);
    const last = this.#options.last.get(declaration.key);
    const isLast = last?.fingerprint === cacheKey.fingerprint;
    return result !== undefined && isLast ? { cacheKey, result } : undefined;
  }

  /** Returns true if any result of a task may exist, whatever its inputs are now. */
  mightHit(key: string): boolean {
    const { store } = this.#options;
    // Without a working store, `true` prevents deferred caching, which would not show a warning.
    return store === undefined || this.#hasFailed || store.mightHit(key);
  }

  /**
   * Returns the inputs and outputs of a task, or `undefined` if they can't be determined.
   *
   * @param signal aborts the search for its inputs
   * @throws the signal's reason if it is aborted
   */
  async sets(
    { declaration, command }: Omit<CacheQuestion, "dependencies">,
    signal?: AbortSignal,
  ): Promise<
    {
      readonly inputs: FileSet;
      readonly outputs: FileSet | undefined;
    } | undefined
  > {
    const inputs = await this.#keys.inputs(declaration, command.cwd, signal);
    const outputs = this.#keys.outputs(declaration, command.cwd);
    const isKnown = inputs !== undefined &&
      (outputs !== undefined || declaration.output.length === 0);
    return isKnown ? { inputs, outputs } : undefined;
  }

  /**
   * Returns the inputs of a task, or `undefined` if they can't be determined.
   *
   * @param signal aborts the search for them
   * @throws the signal's reason if it is aborted
   */
  async inputs(
    { declaration, command }: Omit<CacheQuestion, "dependencies">,
    signal?: AbortSignal,
  ): Promise<FileSet | undefined> {
    return await this.#keys.inputs(declaration, command.cwd, signal);
  }

  /** Returns true if a hit stays valid until a change in the project is reported. */
  isReported({ validity, question: { declaration }, outputs }: CacheKey): boolean {
    return validity.isReported &&
      (outputs === undefined || this.#verified.isReported(declaration.key));
  }

  /** Returns true if a task's result exists, without restoring it. */
  has(cacheKey: CacheKey): boolean {
    const isThere = this.#options.store?.find(cacheKey.fingerprint) !== undefined;
    return isThere &&
      (cacheKey.question.declaration.output.length > 0 || this.#isInPlace(cacheKey));
  }

  /**
   * Restores a task's result into the working tree.
   *
   * @returns the result, or `undefined` if the task has to run
   */
  async fetch(cacheKey: CacheKey, warn: Warn): Promise<StoredResult | undefined> {
    const { store, last } = this.#options;
    const { fingerprint, outputs, question: { declaration, command } } = cacheKey;
    const verified = this.#verifiedOf(cacheKey);
    if (verified !== undefined && last.get(declaration.key)?.fingerprint === fingerprint) {
      return verified;
    }
    if (outputs === undefined && declaration.output.length > 0) return undefined;
    const found = store?.find(fingerprint);
    if (store === undefined || found === undefined) return undefined;
    const earlier = last.get(declaration.key);
    const hasLeftovers = last.leftovers(declaration.key) !== undefined;
    if (outputs === undefined && !this.#isInPlace(cacheKey)) return undefined;
    if (outputs !== undefined && verified === undefined) {
      const kept = new Set(found.outputs.map(({ path }) => path));
      const own = this.#own.of(cacheKey);
      const problem = this.#own.remove(cacheKey, own, (path) => !kept.has(path));
      if (problem !== undefined) warn(problem);
      const reason = await this.#restore(cacheKey, found, outputs, store);
      if (reason !== undefined) {
        warn(`Cannot restore the outputs of ${command.name}, so it runs: ${reason}`);
        return undefined;
      }
    }
    if (earlier?.fingerprint !== fingerprint || hasLeftovers) {
      await this.#keeping(warn, () => this.#remember(cacheKey, found));
    }
    return found;
  }

  /** Records that a task runs, so that its earlier outputs are no longer known. */
  begin(declaration: CacheDeclaration, warn: Warn): void {
    this.#verified.remove(declaration.key);
    try {
      this.#options.last.begin(declaration.key);
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      this.#fail(error, warn);
    }
  }

  /**
   * Removes the outputs of earlier runs of a task, unless they were edited since or `clean` says
   * otherwise. Lists what else its `output` matches. Removes nothing if the inputs are unknown,
   * because an output could be one of them.
   *
   * @throws {Error} the system error if the outputs can't be listed
   */
  async prepare(task: Preparable, warn: Warn): Promise<Prepared> {
    const { tracker, signatures } = this.#options;
    const { inputs, outputs, question: { declaration, command } } = task;
    if (outputs === undefined) {
      this.begin(declaration, warn);
      return { isClear: true };
    }
    const isByInputs = inputs !== undefined && declaration.clean === "if-file-deleted";
    const paths = isByInputs ? await pathsOf(inputs) : undefined;
    tracker.drain();
    let own = this.#own.of(task);
    const isCleared = inputs !== undefined && own.length > 0 &&
      this.#own.shouldClear(declaration, paths);
    this.begin(declaration, warn);
    let isClear = true;
    if (isCleared) {
      const problem = this.#own.remove({ ...task, inputs }, own);
      if (problem !== undefined) warn(problem);
      isClear = problem === undefined;
      own = own.filter(({ path }) => signatures.of(joinPath(command.cwd, path)) !== undefined);
    }
    const run = await this.#options.runs.begin({
      name: command.name,
      folder: command.cwd,
      // Other tools accept globs that match nothing.
      declared: declaration.outputLanguage === undefined ? declaration.output : [],
      outputs,
      own: new Set(own.map(({ path }) => path)),
      isCleared,
    });
    const buildInfos = buildInfosIn(command.cwd, signatures);
    return { isClear, run, buildInfos, ...(paths === undefined ? {} : { inputs: paths }) };
  }

  /**
   * Works like {@linkcode prepare}, for a task whose result can't be stored. A later run still
   * knows which outputs are the task's own.
   *
   * @param signal aborts the search for its inputs
   * @throws {Error} the system error if the outputs can't be listed
   * @throws the signal's reason if it is aborted
   */
  async prepareUncached(
    question: Runnable["question"],
    warn: Warn,
    signal?: AbortSignal,
  ): Promise<Prepared> {
    const { declaration, command } = question;
    const inputs = await this.inputs(question, signal);
    const outputs = this.#keys.outputs(declaration, command.cwd);
    return await this.prepare({ question, inputs, outputs }, warn);
  }

  /** Forgets a run whose command could not be executed. */
  abandon({ run }: Prepared): void {
    if (run !== undefined) this.#options.runs.abandon(run);
  }

  /**
   * Finds the outputs of a task after its command has ended.
   *
   * @param isWhole whether they may be stored as a result; if not, they are recorded so that the
   *   next run removes them
   */
  async finish(
    { run, inputs, buildInfos = new Map() }: Prepared,
    declaration: CacheDeclaration,
    { isWhole, warn }: { readonly isWhole: boolean; readonly warn: Warn },
  ): Promise<MadeOutputs> {
    if (run === undefined) return NOTHING_MADE;
    this.#options.tracker.drain();
    const found = await this.#options.runs.end(run);
    const { name, folder, outputs } = run;
    const info = changedBuildInfo(
      buildInfos,
      isWhole ? buildInfosIn(folder, this.#options.signatures) : buildInfos,
      (file) => outputs.patterns.matches(joinPath(folder, file)),
    );
    const advice =
      `the task changed ${info}, which its "output" does not include: add it, or set ` +
      `simmer.tasks.${name}.clean to "if-file-deleted" in deno.json`;
    const cleans = declaration.clean === undefined || declaration.clean === true;
    if (info !== undefined && !cleans) warn(`Incomplete output of ${name}: ${advice}`);
    const problem = found.problem ?? (info !== undefined && cleans ? advice : undefined);
    const made = {
      ...found,
      ...(inputs === undefined ? {} : { inputs }),
      ...(problem === undefined ? {} : { problem }),
    };
    if (isWhole && problem !== undefined) warn(`The result of ${name} is not cached: ${problem}`);
    if (!isWhole || problem !== undefined) this.leave(declaration, made);
    return made;
  }

  /** Records the outputs of a run whose result is not stored. */
  leave({ key, output }: CacheDeclaration, { entries, inputs }: MadeOutputs): void {
    if (output.length === 0) return;
    try {
      this.#options.last.leave(key, {
        entries: Object.fromEntries(entries),
        ...(inputs === undefined ? {} : { inputs }),
      });
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      this.#options.log.log("warn", `Cannot record the outputs of a task: ${error.message}`);
    }
  }

  /**
   * Stores a result.
   *
   * @returns true if its fingerprint is valid. It is not if the inputs changed during the run, or
   *   the outputs after it. Dependent results can't be stored under an invalid fingerprint.
   */
  async keep(fresh: FreshResult): Promise<boolean> {
    const { cacheKey, made, warn } = fresh;
    const { store, tracker } = this.#options;
    const { declaration } = cacheKey.question;
    tracker.drain();
    const isUnchanged = await cacheKey.inputs.isUnchangedSince(cacheKey.snapshot);
    let outcome: "saved" | "not saved" | "outdated" = isUnchanged ? "not saved" : "outdated";
    if (isUnchanged && store !== undefined && made.problem === undefined) {
      try {
        outcome = await this.#save(fresh, store);
      } catch (error) {
        if (!(error instanceof Error)) throw error;
        this.#fail(error, warn);
        if (!this.#own.areAsMade(cacheKey, made)) outcome = "outdated";
      }
    }
    // `finish` has already recorded outputs with a problem.
    if (outcome !== "saved" && made.problem === undefined) this.leave(declaration, made);
    return outcome !== "outdated";
  }

  /**
   * Returns true if a task's outputs are as its command left them. A later write is not the task's.
   */
  isAsMade(task: Pick<Runnable, "question">, made: MadeOutputs): boolean {
    return this.#own.areAsMade(task, made);
  }

  async #save(
    { cacheKey, made, log, durationMs }: FreshResult,
    store: ResultStore,
  ): Promise<"saved" | "outdated"> {
    const { tracker, clock } = this.#options;
    const { fingerprint, outputs: set, question: { declaration, command } } = cacheKey;
    const forbid = set === undefined ? undefined : this.#own.forbid(set, command.cwd);
    const outputs = await store.capture(command.cwd, [...made.entries.keys()], forbid);
    const result: StoredResult = {
      fingerprint,
      task: declaration.key,
      durationMs,
      savedAt: clock.now(),
      outputs,
      ...(log === undefined || log.length === 0 ? {} : { log: await store.putBlob(log) }),
    };
    tracker.drain();
    const unseen = this.#verified.guard(command.cwd, outputs);
    // Check the inputs again: the task may have read a change before the kernel reported it.
    if (cacheKey.inputs.version !== cacheKey.snapshot.version) return "outdated";
    if (!this.#own.areAsMade(cacheKey, made) || !isCapturedAsMade(outputs, made)) return "outdated";
    store.save(result);
    if (set?.isWatched === true && set.version === made.version && unseen !== undefined) {
      this.#verified.add(declaration.key, result, { outputs: set, version: made.version, unseen });
    }
    await this.#remember(cacheKey, result);
    this.#hasFailed = false;
    return "saved";
  }

  /** Returns the log of a stored result. */
  readLog(result: StoredResult): Uint8Array | undefined {
    return result.log === undefined ? undefined : this.#options.store?.readBlob(result.log);
  }

  /**
   * Returns true if a task's result is what its last run has left in the working tree. If no
   * outputs are declared, nothing can be restored, so that only such a result is a hit, unless the
   * config says that the task makes no files.
   */
  #isInPlace({ fingerprint, question }: CacheKey): boolean {
    if (question.declaration.makesNothing === true) return true;
    const last = this.#options.last.get(question.declaration.key);
    return last !== undefined && last.fingerprint === fingerprint && last.isPast !== true;
  }

  /**
   * Restores outputs. If any of them had to be changed, all are compared once more.
   *
   * @returns why they can't be restored
   */
  async #restore(
    { question: { declaration, command } }: CacheKey,
    found: StoredResult,
    outputs: FileSet,
    store: ResultStore,
  ): Promise<string | undefined> {
    const { tracker, staging } = this.#options;
    const forbid = this.#own.forbid(outputs, command.cwd);
    const owns = ({ path }: Place): boolean => outputs.patterns.matches(path);
    for (let look = 0; look < 2; look++) {
      tracker.drain();
      await outputs.find();
      const { version } = outputs;
      const unseen = this.#verified.guard(command.cwd, found.outputs);
      const restored = await store.restore(found.outputs, command.cwd, { staging, forbid, owns });
      if (restored.kind === "damaged") return restored.reason;
      tracker.drain();
      if (restored.changed > 0) continue;
      if (outputs.isWatched && outputs.version === version && unseen !== undefined) {
        this.#verified.add(declaration.key, found, { outputs, version, unseen });
      }
      break;
    }
    return undefined;
  }

  /** Returns the result of a fingerprint if the task's outputs are known to match it. */
  #verifiedOf({ fingerprint, outputs, question }: CacheKey): StoredResult | undefined {
    const result = outputs && this.#verified.of(question.declaration.key);
    return result?.fingerprint === fingerprint ? result : undefined;
  }

  async #remember({ question, parts, snapshot }: CacheKey, result: StoredResult): Promise<void> {
    const { last, tracker } = this.#options;
    const { fingerprint, outputs, savedAt, durationMs } = result;
    const { key } = question.declaration;
    const before = last.beginnings(key);
    const files = await tracker.pace.run(filesText(snapshot.entries()));
    // Another build has begun the task meanwhile, so the folder has the outputs of that build.
    if (last.beginnings(key) !== before) return;
    const success = {
      fingerprint,
      parts: { ...keptParts(parts), files: {} },
      outputs,
      at: savedAt,
      durationMs,
    };
    last.set(key, success, files);
  }

  async #keeping(warn: Warn, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      this.#fail(error, warn);
    }
  }

  /**
   * Reports that results can't be stored, which does not fail a task. The log gets one message
   * until storing works again.
   */
  #fail(error: Error, warn: Warn): void {
    const message = `Cannot cache results: ${error.message}`;
    if (!this.#hasFailed) this.#options.log.log("warn", message);
    this.#hasFailed = true;
    warn(message);
  }
}

/**
 * Returns true if the captured outputs are those that the command left. Digests decide if the times
 * can't tell.
 */
function isCapturedAsMade(outputs: readonly OutputEntry[], { recent }: MadeOutputs): boolean {
  return outputs.every((output) => {
    const digest = recent.get(output.path);
    return digest === undefined || (output.kind === "file" && output.digest === digest);
  });
}

/** Returns the paths of a task's inputs in the form that records use. */
async function pathsOf(inputs: FileSet): Promise<readonly string[]> {
  const { paths } = await inputs.find();
  return paths.filter(({ kind }) => kind !== "folder")
    .map(({ path }) => inputs.nameOf(path));
}
