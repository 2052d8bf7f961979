/**
 * Waiting for changes: who wants to know when a build's inputs are no longer what they were.
 *
 * An input is compared with what its task saw when it began, so that what the tasks of the build
 * write for each other is no change, and what somebody edits meanwhile is one.
 *
 * @module
 */

import type { Clock } from "../../system/clock.ts";
import { joinPath, pathInside } from "../../system/files/files.ts";
import { changedPaths, type FileSet, type Snapshot } from "../inputs/file_set.ts";
import type { InputTracker } from "../inputs/tracker.ts";
import { OwnWrites } from "./own_writes.ts";
import type { BuildPlan } from "../plan/plan.ts";

/** Seconds between two looks while somebody waits. */
const LOOK_SECONDS = 0.1;
/** Seconds between two looks while nobody does. */
const REST_SECONDS = 1;
/** Whoever has left is not known of: more than these are not kept. */
const MAX_WAITS = 100;
/** Milliseconds between two looks at files whose changes nobody tells of. */
const UNWATCHED_MS = 1000;

/** Builds that can be compared with; `watchInputs` comes right after the start of its build. */
const MAX_BUILDS = 8;

/** The inputs of a task when it began. */
export interface Baseline {
  readonly inputs: FileSet;
  readonly snapshot: Snapshot;
}

/** A build whose inputs can be compared with. */
interface ComparableBuild {
  readonly build: string;
  /** By the tasks' indices; grows while tasks begin. */
  readonly baselines: ReadonlyMap<number, Baseline>;
  readonly isCancelled: boolean;
  readonly ended: Promise<void>;
}

/** What is kept of a build to compare with. */
interface Compared {
  /** What its tasks began with, or what they have left if all changes are their own. */
  baselines: ReadonlyMap<number, Baseline>;
  readonly own: OwnWrites;
  isOver: boolean;
}

/** Who is told. */
interface WaitListener {
  /** Told once: the files that changed, relative to the root; others are absolute. */
  readonly changed: (files: readonly string[]) => void;
  /** Told the inputs that the tasks write themselves, each once in all waits of a client. */
  readonly written: (files: readonly string[]) => void;
}

interface Wait {
  /** Absent: it is not known any more. */
  readonly build: Compared | undefined;
  readonly sets: ReadonlyMap<number, FileSet>;
  /** Of tasks that had no baseline when the build was over. */
  readonly later: Map<number, Baseline>;
  readonly listener: WaitListener;
  /** When to look again, by the monotonic clock, if nothing is reported before. */
  nextLook: number;
  /** The tracker's count of changes at the last look. */
  changes: number;
  /** What had changed at the last look: it is told when it stays the same for one more. */
  seen: string;
}

/** Everybody who waits for changes. */
export class ChangeWaits {
  readonly #tracker: InputTracker;
  readonly #root: string;
  readonly #clock: Clock;
  readonly #waits = new Map<string, Wait>();
  /** The last builds by their ids. */
  readonly #builds = new Map<string, Compared>();
  /** By the names of those who watch. */
  readonly #own = new Map<string, OwnWrites>();
  #isChecking = false;
  #defect: { readonly error: unknown } | undefined;

  constructor(tracker: InputTracker, { root, clock }: { readonly root: string; clock: Clock }) {
    this.#tracker = tracker;
    this.#root = root;
    this.#clock = clock;
  }

  /**
   * A build begins.
   *
   * @param watcher who runs this build again and again, if it is one of a watch
   * @returns resolves when the build has ended and its inputs were looked at once more
   */
  begin(build: ComparableBuild, watcher: string | undefined): Promise<void> {
    // Not the build itself: it would be kept, with all that it has to do with its tasks.
    const compared: Compared = {
      baselines: build.baselines,
      own: watcher === undefined ? new OwnWrites() : this.#ownOf(watcher),
      isOver: false,
    };
    this.#builds.set(build.build, compared);
    dropOldest(this.#builds, MAX_BUILDS);
    return build.ended.then(async () => {
      try {
        if (watcher !== undefined && !build.isCancelled) await this.#compareAtEnd(compared);
      } finally {
        compared.isOver = true;
      }
    });
  }

  /**
   * Waits until an input of a plan has changed.
   *
   * @param name tells the wait from others; a second one of the same name takes its place
   * @param build the id of the build that is compared with; if it is absent, or too many others have
   *   begun since, changes from now on count
   */
  wait(
    name: string,
    plan: BuildPlan,
    build: string | undefined,
    listener: WaitListener,
  ): void {
    this.#waits.delete(name);
    this.#waits.set(name, {
      build: build === undefined ? undefined : this.#builds.get(build),
      sets: this.#sets(plan),
      later: new Map(),
      listener,
      nextLook: 0,
      changes: -1,
      seen: "",
    });
    dropOldest(this.#waits, MAX_WAITS);
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
      if (now < wait.nextLook && wait.changes === this.#tracker.changes) continue;
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
    const { build } = wait;
    const { changes } = this.#tracker;
    // Before anything is looked at: a build that ends meanwhile is compared at the next look.
    const isOver = build?.isOver !== false;
    const changed = new Set<string>();
    let isAllTold = true;
    for await (const { inputs, snapshot } of this.#baselines(wait, isOver)) {
      if (inputs.isSettled && inputs.version === snapshot.version) continue;
      const after = await inputs.look();
      isAllTold &&= inputs.isTold;
      for (const path of changedIn(inputs, snapshot, after)) changed.add(path);
    }
    // Another wait has taken its place while its inputs were looked at.
    if (this.#waits.get(name) !== wait) return;
    wait.changes = changes;
    const written = isOver ? build?.own.takeNew() ?? [] : [];
    if (written.length > 0) wait.listener.written(written.map((path) => this.#named(path)));
    const files = [...changed].map((path) => this.#named(path)).sort();
    const seen = JSON.stringify(files);
    wait.nextLook = isAllTold || seen !== wait.seen ? 0 : now + UNWATCHED_MS;
    const isTold = isOver || [...changed].some((path) => build?.own.isSuspect(path) !== true);
    if (files.length > 0 && isTold && seen === wait.seen) {
      this.#waits.delete(name);
      if (!isOver) build?.own.interrupted(changed);
      wait.listener.changed(files);
    }
    wait.seen = seen;
  }

  /** Takes note of what a build of a watch has changed of its own inputs. */
  async #compareAtEnd(build: Compared): Promise<void> {
    this.#tracker.drain();
    const changed = new Set<string>();
    const ends = new Map<number, Baseline>();
    for (const [index, { inputs, snapshot }] of build.baselines) {
      const after = await inputs.look();
      ends.set(index, { inputs, snapshot: after });
      for (const path of changedIn(inputs, snapshot, after)) changed.add(path);
    }
    build.own.ended(changed);
    if ([...changed].every((path) => build.own.isOwn(path))) build.baselines = ends;
  }

  async *#baselines(wait: Wait, isOver: boolean): AsyncGenerator<Baseline> {
    const { build, sets, later } = wait;
    for (const [index, inputs] of sets) {
      if (!isOver || build?.baselines.has(index) === true || later.has(index)) continue;
      later.set(index, { inputs, snapshot: await inputs.look() });
    }
    yield* [...build?.baselines.values() ?? [], ...later.values()];
  }

  #ownOf(watcher: string): OwnWrites {
    const own = this.#own.get(watcher) ?? new OwnWrites();
    this.#own.delete(watcher);
    this.#own.set(watcher, own);
    dropOldest(this.#own, MAX_WAITS);
    return own;
  }

  /** A path as those who wait are told it. */
  #named(path: string): string {
    return pathInside(this.#root, path) ?? path;
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

/** Returns the absolute paths of the files that differ between two snapshots of a set. */
function changedIn({ patterns }: FileSet, before: Snapshot, after: Snapshot): string[] {
  return changedPaths(before, after).map((path) => joinPath(patterns.folder, path));
}

/** Removes the entries of a map that were set first, so that no more than `most` stay. */
function dropOldest<T>(map: Map<string, T>, most: number): void {
  for (const key of map.keys()) {
    if (map.size <= most) break;
    map.delete(key);
  }
}
