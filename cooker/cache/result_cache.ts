/**
 * The cache as a build uses it: looks up, restores and stores the results of tasks.
 *
 * A result is stored only under a fingerprint that its inputs had from before the task began until
 * after it ended. It is found only if the inputs are the same at the lookup.
 *
 * @module
 */

import type { Clock } from "../../system/clock.ts";
import { isSystemError, joinPath, pathInside } from "../../system/files/files.ts";
import type { Logger } from "../../system/logger.ts";
import type { TreeSignature, TreeSignatures } from "../../system/files/tree_signature.ts";
import type { TaskCommand } from "../execute/executor.ts";
import type { FileSet, Snapshot } from "../inputs/file_set.ts";
import type { InputTracker } from "../inputs/tracker.ts";
import { confinedPlace, type Place } from "../store/confine.ts";
import { StoreError } from "../store/errors.ts";
import { isRight, removeOutputs } from "../store/outputs.ts";
import type { OutputEntry, StoredResult } from "../store/result.ts";
import type { Forbid, ResultStore } from "../store/result_store.ts";
import { sha256Hex } from "../../system/files/digest.ts";
import { Validity } from "../validity.ts";
import { inputSpec, outputSpec } from "./declared_files.ts";
import {
  type CacheDeclaration,
  environmentParts,
  fingerprintOf,
  type FingerprintParts,
  keptParts,
} from "./fingerprint.ts";
import { filesText, type TaskHistory } from "./task_history.ts";
import { isMeant, type OffLimits } from "./off_limits.ts";
import { type BuildInfos, buildInfosIn, changedBuildInfo } from "./build_info.ts";
import { VerifiedOutputs } from "./verified_outputs.ts";
import { type MadeOutputs, NOTHING_MADE, type OutputRun, type OutputRuns } from "./output_runs.ts";

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

/** A task to look up. */
export interface CacheQuestion {
  readonly declaration: CacheDeclaration;
  readonly command: TaskCommand;
  /** Fingerprints of the direct dependencies by their ids. */
  readonly dependencies: Readonly<Record<string, string>>;
}

/** A task's fingerprint and the state that it was computed from, before the task runs. */
export interface CacheKey {
  readonly question: CacheQuestion;
  readonly fingerprint: string;
  /** The parts of the fingerprint except the files, which are in the snapshot. */
  readonly parts: Omit<FingerprintParts, "files">;
  readonly inputs: FileSet;
  readonly snapshot: Snapshot;
  /** Absent if no outputs are declared. */
  readonly outputs: FileSet | undefined;
  /** Decides whether the same question has the same fingerprint now. */
  readonly validity: Validity;
}

/** The reason why a task has no fingerprint, so that there is nothing to look up. */
export type UncacheableReason =
  | { readonly kind: "no files" }
  | { readonly kind: "bad pattern" }
  /**
   * An input can't be read. Its path is relative to the task's folder, or absolute if it is
   * outside.
   */
  | { readonly kind: "input"; readonly path: string; readonly reason: string };

/** Returns true if a task has no fingerprint. */
export function isUncacheable(
  cacheKey: CacheKey | UncacheableReason,
): cacheKey is UncacheableReason {
  return "kind" in cacheKey;
}

/** A task with its inputs and outputs, as needed before a run. */
export interface Runnable {
  readonly question: Omit<CacheQuestion, "dependencies">;
  readonly inputs: FileSet;
  /** Absent if no outputs are declared. */
  readonly outputs: FileSet | undefined;
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

/** A file, link or folder that a task has left in the working tree. */
type OwnOutput = Pick<OutputEntry, "path" | "kind">;

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
  /** The last cacheKey of each task, for as long as its declaration is in use. */
  readonly #cacheKeys = new WeakMap<CacheDeclaration, CacheKey>();
  #hasFailed = false;

  constructor(options: ResultCacheOptions) {
    this.#options = options;
    this.#verified = new VerifiedOutputs(options.tracker, options.signatures);
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
    const { tracker, platform } = this.#options;
    const { declaration, command, dependencies } = question;
    tracker.drainIfDue();
    const before = this.#keptKey(declaration, command);
    if (before !== undefined && isSameDependencies(before.question, question)) return before;
    const inputs = await this.#inputs(declaration, command.cwd, signal);
    if (inputs === undefined) return { kind: "bad pattern" };
    const snapshot = await inputs.look(signal);
    if (snapshot.problem !== undefined) {
      const { path, reason } = snapshot.problem;
      return { kind: "input", path: pathInside(command.cwd, path) ?? path, reason };
    }
    if (snapshot.digest === undefined && declaration.mayHaveNoInputs !== true) {
      return { kind: "no files" };
    }
    const parts = {
      task: declaration.key,
      names: declaration.names ?? [],
      command: command.command,
      args: command.args,
      output: declaration.output,
      platform: command.npm === undefined ? platform : `${platform}, ${command.npm.identity}`,
      env: environmentParts(declaration, command.env),
      dependencies,
      ...(declaration.definition === undefined
        ? {}
        : { definition: sha256Hex(declaration.definition) }),
    };
    const cacheKey = {
      question,
      fingerprint: fingerprintOf(parts, snapshot.digest ?? "none"),
      parts,
      inputs,
      snapshot,
      outputs: this.#outputs(declaration, command.cwd),
      validity: new Validity({ on: "files", set: inputs, snapshot }),
    };
    this.#cacheKeys.set(declaration, cacheKey);
    return cacheKey;
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
    const cacheKey = this.#keptKey(declaration, command);
    if (cacheKey === undefined || !isSame(cacheKey.question.dependencies)) return undefined;
    const result = this.#verifiedOf(cacheKey);
    const last = this.#options.last.get(declaration.key);
    const isLast = last?.fingerprint === cacheKey.fingerprint;
    return result !== undefined && isLast ? { cacheKey, result } : undefined;
  }

  /** Returns the last cache key of a task that is planned as before, if it is still valid. */
  #keptKey(declaration: CacheDeclaration, command: TaskCommand): CacheKey | undefined {
    const kept = this.#cacheKeys.get(declaration);
    return kept?.question.command === command && kept.validity.isCurrent ? kept : undefined;
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
    const inputs = await this.#inputs(declaration, command.cwd, signal);
    const outputs = this.#outputs(declaration, command.cwd);
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
    return await this.#inputs(declaration, command.cwd, signal);
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
      this.#removeExtra(cacheKey, found.outputs, warn);
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
    let own = this.#own(task);
    const isCleared = inputs !== undefined && own.length > 0 &&
      this.#shouldClear(declaration, paths);
    this.begin(declaration, warn);
    let isClear = true;
    if (isCleared) {
      try {
        removeOutputs(command.cwd, this.#removable(inputs, command, own));
      } catch (error) {
        if (!isSystemError(error) && !(error instanceof StoreError)) throw error;
        warn(`Cannot remove the previous outputs of ${command.name}: ${error.message}`);
        isClear = false;
      }
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
    const outputs = this.#outputs(declaration, command.cwd);
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
        if (!this.isAsMade(cacheKey, made)) outcome = "outdated";
      }
    }
    // `finish` has already recorded outputs with a problem.
    if (outcome !== "saved" && made.problem === undefined) this.leave(declaration, made);
    return outcome !== "outdated";
  }

  /**
   * Returns true if a task's outputs are as its command left them. A later write is not the task's.
   */
  isAsMade({ question: { command } }: Pick<Runnable, "question">, made: MadeOutputs): boolean {
    for (const [path, signature] of made.entries) {
      if (this.#ownSignature(command.cwd, path)?.text !== signature) {
        return false;
      }
    }
    return true;
  }

  async #save(
    { cacheKey, made, log, durationMs }: FreshResult,
    store: ResultStore,
  ): Promise<"saved" | "outdated"> {
    const { tracker, clock } = this.#options;
    const { fingerprint, outputs: set, question: { declaration, command } } = cacheKey;
    const forbid = set === undefined ? undefined : this.#forbid(set, command.cwd);
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
    if (!this.isAsMade(cacheKey, made) || !isCapturedAsMade(outputs, made)) return "outdated";
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
    const forbid = this.#forbid(outputs, command.cwd);
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

  /** Returns the inputs of a task. Its own outputs are excluded, unless no input would be left. */
  async #inputs(
    declaration: CacheDeclaration,
    folder: string,
    signal?: AbortSignal,
  ): Promise<FileSet | undefined> {
    const { tracker } = this.#options;
    const set = tracker.set(folder, inputSpec(declaration, { isWithoutOutputs: true }));
    if (set === undefined) return undefined;
    const { paths, problems } = await set.find(signal);
    const own = paths.length + problems.length > 0
      ? set
      : tracker.set(folder, inputSpec(declaration));
    return own && tracker.importing(own, declaration.imported ?? []);
  }

  /**
   * Returns the files, links and folders that earlier runs of a task have made and that were not
   * edited since.
   */
  #own(
    { question: { declaration: { key }, command } }: Pick<Runnable, "question">,
  ): OwnOutput[] {
    const { last } = this.#options;
    const left = last.leftovers(key);
    if (left !== undefined) {
      return Object.entries(left.entries).flatMap(([path, text]) => {
        const now = this.#ownSignature(command.cwd, path);
        return now?.text === text && now.kind !== "other" ? [{ path, kind: now.kind }] : [];
      });
    }
    const made = last.get(key)?.outputs ?? [];
    if (this.#verified.of(key)?.outputs === made) return [...made];
    return made.filter((output) => isOwn(output, command.cwd));
  }

  /**
   * Returns the signature of a path in a record, or `undefined` if the path leads out of the
   * folder.
   */
  #ownSignature(folder: string, path: string): TreeSignature | undefined {
    try {
      return this.#options.signatures.ofVisible(confinedPlace(folder, path).path);
    } catch (error) {
      if (error instanceof StoreError || isSystemError(error)) return undefined;
      throw error;
    }
  }

  #shouldClear(
    { key, clean = true }: CacheDeclaration,
    inputs: readonly string[] | undefined,
  ): boolean {
    if (clean !== "if-file-deleted") return clean;
    const before = this.#options.last.inputs(key);
    if (before === undefined) return true;
    const now = new Set(inputs);
    return before.some((path) => !now.has(path));
  }

  /** Removes what earlier runs of a task have left and the result does not contain. */
  #removeExtra(cacheKey: CacheKey, now: readonly OutputEntry[], warn: Warn): void {
    const { inputs, question: { command } } = cacheKey;
    const kept = new Set(now.map(({ path }) => path));
    const own = this.#removable(inputs, command, this.#own(cacheKey));
    try {
      removeOutputs(command.cwd, own.filter(({ path }) => !kept.has(path)), own);
    } catch (error) {
      if (!isSystemError(error) && !(error instanceof StoreError)) throw error;
      warn(`Cannot remove the previous outputs of ${command.name}: ${error.message}`);
    }
  }

  /**
   * Returns the outputs that the cache may remove: none that is an input too, and none that is off
   * limits.
   */
  #removable(
    { patterns }: FileSet,
    command: TaskCommand,
    made: readonly OwnOutput[],
  ): OwnOutput[] {
    const { folder } = patterns;
    return made.filter(({ path }) =>
      !patterns.matches(joinPath(folder, path)) && this.#mayRemove(command.cwd, path)
    );
  }

  /** Returns true if a path is inside a folder, with links resolved, and not off limits. */
  #mayRemove(folder: string, path: string): boolean {
    try {
      return this.#options.offLimits.reason(confinedPlace(folder, path), folder) === undefined;
    } catch (error) {
      // A path that can't be checked is not removed.
      if (error instanceof StoreError || isSystemError(error)) return false;
      throw error;
    }
  }

  /**
   * Returns a check that refuses paths that the task's `output` does not match or that are off
   * limits.
   */
  #forbid({ patterns }: FileSet, folder: string): Forbid {
    return (place, kind) =>
      isMeant(patterns, place.path, kind)
        ? this.#options.offLimits.reason(place, folder)
        : `is not included in the task's "output"`;
  }

  #outputs(declaration: CacheDeclaration, folder: string): FileSet | undefined {
    const { output } = declaration;
    if (output.length === 0) return undefined;
    return this.#options.tracker.set(folder, outputSpec(output, declaration), "output");
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

function isOwn(output: OutputEntry, folder: string): boolean {
  try {
    return isRight(output, confinedPlace(folder, output.path).path);
  } catch (error) {
    if (error instanceof StoreError || isSystemError(error)) return false;
    throw error;
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

/** Returns true if a task has dependencies with the same fingerprints. */
function isSameDependencies({ dependencies }: CacheQuestion, now: CacheQuestion): boolean {
  const names = Object.keys(now.dependencies);
  return names.length === Object.keys(dependencies).length &&
    names.every((name) => dependencies[name] === now.dependencies[name]);
}
