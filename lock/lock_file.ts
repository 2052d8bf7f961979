/**
 * Lock file: an advisory lock on the whole file (`flock(2)`), held for as long as a server lives.
 *
 * @module
 */

import { type Clock, systemClock } from "../system/clock.ts";
import {
  type FileIdentity,
  isSameFile,
  isSystemError,
  targetIdentity,
} from "../system/files/files.ts";
import { LockableFile } from "../system/files/lockable_file.ts";
import { macrotask } from "../system/macrotask.ts";
import { formatLockContent, type LockContent } from "./content.ts";
import { lockPath } from "./lock_path.ts";

/** A shared lock allows other shared locks; an exclusive lock allows no other lock. */
export type LockMode = "exclusive" | "shared";

/** Waiting time: a single attempt, a timeout in milliseconds, or no limit. */
export type LockWait = "once" | "forever" | { readonly timeoutMs: number };

/** Options for acquiring a lock. */
export interface AcquireOptions {
  /** Default: `exclusive`. */
  readonly mode?: LockMode;
  /** Default: 3 s. */
  readonly wait?: LockWait;
  /** Milliseconds between two attempts; default: 100. */
  readonly retryMs?: number;
  /** Aborts the wait. */
  readonly signal?: AbortSignal;
  /** Default: the system clock. */
  readonly clock?: Clock;
}

/** State of a lock: its file does not exist, is not locked, or is locked exclusively. */
export type LockState = "absent" | "free" | "held";

/** Milliseconds between two attempts. */
const RETRY_MS = 100;
const DEFAULT_WAIT: LockWait = { timeoutMs: 3000 };

/**
 * A lock that is held.
 *
 * Release it, or dispose of it. This removes the file too, unless another process shares the lock.
 * The kernel releases the lock when the process ends, however it ends.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { LockFile } from "@simmer/simmer/lock";
 *
 * const folder = await Deno.makeTempDir();
 * const path = `${folder}/lock`;
 * {
 *   await using lock = await LockFile.acquire(path, { wait: "once" });
 *   lock?.write({ pid: Deno.pid });
 *   assertEquals(await LockFile.acquire(path, { wait: "once" }), undefined);
 * }
 * await Deno.remove(folder); // empty: the lock file is gone
 * ```
 */
export class LockFile implements AsyncDisposable {
  /** Path of the file. Its name is shortened if it is too long for a file name. */
  readonly path: string;
  readonly #file: LockableFile;
  readonly #identity: FileIdentity;
  #isReleased = false;

  private constructor(path: string, file: LockableFile) {
    this.path = path;
    this.#file = file;
    this.#identity = file.identity;
  }

  /**
   * Acquires a lock. Creates the file and its folder if they are missing.
   *
   * After locking, the file must still be the one at the path. Otherwise the attempt is repeated,
   * since a lock on a removed file excludes no other process.
   *
   * @returns `undefined` if another process holds the lock until the end of the wait
   * @throws {Deno.errors.PermissionDenied} if the folder cannot be written; the message names it
   * @throws {NoLocksError} if the file system has no locks
   * @throws the reason with which the signal was aborted
   */
  static async acquire(path: string, options: AcquireOptions = {}): Promise<LockFile | undefined> {
    const {
      mode = "exclusive",
      wait = DEFAULT_WAIT,
      signal,
      clock = systemClock,
      retryMs = RETRY_MS,
    } = options;
    const shortened = lockPath(path);
    const isExclusive = mode === "exclusive";
    const deadline = typeof wait === "object" ? clock.monotonic() + wait.timeoutMs : Infinity;
    while (true) {
      signal?.throwIfAborted();
      const outcome = tryOnce(shortened, isExclusive);
      if (outcome instanceof LockableFile) return new LockFile(shortened, outcome);
      if (outcome === "replaced") {
        // Retry at once, but let a pending abort of the signal happen first.
        await macrotask();
        continue;
      }
      if (wait === "once" || clock.monotonic() >= deadline) return undefined;
      await clock.sleep(Math.min(retryMs, deadline - clock.monotonic()), signal);
    }
  }

  /**
   * Tests whether a lock is held exclusively, without disturbing its holder or other probes.
   *
   * The probe takes the lock shared, so that two probes never refuse each other, and closes the
   * file at once. It holds the lock for microseconds, which the retries of {@linkcode acquire}
   * outlast. Neither the file nor its folder is created.
   *
   * @throws {Deno.errors.PermissionDenied} if the file cannot be opened
   * @throws {NoLocksError} if the file system has no locks
   */
  static probe(path: string): LockState {
    const shortened = lockPath(path);
    const file = LockableFile.openIfPresent(shortened);
    if (file === undefined) return "absent";
    try {
      if (!file.tryLock(false)) return "held";
      return file.isStillAt(shortened) ? "free" : "absent";
    } finally {
      file.close();
    }
  }

  /** Replaces the content of the file with the holder of the lock. */
  write(content: LockContent): void {
    this.#file.rewrite(formatLockContent(content));
  }

  /**
   * Sets the times of the file, which shows that the holder is alive.
   *
   * @param now milliseconds since the Unix epoch
   * @returns false if the lock is released, or the file system refuses
   */
  touch(now: number): boolean {
    if (this.#isReleased) return false;
    try {
      this.#file.touch(new Date(now));
      return true;
    } catch (error) {
      if (isSystemError(error)) return false;
      throw error;
    }
  }

  /**
   * Returns true if another file is at the path of the locked one. Also works after the release.
   */
  isReplaced(): boolean {
    const present = targetIdentity(this.path);
    return present !== undefined && !isSameFile(present, this.#identity);
  }

  /** Returns true if the lock is held and the locked file is still the one at the path. */
  isInPlace(): boolean {
    return !this.#isReleased && this.#file.isStillAt(this.path);
  }

  /**
   * Releases the lock: removes the file if no other process holds the lock, unlocks it and closes
   * it. Safe to call twice.
   *
   * @throws {Error} the system's error if the file cannot be removed; the lock is released anyway
   */
  release(): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    try {
      // An exclusive lock proves that no other process shares the lock. A file that is no longer
      // ours is not removed.
      if (this.#file.tryLock(true) && this.#file.isStillAt(this.path)) {
        this.#file.remove(this.path);
      }
    } finally {
      this.#file.close();
    }
  }

  /**
   * Releases the lock without removing the file. Safe to call twice, and together with `release`.
   */
  close(): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    this.#file.close();
  }

  /** Same as `release`. */
  [Symbol.asyncDispose](): Promise<void> {
    this.release();
    return Promise.resolve();
  }
}

/** Makes one attempt. Returns the locked file, or the reason for the failure. */
function tryOnce(path: string, isExclusive: boolean): LockableFile | "held" | "replaced" {
  const file = LockableFile.open(path);
  let isTaken = false;
  try {
    if (!file.tryLock(isExclusive)) return "held";
    isTaken = file.isStillAt(path);
    return isTaken ? file : "replaced";
  } finally {
    if (!isTaken) file.close();
  }
}
