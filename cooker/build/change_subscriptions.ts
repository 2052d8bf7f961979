/**
 * Reports changed inputs to the clients that watch a build. While a client waits, the server's loop
 * compares the inputs periodically with those that the build has used.
 *
 * An input is compared with what its task saw when it began. Files that tasks of the build write
 * for each other are therefore no changes, and files that a person edits during the build are.
 *
 * @module
 */

import type { Clock } from "../../system/clock.ts";
import { fileTime } from "../../system/files/file_signature.ts";
import { joinPath, pathInside } from "../../system/files/files.ts";
import type { FileSet } from "../inputs/file_set.ts";
import { changedPaths, type Snapshot } from "../inputs/snapshot.ts";
import { inputSpec } from "../cache/declared_files.ts";
import type { InputTracker } from "../inputs/tracker.ts";
import { OwnWrites } from "./own_writes.ts";
import type { BuildPlan } from "../plan/plan.ts";

/** Seconds between two checks while a client waits. */
const LOOK_SECONDS = 0.1;
/** Seconds between two checks while no client waits. */
const REST_SECONDS = 1;
/**
 * The maximum number of waits. The server does not notice when a waiting client has left, so the
 * oldest waits are dropped.
 */
const MAX_WAITS = 100;
/** Milliseconds between two checks of files whose changes the kernel does not report. */
const UNWATCHED_MS = 1000;

/**
 * The number of builds that inputs can be compared with. A few are enough, because `watchInputs`
 * comes right after the start of its build.
 */
const MAX_BUILDS = 8;

/** The inputs of a task when it began. */
export interface Baseline {
  readonly inputs: FileSet;
  readonly snapshot: Snapshot;
}

/**
 * A baseline that was taken after its build. Files that were edited between the end of the build and
 * the baseline differ from what the task saw, although they do not differ from the baseline.
 */
interface LateBaseline extends Baseline {
  readonly edited: readonly string[];
}

/** A build that inputs can be compared with. */
interface ComparableBuild {
  readonly build: string;
  /** The baselines by task index. Entries are added while tasks begin. */
  readonly baselines: ReadonlyMap<number, Baseline>;
  readonly isCancelled: boolean;
  readonly ended: Promise<void>;
}

/** The part of a build that is retained for comparison. */
interface Compared {
  /**
   * The inputs when the tasks began. If all changes during the build are the tasks' own writes, the
   * inputs at its end instead.
   */
  baselines: ReadonlyMap<number, Baseline>;
  readonly own: OwnWrites;
  isOver: boolean;
  /** Time at which the build ended, in milliseconds since the Unix epoch. */
  endedAt: number;
}

/** The callbacks of a wait. */
interface WaitListener {
  /**
   * Called once with the changed files. Paths inside the root are relative to it, and others are
   * absolute.
   */
  readonly changed: (files: readonly string[]) => void;
  /**
   * Called with the inputs that the tasks write themselves. Each is reported once in all waits of a
   * client.
   */
  readonly written: (files: readonly string[]) => void;
}

interface Wait {
  /** Absent if the build is unknown or no longer retained. */
  readonly build: Compared | undefined;
  readonly sets: ReadonlyMap<number, FileSet>;
  /** Time of its start, in milliseconds since the Unix epoch. */
  readonly begunAt: number;
  /** Baselines of tasks that had none when the build was over. */
  readonly later: Map<number, LateBaseline>;
  readonly listener: WaitListener;
  /** The time of the next check, by the monotonic clock, if no change is reported before. */
  nextLook: number;
  /** The tracker's count of changes at the last check. */
  changes: number;
  /**
   * The changes found by the last check. They are reported if the next check finds the same ones.
   */
  seen: string;
}

/** All waits for changed inputs, and the builds that they are compared with. */
export class ChangeSubscriptions {
  readonly #tracker: InputTracker;
  readonly #root: string;
  readonly #clock: Clock;
  readonly #waits = new Map<string, Wait>();
  /** The last builds by their ids. */
  readonly #builds = new Map<string, Compared>();
  /** The detection of own writes, by watcher. */
  readonly #own = new Map<string, OwnWrites>();
  /** The check in progress. */
  #checking: Promise<void> | undefined;
  #defect: { readonly error: unknown } | undefined;

  constructor(tracker: InputTracker, { root, clock }: { readonly root: string; clock: Clock }) {
    this.#tracker = tracker;
    this.#root = root;
    this.#clock = clock;
  }

  /**
   * Retains a build for comparison, when it begins.
   *
   * @param watcher identifies the watch that repeats this build, if there is one
   * @returns resolves when the build has ended and its inputs have been compared once more
   */
  begin(build: ComparableBuild, watcher: string | undefined): Promise<void> {
    // The build itself is not retained, because it holds all its tasks' state in memory.
    const compared: Compared = {
      baselines: build.baselines,
      own: watcher === undefined ? new OwnWrites() : this.#ownOf(watcher),
      isOver: false,
      endedAt: 0,
    };
    this.#builds.set(build.build, compared);
    dropOldest(this.#builds, MAX_BUILDS);
    return build.ended.then(async () => {
      compared.endedAt = fileTime();
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
   * @param name identifies the wait; a second wait of the same name replaces the first one
   * @param build the id of the build to compare with; if it is absent, or too many others have
   *   begun since, only changes from now on count
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
      begunAt: fileTime(),
      later: new Map(),
      listener,
      nextLook: 0,
      changes: -1,
      seen: "",
    });
    dropOldest(this.#waits, MAX_WAITS);
  }

  /**
   * Starts a check of all waits, unless one is in progress.
   *
   * @returns seconds until the next call
   * @throws {Error} the first error of the previous check, such as the system's error for a file
   *   that cannot be read; all other waits have been checked by then
   */
  look(): number {
    if (this.#defect !== undefined) {
      const { error } = this.#defect;
      this.#defect = undefined;
      throw error;
    }
    if (this.#waits.size === 0) {
      // The kernel's queue is drained periodically, so that it does not overflow between two runs.
      this.#tracker.drain();
      return REST_SECONDS;
    }
    this.#tracker.sync();
    this.#checking ??= this.#checkAll()
      .catch((error: unknown) => void (this.#defect = { error }))
      .finally(() => this.#checking = undefined);
    return LOOK_SECONDS;
  }

  /** Ends all waits. Resolves when no check is in progress, so that the tracker can be stopped. */
  async close(): Promise<void> {
    this.#waits.clear();
    await this.#checking;
  }

  async #checkAll(): Promise<void> {
    const now = this.#clock.monotonic();
    const failures: unknown[] = [];
    for (const [name, wait] of [...this.#waits]) {
      if (now < wait.nextLook && wait.changes === this.#tracker.changes) continue;
      try {
        await this.#check(name, wait, now);
      } catch (error) {
        // The error concerns only this wait. The others are checked before it is thrown.
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
  }

  async #check(name: string, wait: Wait, now: number): Promise<void> {
    const { build } = wait;
    const { changes } = this.#tracker;
    // Must be read before the inputs. If the build ends during this check, the next check compares
    // it.
    const isOver = build?.isOver !== false;
    const changed = new Set<string>();
    let isAllTold = true;
    for await (const { inputs, snapshot, edited = [] } of this.#baselines(wait, isOver)) {
      for (const path of edited) changed.add(joinPath(inputs.patterns.folder, path));
      if (inputs.isSettled && inputs.version === snapshot.version) continue;
      const after = await inputs.look();
      isAllTold &&= inputs.isTold;
      for (const path of changedIn(inputs, snapshot, after)) changed.add(path);
    }
    // A new wait of the same name has replaced this one during the check.
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

  /** Records the inputs that changed during a build of a watch. */
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

  async *#baselines(
    wait: Wait,
    isOver: boolean,
  ): AsyncGenerator<Baseline & Partial<LateBaseline>> {
    const { build, sets, later, begunAt } = wait;
    // The clock of inodes has fractions of milliseconds, and may lag behind by some.
    const since = (build?.endedAt ?? begunAt) + 1;
    for (const [index, inputs] of sets) {
      if (!isOver || build?.baselines.has(index) === true || later.has(index)) continue;
      const snapshot = await inputs.look();
      later.set(index, { inputs, snapshot, edited: snapshot.changedAfter(since) });
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

  /** Returns a path as it is reported to clients. */
  #named(path: string): string {
    return pathInside(this.#root, path) ?? path;
  }

  /**
   * Returns the input sets of a plan's tasks. If no task declares inputs, they are all files in the
   * tasks' folders.
   */
  #sets(plan: BuildPlan): Map<number, FileSet> {
    const declares = plan.tasks.some((task) => task.caching !== undefined);
    const sets = new Map<number, FileSet>();
    plan.tasks.forEach(({ caching, cwd }, index) => {
      const spec = caching === undefined && !declares ? ["**/*"] : caching && inputSpec(caching);
      const own = spec && this.#tracker.set(cwd, spec);
      if (own === undefined) return;
      sets.set(index, this.#tracker.importing(own, caching?.imported ?? []));
    });
    return sets;
  }
}

/** Returns the absolute paths of the files that differ between two snapshots of a set. */
function changedIn({ patterns }: FileSet, before: Snapshot, after: Snapshot): string[] {
  return changedPaths(before, after).map((path) => joinPath(patterns.folder, path));
}

/** Removes the oldest entries of a map until at most `most` are left. */
function dropOldest<T>(map: Map<string, T>, most: number): void {
  for (const key of map.keys()) {
    if (map.size <= most) break;
    map.delete(key);
  }
}
