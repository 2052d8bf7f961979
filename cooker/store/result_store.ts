/**
 * The content-addressed store of results, shared by all of a user's projects and servers.
 *
 * Each content is stored once as a blob, and a result is a small record that names blobs. Files are
 * written under temporary names in `staging` until they are complete. A folder of another user is not
 * used.
 *
 * @module
 */

import { checkCacheFolder } from "../../project/cache_place.ts";
import type { Clock } from "../../system/clock.ts";
import { ensureFolder, fileKind, joinPath, writeAtomically } from "../../system/files/files.ts";
import { LockableFile, NoLocksError } from "../../system/files/lockable_file.ts";
import type { Logger } from "../../system/logger.ts";
import { clearUnlessRegular } from "../../system/files/regular_file.ts";
import { Blobs } from "./blobs.ts";
import { KeptTasks } from "./kept_tasks.ts";
import { type CollectOptions, type CollectReport, collectStore } from "./collect.ts";
import { treeEntry } from "../../system/files/tree.ts";
import { captureOutputs, type Forbid, type RestoreOptions, restoreOutputs } from "./outputs.ts";
import { Records } from "./records.ts";
import type { OutputEntry, StoredResult } from "./result.ts";

export type { CollectReport } from "./collect.ts";
export type { Forbid, RestoreOptions } from "./outputs.ts";

/** Dependencies of a store. */
interface ResultStoreOptions {
  /** The folder of the cache, absolute. It is created when it is first needed. */
  readonly folder: string;
  readonly log: Logger;
  readonly clock: Clock;
}

/** The outcome of a restore. */
type Restored =
  | { readonly kind: "restored"; readonly changed: number }
  | { readonly kind: "damaged"; readonly reason: string };

/** Marks the folder as a cache for backup programs. */
const CACHE_TAG = "Signature: 8a477f597d28d172789f06886806bc55\n# Results kept by simmer.\n";

const COLLECT_LOCK = "collect.lock";
/** Milliseconds between two automatic collections. */
const COLLECT_EVERY_MS = 24 * 60 * 60 * 1000;

/** Folders of a store. Each may be behind a link, so each is checked. */
const PARTS = ["staging", "blobs", "results", "tasks"];

const NOTHING: CollectReport = {
  records: 0,
  blobs: 0,
  bytes: 0,
  removedRecords: 0,
  removedBlobs: 0,
  removedBytes: 0,
};

/** Stores, finds and restores the results of tasks. */
export class ResultStore {
  readonly #folder: string;
  readonly #staging: string;
  readonly #blobs: Blobs;
  readonly #records: Records;
  readonly #tasks: KeptTasks;
  readonly #options: ResultStoreOptions;
  #isChecked = false;
  #isMade = false;
  /** The last failure that was logged. A failure that recurs with each task is logged once. */
  #logged: string | undefined;

  /** @param options the constructor does not create the folder */
  constructor(options: ResultStoreOptions) {
    this.#options = options;
    this.#folder = joinPath(options.folder, "v1");
    this.#staging = joinPath(this.#folder, "staging");
    this.#blobs = new Blobs(joinPath(this.#folder, "blobs"), this.#staging, options);
    this.#records = new Records(joinPath(this.#folder, "results"), this.#staging, options);
    this.#tasks = new KeptTasks(joinPath(this.#folder, "tasks"));
  }

  /** Has the next use check the owner of the store's folder again, because it may have changed. */
  invalidate(): void {
    this.#isChecked = false;
  }

  /**
   * Returns false if a task has no result here, so that no lookup is needed. Returns true if the
   * store can't be read.
   */
  mightHit(task: string): boolean {
    return this.#attempt("look up a task", () => {
      this.#make();
      return this.#tasks.has(task);
    }) ?? true;
  }

  /** Returns the result of a fingerprint, or `undefined` on a miss. */
  find(fingerprint: string): StoredResult | undefined {
    return this.#attempt("look up a result", () => {
      this.#check();
      return this.#records.find(fingerprint);
    });
  }

  /**
   * Stores the files, links and folders at `paths`, which are relative to `folder`.
   *
   * @param forbid paths that may not be restored are not stored either
   * @throws {StoreError} if an output changes or disappears while it is read, or is forbidden
   * @throws {CachePlaceError} if the store's folder belongs to another user
   */
  async capture(
    folder: string,
    paths: readonly string[],
    forbid?: Forbid,
  ): Promise<readonly OutputEntry[]> {
    if (paths.length > 0) this.#make();
    return await captureOutputs(this.#blobs, folder, paths, forbid);
  }

  /** Stores bytes and returns their digest. */
  putBlob(bytes: Uint8Array): string {
    this.#make();
    return this.#blobs.put(bytes);
  }

  /** Returns the bytes of a digest, or `undefined` if they are missing or damaged. */
  readBlob(digest: string): Uint8Array | undefined {
    return this.#attempt("read from the cache", () => {
      this.#check();
      return this.#blobs.read(digest);
    });
  }

  /** Stores a result, whose contents must be stored already. */
  save(result: StoredResult): void {
    this.#make();
    // The task's file comes first, because results of a task without one are never looked up.
    this.#tasks.add(result.task);
    this.#records.save(result);
  }

  /** Restores outputs into a folder. Outputs that are correct already are not touched. */
  async restore(
    outputs: readonly OutputEntry[],
    folder: string,
    options: RestoreOptions = {},
  ): Promise<Restored> {
    try {
      this.#check();
      const changed = await restoreOutputs(this.#blobs, outputs, folder, options);
      return { kind: "restored", changed };
    } catch (error) {
      // A task can run instead after any failure, such as a full disk or a damaged blob.
      if (!(error instanceof Error)) throw error;
      this.#options.log.log("warn", `Cannot restore a result: ${error.message}`);
      return { kind: "damaged", reason: error.message };
    }
  }

  /**
   * Collects garbage. Does nothing if another process is collecting.
   *
   * @throws {CachePlaceError} if the store's folder belongs to another user
   */
  async collect(options: CollectOptions): Promise<CollectReport> {
    this.#check();
    if (fileKind(this.#folder) === undefined) return NOTHING;
    const path = joinPath(this.#folder, COLLECT_LOCK);
    clearUnlessRegular(path);
    const lock = LockableFile.open(path);
    try {
      if (!tryLock(lock)) return NOTHING;
      lock.rewrite(`${this.#options.clock.now()}\n`);
      const { clock } = this.#options;
      const parts = { records: this.#records, blobs: this.#blobs, staging: this.#staging, clock };
      return await collectStore(parts, options);
    } finally {
      lock.close();
    }
  }

  /** Removes all results, including young ones. */
  async clear({ dryRun = false }: { readonly dryRun?: boolean } = {}): Promise<CollectReport> {
    const report = await this.collect({ maxBytes: 0, dryRun, spareNothing: true });
    if (!dryRun) this.#tasks.clear();
    return report;
  }

  /** Calls `collect` if the last collection was at least a day ago. */
  async collectIfDue(maxBytes: number): Promise<void> {
    const { clock, log } = this.#options;
    const isDue = this.#attempt("shrink the cache", () => {
      const last = treeEntry(joinPath(this.#folder, COLLECT_LOCK))?.modifiedAt ?? -Infinity;
      // A time far in the future comes from a wrong clock and does not delay the collection.
      if (Math.abs(clock.now() - last) < COLLECT_EVERY_MS) return false;
      this.#check();
      return true;
    });
    if (isDue !== true) return;
    const { removedRecords, removedBytes } = await this.collect({ maxBytes });
    if (removedRecords === 0) return;
    log.log("info", `Removed ${removedRecords} results (${removedBytes} bytes) from the cache`);
  }

  /** Returns `undefined` and logs a warning if `work` fails, so that a failed read is a miss. */
  #attempt<T>(what: string, work: () => T): T | undefined {
    try {
      return work();
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      const message = `Cannot ${what}: ${error.message}`;
      if (message !== this.#logged) this.#options.log.log("warn", message);
      this.#logged = message;
      return undefined;
    }
  }

  /** @throws {CachePlaceError} if the store's folder belongs to another user */
  #check(): void {
    if (this.#isChecked) return;
    const parts = PARTS.map((name) => joinPath(this.#folder, name));
    checkCacheFolder(this.#options.folder, [this.#folder, ...parts]);
    this.#isChecked = true;
  }

  #make(): void {
    this.#check();
    if (this.#isMade) return;
    ensureFolder(this.#folder, 0o700);
    // Check again: another user may have created the folder at the same moment.
    this.#isChecked = false;
    this.#check();
    const tag = joinPath(this.#options.folder, "CACHEDIR.TAG");
    if (fileKind(tag) === undefined) writeAtomically(tag, CACHE_TAG);
    this.#tasks.make(this.#records.folder);
    this.#isMade = true;
  }
}

/**
 * Takes the lock. Returns true on a file system without locks, because collecting twice at the same
 * time is harmless: the second process only removes files that are already gone.
 */
function tryLock(lock: LockableFile): boolean {
  try {
    return lock.tryLock(true);
  } catch (error) {
    if (error instanceof NoLocksError) return true;
    throw error;
  }
}
