/**
 * Reports or ends a server that holds its lock and does not answer.
 *
 * No client replaces such a server by itself, because its tasks may still run.
 * `simmer stop --force` ends it, and its warden ends its remaining tasks.
 *
 * @module
 */

import { readLockContent } from "../../lock/content.ts";
import { LockFile } from "../../lock/lock_file.ts";
import type { StatePaths } from "../../project/state.ts";
import type { Clock } from "../../system/clock.ts";
import { userId } from "../../system/environment.ts";
import { modifiedAt } from "../../system/files/files.ts";
import { type LockOwner, lockOwners } from "../../system/process/lock_owner.ts";
import { isProcessAlive, killProcess } from "../../system/process/processes.ts";
import { ClientError, EXIT } from "../errors.ts";
import { processName } from "../process_name.ts";

/** Milliseconds without an answer until a server counts as one that does not answer. */
export const ANSWER_MS = 5000;
/** Milliseconds between SIGTERM and SIGKILL. */
const TERM_MS = 2000;
/** Milliseconds that the kernel has to remove a killed process. */
const KILL_MS = 5000;
/** Milliseconds between two checks of a process. */
const LOOK_MS = 5;

/** The known facts about a server that does not answer. */
export interface Silence {
  /** Process id from the lock file; 0 if the file names none. */
  readonly pid: number;
  /** Last sign of life, in milliseconds since the Unix epoch; `undefined` if there is none. */
  readonly since: number | undefined;
}

/** Reads the known facts about a silent server from its files. */
export function silenceOf(paths: StatePaths): Silence {
  // A server touches its lock with each heartbeat of a build, and logs clients that connect and
  // disconnect.
  const signs = [paths.lock, paths.log].map(modifiedAt).filter((time) => time !== undefined);
  return {
    pid: readLockContent(paths.lock)?.pid ?? 0,
    since: signs.length === 0 ? undefined : Math.max(...signs),
  };
}

/** The error for a server that holds its lock and does not answer. */
export class SilentServerError extends ClientError {
  /** The class name, as `Error.prototype.name` has it. */
  override readonly name: string = "SilentServerError";
  readonly silence: Silence;

  /**
   * Creates the error.
   *
   * @param now milliseconds since the Unix epoch
   */
  constructor(silence: Silence, now: number) {
    super(
      EXIT.noServer,
      `the server (${processName(silence.pid)}) does not answer${sinceText(silence, now)}: ` +
        "wait for it, or stop it and its tasks with 'simmer stop --force'",
    );
    this.silence = silence;
  }
}

/**
 * Formats the time of the last sign of life: `, last sign of life 2026-01-02 03:04:05 UTC (12 s
 * ago)`. Returns an empty text if there is none.
 */
export function sinceText({ since }: Silence, now: number): string {
  if (since === undefined) return "";
  const time = new Date(since).toISOString().slice(0, 19).replace("T", " ");
  const seconds = Math.max(0, Math.round((now - since) / 1000));
  return `, last sign of life ${time} UTC (${seconds} s ago)`;
}

/**
 * Ends the process that holds a server's lock, with SIGTERM, and with SIGKILL 2 s later. The
 * server's warden ends its tasks.
 *
 * @returns the process id, or `undefined` if no process holds the lock any more
 * @throws {ClientError} if the process belongs to another user, cannot be seen from here, or
 *   survives SIGKILL, and if it holds the lock while the process that the lock file names is
 *   another one that still runs
 */
export async function killServer(
  { lock }: StatePaths,
  clock: Clock,
  say: (text: string) => void,
): Promise<number | undefined> {
  if (LockFile.probe(lock) !== "held") return undefined;
  const claimed = readLockContent(lock)?.pid;
  const pid = holderOf(await lockOwners(lock), claimed, lock);
  if (pid !== undefined && claimed !== pid && claimed !== undefined && isProcessAlive(claimed)) {
    throw new ClientError(
      EXIT.noServer,
      `cannot stop the server (${processName(claimed)}): ${processName(pid)} holds its lock ` +
        `${lock}: stop that process first`,
    );
  }
  if (pid === undefined) {
    if (LockFile.probe(lock) !== "held") return undefined;
    throw new ClientError(
      EXIT.noServer,
      `cannot stop the server: ${lock} is held by a process that is not visible here, ` +
        "for example in another container or on another machine: stop it there",
    );
  }
  for (const [signal, patienceMs] of [["SIGTERM", TERM_MS], ["SIGKILL", KILL_MS]] as const) {
    say(`the server (${processName(pid)}) does not answer: killing it with ${signal}`);
    if (!killProcess(pid, signal)) return pid;
    const deadline = clock.monotonic() + patienceMs;
    while (isProcessAlive(pid)) {
      if (clock.monotonic() > deadline) break;
      await clock.sleep(LOOK_MS);
    }
    if (!isProcessAlive(pid)) return pid;
  }
  throw new ClientError(
    EXIT.noServer,
    `cannot stop the server: ${processName(pid)} survives SIGKILL: the kernel blocks it, ` +
      "for example on a file system that does not respond",
  );
}

/** @throws {ClientError} if the holder is another user's process */
function holderOf(
  owners: readonly LockOwner[],
  claimed: number | undefined,
  lock: string,
): number | undefined {
  // If several processes have the file open, the one that the file names is the server.
  const owner = owners.length === 1 ? owners[0] : owners.find(({ pid }) => pid === claimed);
  if (owner === undefined) return undefined;
  if (owner.uid === userId()) return owner.pid;
  throw new ClientError(
    EXIT.refused,
    `cannot stop the server: ${lock} is held by ${processName(owner.pid)} of user ${owner.uid}`,
  );
}
