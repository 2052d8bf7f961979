/**
 * Waiting for changes: who wants to know when a build's inputs are no longer what they were.
 *
 * An input is compared with what its task saw when it began, so that what the tasks of the build
 * write for each other is no change, and what somebody edits meanwhile is one.
 *
 * @module
 */

import type { Clock } from "../system/clock.ts";
import { joinPath, pathInside } from "../system/files.ts";
import type { Prospect } from "./cache/result_cache.ts";
import type { FileSet, Snapshot } from "./inputs/file_set.ts";
import type { InputTracker } from "./inputs/tracker.ts";
import type { BuildPlan } from "./plan.ts";

/** Seconds between two looks while somebody waits. */
const LOOK_SECONDS = 0.1;
/** Seconds between two looks while nobody does. */
const REST_SECONDS = 1;
/** Whoever has left is not known of: more than these are not kept. */
const MAX_WAITS = 100;
/** Milliseconds between two looks at files whose changes nobody tells of. */
const UNWATCHED_MS = 1000;

/** A build whose inputs can be compared with. */
export interface ComparableBuild {
  readonly build: string;
  readonly prospects: ReadonlyMap<number, Prospect>;
  readonly ended: Promise<void>;
}

/** What a wait compares. */
interface Baseline {
  readonly inputs: FileSet;
  readonly snapshot: Snapshot;
}

interface Wait {
  readonly baselines: () => AsyncIterable<Baseline>;
  /** Told the files that changed, relative to the root; others are absolute. */
  readonly tell: (files: readonly string[]) => void;
  nextLook: number;
  /** What had changed at the last look: it is told when it stays the same for one more. */
  seen: string;
}

/** Everybody who waits for changes. */
export class ChangeWaits {
  readonly #tracker: InputTracker;
  readonly #root: string;
  readonly #clock: Clock;
  readonly #waits = new Map<string, Wait>();
  #last: ComparableBuild | undefined;
  #isLastOver = false;
  #isChecking = false;
  #defect: { readonly error: unknown } | undefined;

  constructor(tracker: InputTracker, { root, clock }: { readonly root: string; clock: Clock }) {
    this.#tracker = tracker;
    this.#root = root;
    this.#clock = clock;
  }

  /** A build begins. */
  begin({ build, prospects, ended }: ComparableBuild): void {
    // Not the build itself: it would be kept, with all that it has to do with its tasks.
    const last = { build, prospects, ended };
    this.#last = last;
    this.#isLastOver = false;
    ended.then(() => {
      if (this.#last === last) this.#isLastOver = true;
    });
  }

  /**
   * Waits until an input of a plan has changed.
   *
   * @param name tells the wait from others; a second one of the same name takes its place
   * @param build the id of the build that is compared with; where that is not the last one, or
   *   absent, changes from now on count
   * @param tell told the files that changed, once, relative to the root; others are absolute
   */
  wait(
    name: string,
    plan: BuildPlan,
    build: string | undefined,
    tell: (files: readonly string[]) => void,
  ): void {
    const [oldest] = this.#waits.keys();
    if (this.#waits.size >= MAX_WAITS && oldest !== undefined) this.#waits.delete(oldest);
    this.#waits.set(name, {
      baselines: this.#baselines(plan, build),
      tell,
      nextLook: 0,
      seen: "",
    });
  }

  /**
   * Looks whether anything has changed that somebody waits for.
   *
   * @returns seconds until the next look
   * @throws {Error} what the last check threw, such as the system's error for a file that cannot be
   *   looked at; every other wait has been checked before
   */
  look(): number {
    if (this.#defect !== undefined) {
      const { error } = this.#defect;
      this.#defect = undefined;
      throw error;
    }
    if (this.#waits.size === 0) {
      // The queue is emptied now and then, so that it does not overflow between two runs.
      this.#tracker.drain();
      return REST_SECONDS;
    }
    this.#tracker.sync();
    if (!this.#isChecking) {
      this.#isChecking = true;
      this.#checkAll().catch((error: unknown) => this.#defect = { error })
        .finally(() => this.#isChecking = false);
    }
    return LOOK_SECONDS;
  }

  async #checkAll(): Promise<void> {
    const now = this.#clock.monotonic();
    const failures: unknown[] = [];
    for (const [name, wait] of [...this.#waits]) {
      if (now < wait.nextLook) continue;
      try {
        await this.#check(name, wait, now);
      } catch (error) {
        // It concerns this wait alone: the others are looked at before it is thrown.
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
  }

  async #check(name: string, wait: Wait, now: number): Promise<void> {
    const changed = new Set<string>();
    let isWatched = true;
    for await (const { inputs, snapshot } of wait.baselines()) {
      if (inputs.isClean && inputs.version === snapshot.version) continue;
      const { folder } = inputs.patterns;
      const { files } = await inputs.look();
      isWatched &&= inputs.isWatched;
      for (const path of changedPaths(snapshot.files, files)) {
        const absolute = joinPath(folder, path);
        changed.add(pathInside(this.#root, absolute) ?? absolute);
      }
    }
    // Another wait has taken its place while its inputs were looked at.
    if (this.#waits.get(name) !== wait) return;
    wait.nextLook = isWatched ? 0 : now + UNWATCHED_MS;
    const files = [...changed].sort();
    const seen = JSON.stringify(files);
    if (files.length > 0 && seen === wait.seen) {
      this.#waits.delete(name);
      wait.tell(files);
    }
    wait.seen = seen;
  }

  #baselines(plan: BuildPlan, build: string | undefined): () => AsyncIterable<Baseline> {
    const last = this.#last?.build === build ? this.#last : undefined;
    const later = new Map<number, Baseline>();
    const sets = this.#sets(plan);
    return async function* (this: ChangeWaits): AsyncGenerator<Baseline> {
      const isOver = last === undefined || (last === this.#last && this.#isLastOver);
      for (const [index, inputs] of sets) {
        if (last?.prospects.has(index) === true || later.has(index) || !isOver) continue;
        later.set(index, { inputs, snapshot: await inputs.look() });
      }
      yield* [...last?.prospects.values() ?? [], ...later.values()];
    }.bind(this);
  }

  /** The inputs of a plan's tasks; where none declares any, all that is in their folders. */
  #sets(plan: BuildPlan): Map<number, FileSet> {
    const declares = plan.tasks.some((task) => task.caching !== undefined);
    const sets = new Map<number, FileSet>();
    plan.tasks.forEach(({ caching, cwd }, index) => {
      const entries = caching === undefined && !declares ? ["**/*"] : caching?.files;
      const set = entries && this.#tracker.set(cwd, entries);
      if (set !== undefined) sets.set(index, set);
    });
    return sets;
  }
}

function changedPaths(
  before: ReadonlyMap<string, string>,
  now: ReadonlyMap<string, string>,
): string[] {
  return [...new Set([...before.keys(), ...now.keys()])]
    .filter((path) => before.get(path) !== now.get(path));
}
