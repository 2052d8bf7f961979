/**
 * The cache as a build sees it: is this task's result there, and may this result be kept?
 *
 * A result is only ever kept under a fingerprint that its inputs had from before the task began
 * until after it ended, and is only found again by inputs that are the same now.
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
import {
  type CacheDeclaration,
  environmentParts,
  fingerprintOf,
  type FingerprintParts,
  keptParts,
} from "./fingerprint.ts";
import { filesText, type LastResults } from "./task_history.ts";
import { isMeant, type OffLimits } from "./off_limits.ts";
import { type BuildInfos, buildInfosIn, changedBuildInfo } from "./build_info.ts";
import { type Verified, VerifiedOutputs } from "./verified_outputs.ts";
import { type MadeOutputs, NOTHING_MADE, type OutputRun, type OutputRuns } from "./output_runs.ts";

/** What a cache is made of. */
interface ResultCacheOptions {
  readonly tracker: InputTracker;
  /** Absent: results are not kept beyond what is in the working tree. */
  readonly store: ResultStore | undefined;
  /** Where outputs are until they are whole, absolute. */
  readonly aside: string;
  readonly last: LastResults;
  /** The project's running tasks that declare outputs. */
  readonly runs: OutputRuns;
  /** Tell whether somebody has changed outputs since. */
  readonly signatures: TreeSignatures;
  /** Where no result is put. */
  readonly offLimits: OffLimits;
  /** What runs tasks: runtime, version, system, processor. */
  readonly platform: string;
  readonly clock: Clock;
  readonly log: Logger;
}

/** A task that asks. */
export interface CacheQuestion {
  readonly declaration: CacheDeclaration;
  readonly command: TaskCommand;
  /** Fingerprints of the direct dependencies by their ids. */
  readonly dependencies: Readonly<Record<string, string>>;
}

/** What is known of a task before it runs. */
export interface Prospect {
  readonly question: CacheQuestion;
  readonly fingerprint: string;
  /** What the fingerprint is made of beside the files, which the snapshot has. */
  readonly parts: Omit<FingerprintParts, "files">;
  readonly inputs: FileSet;
  readonly snapshot: Snapshot;
  /** Absent: no outputs are declared. */
  readonly outputs: FileSet | undefined;
}

/** Why there is nothing to look for. */
export type Unkeyed =
  | { readonly kind: "no files" }
  | { readonly kind: "bad pattern" }
  /** An input can't be known; its path is relative to the task's folder. */
  | { readonly kind: "input"; readonly path: string; readonly reason: string };

/** Whether there is nothing to look for. */
export function isUnkeyed(prospect: Prospect | Unkeyed): prospect is Unkeyed {
  return "kind" in prospect;
}

/** What has to be known of a task before it runs. */
export interface Runnable {
  readonly question: Omit<CacheQuestion, "dependencies">;
  readonly inputs: FileSet;
  /** Absent: no outputs are declared. */
  readonly outputs: FileSet | undefined;
}

/** A task that can be prepared for a run. */
interface Preparable extends Omit<Runnable, "inputs"> {
  /** `undefined` where they can't be told. */
  readonly inputs: FileSet | undefined;
}

/** A task that is about to run. */
interface Prepared {
  /** Whether its earlier outputs could be removed: its result is not kept otherwise. */
  readonly isClear: boolean;
  /** Absent: no outputs are declared. */
  readonly run?: OutputRun;
  /** The paths of its inputs, if a later run has to know whether one was deleted. */
  readonly inputs?: readonly string[];
  /** The state files of incremental compilers before the run; absent: no outputs are declared. */
  readonly buildInfos?: BuildInfos;
}

/** Something that a task has left in the working tree. */
type OwnOutput = Pick<OutputEntry, "path" | "kind">;

/** A task that ran well. */
interface FreshResult {
  readonly prospect: Prospect;
  /** What it has made. */
  readonly made: MadeOutputs;
  /** What it printed. */
  readonly log: Uint8Array | undefined;
  /** How long it ran, in milliseconds. */
  readonly durationMs: number;
  readonly warn: Warn;
}

/** Told what could not be done, and why: the task's own result is what it is. */
export type Warn = (message: string) => void;

/** A result that is known to be where it belongs. */
interface Recalled {
  readonly prospect: Prospect;
  readonly result: StoredResult;
}

/** Results of tasks. */
export class ResultCache {
  readonly #options: ResultCacheOptions;
  readonly #verified: VerifiedOutputs;
  /** What was found out of a task, for as long as it is planned in the same way. */
  readonly #prospects = new WeakMap<CacheDeclaration, Prospect>();
  #hasFailed = false;

  constructor(options: ResultCacheOptions) {
    this.#options = options;
    this.#verified = new VerifiedOutputs(options.tracker, options.signatures);
  }

  /**
   * The fingerprint that a task has now, or why it has none.
   *
   * @param signal ends the looking at its inputs
   * @throws the signal's reason if it is aborted
   */
  async prospect(question: CacheQuestion, signal?: AbortSignal): Promise<Prospect | Unkeyed> {
    const { tracker, platform } = this.#options;
    const { declaration, command, dependencies } = question;
    tracker.drainIfDue();
    const before = this.#prospects.get(declaration);
    if (before !== undefined && isSameQuestion(before, question)) return before;
    const inputs = await this.#inputs(declaration, command.cwd, signal);
    if (inputs === undefined) return { kind: "bad pattern" };
    const snapshot = await inputs.look(signal);
    if (snapshot.problem !== undefined) {
      const { path, reason } = snapshot.problem;
      return { kind: "input", path: pathInside(command.cwd, path) ?? path, reason };
    }
    if (snapshot.digest === undefined) return { kind: "no files" };
    const parts = {
      task: declaration.key,
      names: declaration.names ?? [],
      command: command.command,
      args: command.args,
      output: declaration.output,
      platform,
      env: environmentParts(declaration.env, command.env),
      dependencies,
    };
    const prospect = {
      question,
      fingerprint: fingerprintOf(parts, snapshot.digest),
      parts,
      inputs,
      snapshot,
      outputs: this.#outputs(declaration, command.cwd),
    };
    this.#prospects.set(declaration, prospect);
    return prospect;
  }

  /**
   * A result that was found, or made, before: where nothing has changed since that it depends on,
   * and it is still where it was put.
   */
  recall(question: CacheQuestion): Recalled | undefined {
    this.#options.tracker.drainIfDue();
    const prospect = this.#prospects.get(question.declaration);
    if (prospect === undefined || !isSameQuestion(prospect, question)) return undefined;
    const verified = this.#verifiedOf(prospect);
    const last = this.#options.last.get(question.declaration.key);
    const isLast = last?.fingerprint === prospect.fingerprint;
    return verified !== undefined && isLast ? { prospect, result: verified.result } : undefined;
  }

  /** Whether there may be a result of a task, whatever its inputs are now. */
  mayHave(key: string): boolean {
    const { store } = this.#options;
    // Where nothing can be kept, whoever asks should be told.
    return store === undefined || this.#hasFailed || store.mayHave(key);
  }

  /**
   * What a task's inputs and outputs are; `undefined` where they can't be told.
   *
   * @param signal ends the looking for its inputs
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
   * The inputs of a task; `undefined` if they can't be told.
   *
   * @param signal ends the looking for them
   * @throws the signal's reason if it is aborted
   */
  async inputs(
    { declaration, command }: Omit<CacheQuestion, "dependencies">,
    signal?: AbortSignal,
  ): Promise<FileSet | undefined> {
    return await this.#inputs(declaration, command.cwd, signal);
  }

  /** Whether a result that was found stays what it is until a change is told of. */
  isSettled(prospect: Prospect): boolean {
    return prospect.inputs.isSettled &&
      (prospect.outputs === undefined || this.#verifiedOf(prospect)?.unseen.size === 0);
  }

  /** Whether a task's result is there, without putting it anywhere. */
  has(prospect: Prospect): boolean {
    const isThere = this.#options.store?.find(prospect.fingerprint) !== undefined;
    return isThere &&
      (prospect.question.declaration.output.length > 0 || this.#isLeft(prospect));
  }

  /**
   * Puts a task's result into the working tree.
   *
   * @returns what was found, or `undefined` where the task has to run
   */
  async fetch(prospect: Prospect, warn: Warn): Promise<StoredResult | undefined> {
    const { store, last } = this.#options;
    const { fingerprint, outputs, question: { declaration, command } } = prospect;
    const verified = this.#verifiedOf(prospect);
    if (verified !== undefined && last.get(declaration.key)?.fingerprint === fingerprint) {
      return verified.result;
    }
    if (outputs === undefined && declaration.output.length > 0) return undefined;
    const found = store?.find(fingerprint);
    if (store === undefined || found === undefined) return undefined;
    const earlier = last.get(declaration.key);
    const hasLeftovers = last.leftovers(declaration.key) !== undefined;
    if (outputs === undefined && !this.#isLeft(prospect)) return undefined;
    if (outputs !== undefined && verified === undefined) {
      this.#removeExtra(prospect, found.outputs, warn);
      const reason = await this.#restore(prospect, found, outputs, store);
      if (reason !== undefined) {
        warn(`Cannot put back what ${command.name} has made, so it runs: ${reason}`);
        return undefined;
      }
    }
    if (earlier?.fingerprint !== fingerprint || hasLeftovers) {
      await this.#keeping(warn, () => this.#remember(prospect, found));
    }
    return found;
  }

  /** A task runs without being looked for: what it leaves is not known. */
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
   * Removes what earlier runs of a task have made, unless it was edited since or `clean` says
   * otherwise, and lists what else is among its outputs. Where the inputs are not known, nothing is
   * removed: it could be one of them.
   *
   * @throws {Error} the system's, if the outputs can't be listed
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
        warn(`Cannot remove what ${command.name} has made before: ${error.message}`);
        isClear = false;
      }
      own = own.filter(({ path }) => signatures.of(joinPath(command.cwd, path)) !== undefined);
    }
    const run = await this.#options.runs.begin({
      name: command.name,
      folder: command.cwd,
      declared: declaration.output,
      outputs,
      own: new Set(own.map(({ path }) => path)),
      isCleared,
    });
    const buildInfos = buildInfosIn(command.cwd, signatures);
    return { isClear, run, buildInfos, ...(paths === undefined ? {} : { inputs: paths }) };
  }

  /**
   * As {@linkcode prepare}, for a task whose result can't be kept: what it makes is known later to be
   * its own.
   *
   * @param signal ends the looking for its inputs
   * @throws {Error} the system's, if the outputs can't be listed
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

  /** Forgets a run whose command could not be carried out. */
  abandon({ run }: Prepared): void {
    if (run !== undefined) this.#options.runs.abandon(run);
  }

  /**
   * Finds what a task has made, when its command has ended.
   *
   * @param isWhole whether it may be kept as a result; if not, it is recorded so that the next run
   *   removes it
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
    const advice = `${info} was changed, which its "output" does not mean: add it, or set ` +
      `simmer.tasks.${name}.clean to "if-file-deleted" in deno.json`;
    const cleans = declaration.clean === undefined || declaration.clean === true;
    if (info !== undefined && !cleans) warn(`Incomplete output of ${name}: ${advice}`);
    const problem = found.problem ?? (info !== undefined && cleans ? advice : undefined);
    const made = {
      ...found,
      ...(inputs === undefined ? {} : { inputs }),
      ...(problem === undefined ? {} : { problem }),
    };
    if (isWhole && problem !== undefined) warn(`The result of ${name} is not kept: ${problem}`);
    if (!isWhole || problem !== undefined) this.leave(declaration, made);
    return made;
  }

  /** Takes note of what a run has made whose result is not kept. */
  leave({ key, output }: CacheDeclaration, { entries, inputs }: MadeOutputs): void {
    if (output.length === 0) return;
    try {
      this.#options.last.leave(key, {
        entries: Object.fromEntries(entries),
        ...(inputs === undefined ? {} : { inputs }),
      });
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      this.#options.log.log("warn", `Cannot record what a task has made: ${error.message}`);
    }
  }

  /**
   * Keeps a result.
   *
   * @returns whether its fingerprint holds: not where its inputs were changed while it ran, or its
   *   outputs after it, so that what depends on it can't be kept under it
   */
  async keep(fresh: FreshResult): Promise<boolean> {
    const { prospect, made, warn } = fresh;
    const { store, tracker } = this.#options;
    const { declaration } = prospect.question;
    tracker.drain();
    const isUnchanged = await prospect.inputs.isUnchangedSince(prospect.snapshot);
    let outcome: "saved" | "not saved" | "outdated" = isUnchanged ? "not saved" : "outdated";
    if (isUnchanged && store !== undefined && made.problem === undefined) {
      try {
        outcome = await this.#save(fresh, store);
      } catch (error) {
        if (!(error instanceof Error)) throw error;
        this.#fail(error, warn);
        if (!this.isAsMade(prospect, made)) outcome = "outdated";
      }
    }
    // A problem was recorded when the command ended.
    if (outcome !== "saved" && made.problem === undefined) this.leave(declaration, made);
    return outcome !== "outdated";
  }

  /** Whether a task's outputs are as its command has left them: a later write is not the task's. */
  isAsMade({ question: { command } }: Pick<Runnable, "question">, made: MadeOutputs): boolean {
    for (const [path, signature] of made.entries) {
      if (this.#ownSignature(command.cwd, path)?.text !== signature) {
        return false;
      }
    }
    return true;
  }

  async #save(
    { prospect, made, log, durationMs }: FreshResult,
    store: ResultStore,
  ): Promise<"saved" | "outdated"> {
    const { tracker, clock } = this.#options;
    const { fingerprint, outputs: set, question: { declaration, command } } = prospect;
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
    // A write is seen by the task before the kernel tells of it.
    if (prospect.inputs.version !== prospect.snapshot.version) return "outdated";
    if (!this.isAsMade(prospect, made) || !isCapturedAsMade(outputs, made)) return "outdated";
    store.save(result);
    if (set?.isWatched === true && set.version === made.version && unseen !== undefined) {
      const { version } = made;
      this.#verified.add(declaration.key, { fingerprint, version, result, unseen });
    }
    await this.#remember(prospect, result);
    this.#hasFailed = false;
    return "saved";
  }

  /** What a kept result printed. */
  readLog(result: StoredResult): Uint8Array | undefined {
    return result.log === undefined ? undefined : this.#options.store?.readBlob(result.log);
  }

  /**
   * Whether a task's result is what its last run has left in the working tree. Where no outputs are
   * declared, nothing can be put back: only then is it there.
   */
  #isLeft({ fingerprint, question }: Prospect): boolean {
    const last = this.#options.last.get(question.declaration.key);
    return last !== undefined && last.fingerprint === fingerprint && last.isPast !== true;
  }

  /**
   * Puts outputs there, and looks once more whether they are what they should be.
   *
   * @returns why they can't be put there
   */
  async #restore(
    { fingerprint, question: { declaration, command } }: Prospect,
    found: StoredResult,
    outputs: FileSet,
    store: ResultStore,
  ): Promise<string | undefined> {
    const { tracker, aside } = this.#options;
    const forbid = this.#forbid(outputs, command.cwd);
    const owns = ({ path }: Place): boolean => outputs.patterns.matches(path);
    for (let look = 0; look < 2; look++) {
      tracker.drain();
      await outputs.find();
      const { version } = outputs;
      const unseen = this.#verified.guard(command.cwd, found.outputs);
      const restored = await store.restore(found.outputs, command.cwd, { aside, forbid, owns });
      if (restored.kind === "damaged") return restored.reason;
      tracker.drain();
      if (restored.changed > 0) continue;
      if (outputs.isWatched && outputs.version === version && unseen !== undefined) {
        this.#verified.add(declaration.key, { fingerprint, version, result: found, unseen });
      }
      break;
    }
    return undefined;
  }

  /** A task's own outputs are no inputs of it, but where nothing else would be one. */
  async #inputs(
    { files, output }: CacheDeclaration,
    folder: string,
    signal?: AbortSignal,
  ): Promise<FileSet | undefined> {
    const { tracker } = this.#options;
    const made = output.filter((entry) => !entry.startsWith("!")).map((entry) => `!${entry}`);
    const set = tracker.set(folder, [...files, ...made]);
    if (set === undefined) return undefined;
    const { paths, problems } = await set.find(signal);
    return paths.length + problems.length > 0 ? set : tracker.set(folder, files);
  }

  /**
   * What earlier runs of a task have left in the working tree: what it has made, and was not edited
   * since.
   */
  #own(
    { outputs, question: { declaration: { key }, command } }: Omit<Runnable, "inputs">,
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
    if (this.#verified.of(key, outputs)?.result.outputs === made) return [...made];
    return made.filter((output) => isOwn(output, command.cwd));
  }

  /** The signature of what a record names; `undefined` if the record leads out of the folder. */
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

  /** Removes what earlier runs of a task have left and a result does not have. */
  #removeExtra(prospect: Prospect, now: readonly OutputEntry[], warn: Warn): void {
    const { inputs, question: { command } } = prospect;
    const kept = new Set(now.map(({ path }) => path));
    const own = this.#removable(inputs, command, this.#own(prospect));
    try {
      removeOutputs(command.cwd, own.filter(({ path }) => !kept.has(path)), own);
    } catch (error) {
      if (!isSystemError(error) && !(error instanceof StoreError)) throw error;
      warn(`Cannot remove what ${command.name} has made before: ${error.message}`);
    }
  }

  /**
   * What a task has made and may remove: no file that is an input too, and none that may not be put
   * back.
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

  /** Whether a path inside of a folder, links followed, is not off limits. */
  #mayRemove(folder: string, path: string): boolean {
    try {
      return this.#options.offLimits.reason(confinedPlace(folder, path), folder) === undefined;
    } catch (error) {
      // What can't be looked at is not removed.
      if (error instanceof StoreError || isSystemError(error)) return false;
      throw error;
    }
  }

  /** Says what may not be put back: what the task's `output` does not mean, and what is off limits. */
  #forbid({ patterns }: FileSet, folder: string): Forbid {
    return (place, kind) =>
      isMeant(patterns, place.path, kind)
        ? this.#options.offLimits.reason(place, folder)
        : `is not among what the task's "output" means`;
  }

  #outputs({ output }: CacheDeclaration, folder: string): FileSet | undefined {
    if (output.length === 0) return undefined;
    return this.#options.tracker.set(folder, output, "output");
  }

  /** What is known to be in the working tree as it was recorded. */
  #verifiedOf({ fingerprint, outputs, question }: Prospect): Verified | undefined {
    const verified = this.#verified.of(question.declaration.key, outputs);
    return verified?.fingerprint === fingerprint ? verified : undefined;
  }

  async #remember({ question, parts, snapshot }: Prospect, result: StoredResult): Promise<void> {
    const { last, tracker } = this.#options;
    const { fingerprint, outputs, savedAt, durationMs } = result;
    const { key } = question.declaration;
    const before = last.beginnings(key);
    const files = await tracker.pace.run(filesText(snapshot.entries()));
    // Another build has begun the task meanwhile: what is in the folder is that one's.
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

  /** A result that can't be kept is no reason to fail; the log says so once, until it works again. */
  #fail(error: Error, warn: Warn): void {
    const message = `Cannot keep results: ${error.message}`;
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

/** Whether what was captured is what the command has left, also where the times can't tell. */
function isCapturedAsMade(outputs: readonly OutputEntry[], { recent }: MadeOutputs): boolean {
  return outputs.every((output) => {
    const digest = recent.get(output.path);
    return digest === undefined || (output.kind === "file" && output.digest === digest);
  });
}

/** The paths of a task's inputs as records have them. */
async function pathsOf(inputs: FileSet): Promise<readonly string[]> {
  const { paths } = await inputs.find();
  return paths.filter(({ kind }) => kind !== "folder")
    .map(({ path }) => pathInside(inputs.patterns.folder, path) ?? path);
}

/** Whether a task that is planned in the same way would be found under the same fingerprint. */
function isSameQuestion({ question, inputs, snapshot }: Prospect, now: CacheQuestion): boolean {
  if (question.command !== now.command || !inputs.isSettled) return false;
  if (inputs.snapshot() !== snapshot) return false;
  const names = Object.keys(now.dependencies);
  return names.length === Object.keys(question.dependencies).length &&
    names.every((name) => question.dependencies[name] === now.dependencies[name]);
}
