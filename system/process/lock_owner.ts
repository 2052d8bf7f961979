/**
 * Finds the processes that hold a lock on a file. Reads `/proc/locks` on Linux and asks `lsof` on
 * other platforms.
 *
 * @module
 */

import {
  isAbsent,
  isSameFile,
  isSystemError,
  systemErrorNumber,
  targetIdentity,
} from "../files/files.ts";
import type { FileIdentity } from "../files/files.ts";
import { runTool } from "./tool.ts";

/** A process that holds a lock. */
export interface LockOwner {
  readonly pid: number;
  /** The effective user id of the process. */
  readonly uid: number;
}

/**
 * `41: FLOCK  ADVISORY  WRITE 21095 fe:00:10158322 0 EOF`. Lines of waiting processes have an arrow
 * and do not match.
 */
const LOCK_LINE = /^\d+: FLOCK +\S+ +WRITE +(\d+) +[^: ]+:[^: ]+:(\d+) /;

/**
 * Finds the processes that hold an exclusive `flock(2)` lock on a file.
 *
 * Platforms other than Linux do not report locks. The result there is every process that has the
 * file open. Processes of other containers and machines are never found.
 *
 * @param path absolute; symbolic links are followed
 */
export async function lockOwners(path: string): Promise<LockOwner[]> {
  if (Deno.build.os === "linux") return ownersByProc(path);
  return parseLsof(await runTool("lsof", ["-w", "-F", "pu", path]) ?? "");
}

/** Extracts the processes and their users from the output of `lsof -F pu`. */
export function parseLsof(text: string): LockOwner[] {
  const owners: LockOwner[] = [];
  let pid = 0;
  for (const line of text.split("\n")) {
    if (/^p\d+$/.test(line)) pid = Number(line.slice(1));
    if (/^u\d+$/.test(line) && pid > 1) owners.push({ pid, uid: Number(line.slice(1)) });
  }
  return owners;
}

function ownersByProc(path: string): LockOwner[] {
  const identity = targetIdentity(path);
  if (identity === undefined) return [];
  const owners = Deno.readTextFileSync("/proc/locks").split("\n").flatMap((line) => {
    const [, pid, ino] = LOCK_LINE.exec(line) ?? [];
    // Compare only inodes here: on some file systems `/proc/locks` reports another device than
    // `stat`. The check of the open descriptors decides.
    if (Number(ino) !== identity.ino) return [];
    return ownerOf(Number(pid), identity) ?? [];
  });
  return owners;
}

/**
 * Returns the process if it has the file open. A process of another user is returned unchecked,
 * because its descriptors are hidden.
 */
function ownerOf(pid: number, identity: FileIdentity): LockOwner | undefined {
  try {
    const { uid } = Deno.statSync(`/proc/${pid}`);
    const owner = { pid, uid: uid ?? 0 };
    return uid !== Deno.uid() || hasOpen(pid, identity) ? owner : undefined;
  } catch (error) {
    if (isAbsent(error) || isNoSuchProcess(error)) return undefined;
    throw error;
  }
}

function hasOpen(pid: number, identity: FileIdentity): boolean {
  const folder = `/proc/${pid}/fd`;
  for (const { name } of Deno.readDirSync(folder)) {
    try {
      if (isSameFile(targetIdentity(`${folder}/${name}`), identity)) return true;
    } catch (error) {
      // The descriptor's file system does not answer, or the descriptor was closed meanwhile.
      if (!isSystemError(error)) throw error;
    }
  }
  return false;
}

/** Detects ESRCH: the process ended while its folder was read. */
function isNoSuchProcess(error: unknown): boolean {
  return error instanceof Error && systemErrorNumber(error) === 3;
}
