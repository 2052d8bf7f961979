/**
 * Facts about the tasks of one build that have begun: fingerprints, deferred results and inputs.
 * The results of a task's dependencies are part of its own fingerprint.
 *
 * @module
 */

import type { DeferredResult, DeferredResults, Known } from "../cache/deferred_results.ts";
import { groupFingerprint } from "../cache/fingerprint.ts";
import type { CacheKey } from "../cache/cache_key.ts";
import type { PlannedTask } from "../plan/plan.ts";
import type { Baseline } from "./change_subscriptions.ts";

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

/** The results of one build's tasks, by the indices of the tasks. */
export class TaskResults {
  readonly #deferred: DeferredResults | undefined;
  /**
   * Fingerprints of the tasks that were run. Tasks whose results cannot be determined have none.
   */
  readonly #fingerprints = new Map<number, string>();
  /** Results of this build's tasks that are stored later. */
  readonly #later = new Map<number, DeferredResult>();
  /** Determine the fingerprints of tasks that only run dependencies with such results. */
  readonly #groups = new Map<number, () => Promise<void>>();
  readonly #cacheKeys = new Map<number, CacheKey>();
  readonly #baselines = new Map<number, Baseline>();

  /** @param deferred results that are not stored yet. If absent, caching is not deferred. */
  constructor(deferred?: DeferredResults) {
    this.#deferred = deferred;
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

  /** Records the fingerprint and the inputs of a task that begins, or that is a cache hit. */
  begin(index: number, cacheKey: CacheKey): void {
    this.#cacheKeys.set(index, cacheKey);
    this.#baselines.set(index, cacheKey);
    this.#fingerprints.set(index, cacheKey.fingerprint);
  }

  /** Records the fingerprint of a task without recording its inputs. */
  assume(index: number, fingerprint: string): void {
    this.#fingerprints.set(index, fingerprint);
  }

  /** Records the inputs of a task that always runs. */
  observe(index: number, baseline: Baseline): void {
    this.#baselines.set(index, baseline);
  }

  /** Records the result of a task that is stored later. */
  defer(index: number, result: DeferredResult): void {
    this.#later.set(index, result);
  }

  /** Removes the fingerprint of a task that has no result: it failed, or it was not stored. */
  invalidate(index: number): void {
    this.#fingerprints.delete(index);
  }

  /**
   * Records a task that only runs its dependencies. If the result of one of them is stored later, the
   * task gets its fingerprint when a dependent needs it.
   */
  group(index: number, task: PlannedTask, dependencies: TaskInBuild["dependencies"]): void {
    if (this.#assumeGroup(index, task, dependencies)) return;
    let settled: Promise<void> | undefined;
    this.#groups.set(index, () =>
      settled ??= this.settle(dependencies).then(() => {
        this.#assumeGroup(index, task, dependencies);
      }));
  }

  /** Stores the deferred results of tasks, so that their fingerprints are known. */
  async settle(tasks: TaskInBuild["dependencies"]): Promise<void> {
    if (this.#later.size === 0 && this.#groups.size === 0) return;
    for (const [index] of tasks) {
      await this.#groups.get(index)?.();
      const later = this.#later.get(index);
      if (later === undefined) continue;
      const fingerprint = await this.#deferred?.keep(later);
      this.#later.delete(index);
      if (fingerprint !== undefined) this.#fingerprints.set(index, fingerprint);
    }
  }

  #assumeGroup(
    index: number,
    task: PlannedTask,
    dependencies: TaskInBuild["dependencies"],
  ): boolean {
    const fingerprint = this.groupFingerprint(task, dependencies);
    if (fingerprint !== undefined) this.assume(index, fingerprint);
    return fingerprint !== undefined;
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
    return typeof known === "string" ? known : await this.#deferred?.keep(known);
  }

  /**
   * Returns the fingerprint of a task that only runs its dependencies; `undefined` if one of them
   * has none.
   */
  groupFingerprint(
    { key }: Pick<PlannedTask, "key">,
    dependencies: TaskInBuild["dependencies"],
  ): string | undefined {
    const { known, missing } = this.fingerprintsOf(dependencies);
    return missing === undefined ? groupFingerprint(key, Object.values(known)) : undefined;
  }

  /**
   * Returns the fingerprints of tasks by their ids. If one is unknown, `missing` is the id of that
   * task.
   */
  fingerprintsOf(tasks: TaskInBuild["dependencies"]): {
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

  /** Returns true if the dependencies of a task have the same fingerprints as in an earlier run. */
  areAsBefore(
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
}
