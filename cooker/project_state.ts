/**
 * What is kept hot of a project between runs: its inputs' contents, its results, its durations.
 *
 * @module
 */

import type { Clock } from "../system/clock.ts";
import type { Logger } from "../system/logger.ts";
import { platformName } from "../system/process/self.ts";
import { TreeSignatures } from "../system/files/tree_signature.ts";
import { LastResults } from "./cache/task_history.ts";
import { OffLimits } from "./cache/off_limits.ts";
import { OutputRuns } from "./cache/output_runs.ts";
import { PostponedResults } from "./cache/deferred_results.ts";
import { ResultCache } from "./cache/result_cache.ts";
import { criticalPathRank } from "./plan/critical_path.ts";
import { Durations } from "./plan/durations.ts";
import { InputTracker } from "./inputs/tracker.ts";
import type { BuildPlan, PlannedTask } from "./plan/plan.ts";
import { ResultStore } from "./store/result_store.ts";

/** What the cache may hold without being asked to be smaller, in bytes. */
const MAX_CACHE_BYTES = 10 * 1024 ** 3;

/** Milliseconds between two writes of durations, on which only the order of tasks depends. */
const SAVE_MS = 10_000;

/** Where a project's memory is on disk; all paths absolute. */
export interface HotFolders {
  /** For the cookies that show that changes are told of; in the project's root. */
  readonly cookies: string;
  /** For outputs that are being put back, until they are whole. */
  readonly aside: string;
  /** The journal of what each task's last success was made of. */
  readonly results: string;
  /** The file of durations. */
  readonly durations: string;
}

/** What the memory of a project is made of. */
interface HotProjectOptions {
  /** The project's root folder, absolute, with links resolved. */
  readonly root: string;
  /** The config file that was named, absolute. */
  readonly config?: string;
  readonly folders: HotFolders;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Places of results that are known at once; each run may name another one. */
const MAX_PLACES = 4;

/** The results that are kept in one place, and what is in memory of them. */
interface ResultPlace {
  /** Absent: nothing is kept. */
  readonly store: ResultStore | undefined;
  readonly cache: ResultCache;
}

/** The memory of a project. */
export class HotProject {
  readonly tracker: InputTracker;
  /** What the working tree holds of each task, whatever place its result is in. */
  readonly last: LastResults;
  /** Results that are yet to be kept. */
  readonly postponed: PostponedResults;
  readonly #durations: Durations;
  readonly #log: Logger;
  readonly #aside: string;
  /** By their folders, the latest last. */
  readonly #places = new Map<string | undefined, ResultPlace>();
  readonly #clock: Clock;
  readonly #offLimits: OffLimits;
  readonly #runs: OutputRuns;
  readonly #signatures = new TreeSignatures();
  /** How often another process was found to have run tasks. */
  #foreignRuns = 0;
  #savedAt = -Infinity;
  #collecting: Promise<void> | undefined;

  /** @param options nothing is read, written or watched before the first build */
  constructor(options: HotProjectOptions) {
    const { root, folders, clock, log } = options;
    this.#log = log;
    this.#clock = clock;
    this.#offLimits = new OffLimits(options);
    this.tracker = new InputTracker({
      root,
      cookies: folders.cookies,
      note: (text) => log.log("warn", text),
    });
    this.#runs = new OutputRuns(this.tracker.pace, this.#signatures);
    this.last = new LastResults(folders.results);
    this.#durations = new Durations(folders.durations);
    this.#aside = folders.aside;
    this.postponed = new PostponedResults({ tracker: this.tracker, clock, log });
  }

  /**
   * The results of a run, as its environment says where they are kept.
   *
   * @param folder where results are kept for all projects, absolute; absent: nowhere
   */
  results(folder: string | undefined): ResultCache {
    const place = this.#places.get(folder) ?? this.#makePlace(folder);
    // What was true of a folder during the last run need not be so any more.
    place.store?.distrust();
    this.#offLimits.refresh();
    this.#places.delete(folder);
    this.#places.set(folder, place);
    for (const oldest of this.#places.keys()) {
      if (this.#places.size <= MAX_PLACES) break;
      this.#places.delete(oldest);
    }
    return place.cache;
  }

  #makePlace(folder: string | undefined): ResultPlace {
    const parts = { clock: this.#clock, log: this.#log };
    const store = folder === undefined ? undefined : new ResultStore({ folder, ...parts });
    const cache = new ResultCache({
      tracker: this.tracker,
      store,
      aside: this.#aside,
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
   * Makes sure that everything is known that was done before this call, by whichever process: in the
   * watched folders, and by runs of tasks that this process has not carried out.
   */
  sync(): void {
    this.tracker.sync();
    if (this.last.refresh()) this.#foreignRuns++;
  }

  /** Grows whenever something has changed that a kept answer may depend on. */
  get changes(): number {
    return this.tracker.changes + this.#foreignRuns;
  }

  /** The order in which tasks that could start should; `undefined` where nothing is known. */
  rank({ tasks, jobs }: BuildPlan): readonly number[] | undefined {
    if (jobs === 1) return undefined;
    return criticalPathRank(
      tasks.map((task) => task.dependencies),
      tasks.map((task) => task.command === undefined ? 0 : this.#durations.get(task.key)),
    );
  }

  /** Takes note of how long a task ran. */
  ran(task: PlannedTask, durationMs: number): void {
    this.#durations.set(task.key, durationMs);
  }

  /** Has on disk what the next server should know, now and then. */
  save(): void {
    const now = this.#clock.monotonic();
    if (now - this.#savedAt >= SAVE_MS) this.#saveDurations();
    this.#keeping("the results of the last runs", () => this.last.tidy());
    this.#collecting ??= this.#collect();
  }

  /** Resolves when nothing is being written any more. */
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
      this.#log.log("warn", `Cannot keep ${what}: ${error.message}`);
    }
  }

  async #collect(): Promise<void> {
    try {
      for (const { store } of [...this.#places.values()]) {
        await store?.collectIfDue(MAX_CACHE_BYTES);
      }
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      this.#log.log("warn", `Cannot make the cache smaller: ${error.message}`);
    } finally {
      this.#collecting = undefined;
    }
  }
}
