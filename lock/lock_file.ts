/**
 * The lock file: an advisory lock on the whole file (`flock(2)`), held for as long as a server lives.
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

/** Whether others may hold the lock as well. */
export type LockMode = "exclusive" | "shared";

/** How long to ask: one time, for some milliseconds, or for as long as it takes. */
export type LockWait = "once" | "forever" | { readonly timeoutMs: number };

/** How a lock is asked for. */
export interface AcquireOptions {
  /** Default: `exclusive`. */
  readonly mode?: LockMode;
  /** Default: 3 s. */
  readonly wait?: LockWait;
  /** Milliseconds between two tries; default: 100. */
  readonly retryMs?: number;
  /** Ends the asking. */
  readonly signal?: AbortSignal;
  /** Default: the machine's clock. */
  readonly clock?: Clock;
}

/** The state of a lock: its file does not exist, is not locked, or is locked exclusively. */
export type LockState = "absent" | "free" | "held";

/** Milliseconds between two tries. */
const RETRY_MS = 100;
const DEFAULT_WAIT: LockWait = { timeoutMs: 3000 };

/**
 * A lock that is held.
 *
 * Release it, or dispose of it: that removes the file too, unless somebody else has come to share
 * the lock. It is released when the process ends, however it ends.
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
  /** Where the file is; its name is shortened where it was too long for a file's name. */
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
   * Asks for a lock. The file is made if it is not there, and so is its folder.
   *
   * After the lock is taken the file must still be the one at the path; otherwise asking begins
   * again: a lock on a file that was removed excludes nobody.
   *
   * @returns `undefined` where somebody else holds it until the end of the wait
   * @throws {Deno.errors.PermissionDenied} where the folder can't be written; the message names it
   * @throws {NoLocksError} where the file's file system has no locks
   * @throws what the signal was aborted with
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
        // Begin again at once, but so that the signal can still come.
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
   * file at once: it holds the lock for microseconds, which the retries of {@linkcode acquire}
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

  /** Says in the file who holds the lock; what was there before is gone. */
  write(content: LockContent): void {
    this.#file.rewrite(formatLockContent(content));
  }

  /**
   * Shows that the holder is alive: sets the file's times.
   *
   * @param now milliseconds since the Unix epoch
   * @returns whether they are set; a file system may refuse
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

  /** Whether another file has taken the path of the locked one; also after the release. */
  isReplaced(): boolean {
    const present = targetIdentity(this.path);
    return present !== undefined && !isSameFile(present, this.#identity);
  }

  /** Whether the locked file is still the one at the path. */
  isInPlace(): boolean {
    return !this.#isReleased && this.#file.isStillAt(this.path);
  }

  /**
   * Lets go: removes the file if nobody else holds the lock, unlocks and closes. Safe to call
   * twice.
   *
   * @throws {Error} what the system says where the file can't be removed; the lock is let go
   */
  release(): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    try {
      // Going exclusive shows that nobody shares the lock; a file that is not ours any more stays.
      if (this.#file.tryLock(true) && this.#file.isStillAt(this.path)) {
        this.#file.remove(this.path);
      }
    } finally {
      this.#file.close();
    }
  }

  /** Lets go, but leaves the file where it is. Safe to call twice, and with `release`. */
  close(): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    this.#file.close();
  }

  /** As `release`. */
  [Symbol.asyncDispose](): Promise<void> {
    this.release();
    return Promise.resolve();
  }
}

/** One try: the file that is locked, or why none is. */
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
