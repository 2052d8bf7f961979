/**
 * Holds the state of a project that stays in memory between runs: the contents of its inputs, its
 * results and the durations of its tasks.
 *
 * @module
 */

import { LruMap } from "../system/lru_map.ts";
import type { Clock } from "../system/clock.ts";
import type { Logger } from "../system/logger.ts";
import { platformName } from "../system/process/self.ts";
import { TreeSignatures } from "../system/files/tree_signature.ts";
import { TaskHistory } from "./cache/task_history.ts";
import { OffLimits } from "./cache/off_limits.ts";
import { OutputRuns } from "./cache/output_runs.ts";
import { DeferredResults } from "./cache/deferred_results.ts";
import { ResultCache } from "./cache/result_cache.ts";
import { criticalPathRank } from "./plan/critical_path.ts";
import { Durations } from "./plan/durations.ts";
import { LockfileClosures } from "./lockfiles/closures.ts";
import { InputTracker } from "./inputs/tracker.ts";
import type { BuildPlan, PlannedTask } from "./plan/plan.ts";
import { ResultStore } from "./store/result_store.ts";
import type { ChangeCounter } from "./validity.ts";

/** Size to which the cache is trimmed automatically, in bytes. */
const MAX_CACHE_BYTES = 10 * 1024 ** 3;

/** Milliseconds between two writes of the durations. Only the order of tasks depends on them. */
const SAVE_MS = 10_000;

/** Paths of a project's state on disk, all absolute. */
export interface ProjectFolders {
  /**
   * Folder in the project's root for cookie files. The event of a cookie proves that the kernel has
   * reported all earlier changes.
   */
  readonly cookies: string;
  /** Folder for outputs that are being restored, until they are complete. */
  readonly staging: string;
  /** Journal that records from what each task's last success was made. */
  readonly results: string;
  /** File with the durations of tasks. */
  readonly durations: string;
}

/** Options of a {@linkcode ProjectState}. */
interface ProjectStateOptions {
  /** The project's root folder, absolute, with links resolved. */
  readonly root: string;
  /** The config file that the user has named, absolute. */
  readonly config?: string;
  readonly folders: ProjectFolders;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Number of cache folders that stay in memory. Each run may name another cache folder. */
const MAX_PLACES = 4;

/** A cache folder, and the state in memory that belongs to it. */
interface ResultPlace {
  /** Absent: results are not stored. */
  readonly store: ResultStore | undefined;
  readonly cache: ResultCache;
}

/** State of a project between runs. */
export class ProjectState implements ChangeCounter {
  readonly tracker: InputTracker;
  /** The result of each task that is in the working tree, whichever cache folder holds it. */
  readonly last: TaskHistory;
  /** Results that are not stored yet. */
  readonly deferred: DeferredResults;
  readonly #durations: Durations;
  readonly #log: Logger;
  readonly #staging: string;
  /** Cache folders by their paths, the most recently used one last. */
  readonly #places = new LruMap<string | undefined, ResultPlace>(MAX_PLACES);
  readonly #clock: Clock;
  readonly #offLimits: OffLimits;
  readonly #runs: OutputRuns;
  readonly #signatures = new TreeSignatures();
  /** Number of times that another process was found to have run tasks. */
  #foreignRuns = 0;
  #savedAt = -Infinity;
  #collecting: Promise<void> | undefined;

  /** @param options the project; nothing is read, written or watched before the first build */
  constructor(options: ProjectStateOptions) {
    const { root, folders, clock, log } = options;
    this.#log = log;
    this.#clock = clock;
    this.#offLimits = new OffLimits(options);
    this.tracker = new InputTracker({
      root,
      cookies: folders.cookies,
      note: (text) => log.log("warn", text),
      readLockfile: new LockfileClosures((text) => log.log("warn", text)).read,
    });
    this.#runs = new OutputRuns(this.tracker.pace, this.#signatures);
    this.last = new TaskHistory(folders.results);
    this.#durations = new Durations(folders.durations);
    this.#staging = folders.staging;
    this.deferred = new DeferredResults({ tracker: this.tracker, clock, log });
  }

  /**
   * Returns the result cache of a run, whose environment names the cache folder.
   *
   * @param folder the cache folder, common to all projects, absolute; absent: results are not
   *   stored
   */
  results(folder: string | undefined): ResultCache {
    const place = this.#places.get(folder) ?? this.#makePlace(folder);
    // The folder may have changed since the last run.
    place.store?.invalidate();
    this.#offLimits.refresh();
    this.#places.set(folder, place);
    return place.cache;
  }

  #makePlace(folder: string | undefined): ResultPlace {
    const parts = { clock: this.#clock, log: this.#log };
    const store = folder === undefined ? undefined : new ResultStore({ folder, ...parts });
    const cache = new ResultCache({
      tracker: this.tracker,
      store,
      staging: this.#staging,
      last: this.last,
      runs: this.#runs,
      signatures: this.#signatures,
      offLimits: this.#offLimits,
      platform: platformName(),
      ...parts,
    });
    return { store, cache };
  }

  /**
   * Brings the state up to date with everything that any process has done before this call: changes
   * in the watched folders, and runs of tasks by other processes.
   */
  sync(): void {
    this.tracker.sync();
    if (this.last.refresh()) this.#foreignRuns++;
  }

  /** Counter that grows with each reported change, and with runs of tasks by other processes. */
  get changes(): number {
    return this.tracker.changes + this.#foreignRuns;
  }

  /**
   * Returns the order in which tasks start when several are ready. Returns `undefined` if only one
   * task runs at a time, or if no duration is known.
   */
  rank({ tasks, jobs }: BuildPlan): readonly number[] | undefined {
    if (jobs === 1) return undefined;
    return criticalPathRank(
      tasks.map((task) => task.dependencies),
      tasks.map((task) => task.command === undefined ? 0 : this.#durations.get(task.key)),
    );
  }

  /** Records the duration of a task. */
  ran(task: PlannedTask, durationMs: number): void {
    this.#durations.set(task.key, durationMs);
  }

  /**
   * Writes the state that the next server needs. Durations are written at most once per
   * {@linkcode SAVE_MS}.
   */
  save(): void {
    const now = this.#clock.monotonic();
    if (now - this.#savedAt >= SAVE_MS) this.#saveDurations();
    this.#keeping("the results of the last runs", () => this.last.tidy());
  }

  /** Trims the cache folders if that is due. */
  trim(): void {
    this.#collecting ??= this.#collect();
  }

  /** Writes the durations and closes the files. Resolves when no write is in progress any more. */
  async close(): Promise<void> {
    this.#saveDurations();
    this.last.close();
    await this.#collecting;
    this.#signatures.close();
  }

  #saveDurations(): void {
    this.#savedAt = this.#clock.monotonic();
    this.#keeping("durations", () => this.#durations.save());
  }

  #keeping(what: string, work: () => void): void {
    try {
      work();
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      this.#log.log("warn", `Cannot save ${what}: ${error.message}`);
    }
  }

  async #collect(): Promise<void> {
    try {
      for (const { store } of [...this.#places.values()]) {
        await store?.collectIfDue(MAX_CACHE_BYTES);
      }
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      this.#log.log("warn", `Cannot shrink the cache: ${error.message}`);
    } finally {
      this.#collecting = undefined;
    }
  }
}
