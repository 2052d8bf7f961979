/**
 * The content-addressed store of results, shared by all of a user's projects and servers.
 *
 * Contents are kept once, whoever made them; a result is a small record that names them. Whatever is
 * half-written is aside, under a name that nobody looks for. The folder of another user is not used.
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

/** What a store needs. */
interface ResultStoreOptions {
  /** Where it is, absolute; made with the first result. */
  readonly folder: string;
  readonly log: Logger;
  readonly clock: Clock;
}

/** How outputs were put back. */
type Restored =
  | { readonly kind: "restored"; readonly changed: number }
  | { readonly kind: "damaged"; readonly reason: string };

/** Says to programs that make backups that this is a cache. */
const CACHE_TAG = "Signature: 8a477f597d28d172789f06886806bc55\n# Results kept by simmer.\n";

const COLLECT_LOCK = "collect.lock";
/** Milliseconds between two collections that nobody asks for. */
const COLLECT_EVERY_MS = 24 * 60 * 60 * 1000;

/** Folders of a store, each of which may be behind a link. */
const PARTS = ["aside", "blobs", "results", "tasks"];

const NOTHING: CollectReport = {
  records: 0,
  blobs: 0,
  bytes: 0,
  removedRecords: 0,
  removedBlobs: 0,
  removedBytes: 0,
};

/** Keeps results. */
export class ResultStore {
  readonly #folder: string;
  readonly #aside: string;
  readonly #blobs: Blobs;
  readonly #records: Records;
  readonly #tasks: KeptTasks;
  readonly #options: ResultStoreOptions;
  #isChecked = false;
  #isMade = false;
  /** The last failure that was logged: one that comes again with each task is said once. */
  #logged: string | undefined;

  /** @param options nothing is made before there is something to keep */
  constructor(options: ResultStoreOptions) {
    this.#options = options;
    this.#folder = joinPath(options.folder, "v1");
    this.#aside = joinPath(this.#folder, "aside");
    this.#blobs = new Blobs(joinPath(this.#folder, "blobs"), this.#aside, options);
    this.#records = new Records(joinPath(this.#folder, "results"), this.#aside, options);
    this.#tasks = new KeptTasks(joinPath(this.#folder, "tasks"));
  }

  /** Has the store's folder looked at again before it is used: its owner may have changed. */
  distrust(): void {
    this.#isChecked = false;
  }

  /** Whether a task may have a result here: where it says no, there is none to look for. */
  mayHave(task: string): boolean {
    return this.#attempt("look for a task", () => {
      this.#make();
      return this.#tasks.has(task);
    }) ?? true;
  }

  /** The result of a fingerprint; `undefined` where there is none. */
  find(fingerprint: string): StoredResult | undefined {
    return this.#attempt("look for a result", () => {
      this.#check();
      return this.#records.find(fingerprint);
    });
  }

  /**
   * Keeps what is at paths relative to a folder.
   *
   * @param forbid what may not be put back is not kept either
   * @throws {StoreError} where something is changed, or goes, while it is read, or is forbidden
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

  /** Keeps bytes; gives their digest. */
  putBlob(bytes: Uint8Array): string {
    this.#make();
    return this.#blobs.put(bytes);
  }

  /** The bytes of a digest; `undefined` where they are gone or damaged. */
  readBlob(digest: string): Uint8Array | undefined {
    return this.#attempt("read from the cache", () => {
      this.#check();
      return this.#blobs.read(digest);
    });
  }

  /** Keeps a result, whose contents have been kept before. */
  save(result: StoredResult): void {
    this.#make();
    // First what leads to it: nobody looks for the results of a task that has none.
    this.#tasks.add(result.task);
    this.#records.save(result);
  }

  /** Makes a folder's outputs what they were; what is right already is not touched. */
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
      // Whatever it is, a full disk or a damaged blob: the task can run instead.
      if (!(error instanceof Error)) throw error;
      this.#options.log.log("warn", `Cannot put a result back: ${error.message}`);
      return { kind: "damaged", reason: error.message };
    }
  }

  /**
   * Makes the store smaller; where somebody else is at it, nothing is done.
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
      const parts = { records: this.#records, blobs: this.#blobs, aside: this.#aside, clock };
      return await collectStore(parts, options);
    } finally {
      lock.close();
    }
  }

  /** Removes everything, young or not. */
  async clear({ dryRun = false }: { readonly dryRun?: boolean } = {}): Promise<CollectReport> {
    const report = await this.collect({ maxBytes: 0, dryRun, spareNothing: true });
    if (!dryRun) this.#tasks.clear();
    return report;
  }

  /** As `collect`, where that was not done for a day. */
  async collectIfDue(maxBytes: number): Promise<void> {
    const { clock, log } = this.#options;
    const isDue = this.#attempt("make the cache smaller", () => {
      const last = treeEntry(joinPath(this.#folder, COLLECT_LOCK))?.modifiedAt ?? -Infinity;
      // A time that is yet to come is that of a clock that was wrong.
      if (Math.abs(clock.now() - last) < COLLECT_EVERY_MS) return false;
      this.#check();
      return true;
    });
    if (isDue !== true) return;
    const { removedRecords, removedBytes } = await this.collect({ maxBytes });
    if (removedRecords === 0) return;
    log.log("info", `Removed ${removedRecords} results (${removedBytes} bytes) from the cache`);
  }

  /** What can't be read is a miss, said in the log. */
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
    // Another user may have made it in the same moment.
    this.#isChecked = false;
    this.#check();
    const tag = joinPath(this.#options.folder, "CACHEDIR.TAG");
    if (fileKind(tag) === undefined) writeAtomically(tag, CACHE_TAG);
    this.#tasks.make(this.#records.folder);
    this.#isMade = true;
  }
}

/** Where there are no locks, two that collect at the same time remove what is gone already. */
function tryLock(lock: LockableFile): boolean {
  try {
    return lock.tryLock(true);
  } catch (error) {
    if (error instanceof NoLocksError) return true;
    throw error;
  }
}
