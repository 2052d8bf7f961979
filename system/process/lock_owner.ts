/**
 * The processes that hold a lock on a file, as the kernel says: `/proc/locks` on Linux, `lsof`
 * elsewhere.
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
  /** Its effective user. */
  readonly uid: number;
}

/** `41: FLOCK  ADVISORY  WRITE 21095 fe:00:10158322 0 EOF`; lines of waiters have an arrow. */
const LOCK_LINE = /^\d+: FLOCK +\S+ +WRITE +(\d+) +[^: ]+:[^: ]+:(\d+) /;

/**
 * The processes that hold a file's lock exclusively, by `flock(2)`.
 *
 * Elsewhere than on Linux the system does not tell locks: the result is then every process that has
 * the file open. Processes of other containers and machines are never among the result.
 *
 * @param path absolute; links are followed
 */
export async function lockOwners(path: string): Promise<LockOwner[]> {
  if (Deno.build.os === "linux") return ownersByProc(path);
  return parseLsof(await runTool("lsof", ["-w", "-F", "pu", path]) ?? "");
}

/** Processes and their users in what `lsof -F pu` prints. */
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
    // Devices of `/proc/locks` are not those of `stat` on every file system: the descriptor decides.
    if (Number(ino) !== identity.ino) return [];
    return ownerOf(Number(pid), identity) ?? [];
  });
  return owners;
}

/** The process, if it has the file open, or is another user's, whose descriptors are hidden. */
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
      // A descriptor of a file system that does not answer, or that was closed meanwhile.
      if (!isSystemError(error)) throw error;
    }
  }
  return false;
}

/** ESRCH: the process ends while its folder is read. */
function isNoSuchProcess(error: unknown): boolean {
  return error instanceof Error && systemErrorNumber(error) === 3;
}
