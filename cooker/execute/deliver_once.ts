/**
 * Delivers a signal to each process of a group once, although shells of `deno task` in the group
 * pass signals on to their children, SIGINT even twice.
 *
 * @module
 */

import type { Clock } from "../../system/clock.ts";
import {
  commandWords,
  type GroupMember,
  groupMembers,
  isStopped,
  isWaiting,
  killGroup,
  killProcess,
} from "../../system/process/processes.ts";
import type { TaskSignal } from "../../wire/signals.ts";

/** The process that leads a group. */
export interface GroupLeader {
  /** `"shell"` for the shell of `deno task`, which passes signals on to its children. */
  readonly kind: "shell" | "program";
  /**
   * Number of programs that the shell starts if they are all that it does. It has no need of a
   * signal while these run. Absent: it may do more.
   */
  readonly programs?: number | undefined;
}

/**
 * Limit of the listings of a group that is being stopped. A process that waits in the kernel, as for
 * a disk or after `vfork`, does not stop.
 */
const MAX_LISTINGS = 20;

/** Limit of the time in which shells pass a signal on, in milliseconds. */
const MAX_PASSING_MS = 100;

/** Milliseconds between two looks at the shells. */
const POLL_MS = 2;

/**
 * Delivers a signal.
 *
 * All processes but the shells are stopped meanwhile. However often a stopped process gets a signal,
 * it handles the signal once when it continues. No process is missed either that another one starts
 * at the same moment.
 *
 * If the group's processes cannot be listed (on platforms other than Linux), the children of a
 * shell get the signal several times, as under `deno task` in a terminal.
 *
 * @param id the group's id, which is the process id of its leader
 * @param clock for the wait until the shells have passed the signal on
 * @returns true if there was a receiver
 */
export async function deliverOnce(
  signal: TaskSignal,
  { id, leader, clock }: {
    readonly id: number;
    readonly leader: GroupLeader;
    readonly clock: Clock;
  },
): Promise<boolean> {
  const { members, stopped } = stopAllButShells(id, leader);
  try {
    // While the leader waits to be reaped, the group may have no other process.
    if (members === undefined || members.length === 0) return killGroup(id, signal);
    const onlyWaits = signal === "SIGINT" && waitsForAll(leader, id, members);
    const receivers = members.filter(({ pid }) => !(onlyWaits && pid === id));
    const isReceived = receivers.map(({ pid }) => killProcess(pid, signal)).includes(true);
    await untilPassed(receivers.filter(({ pid }) => isShell(pid, id, leader)), clock);
    return isReceived;
  } finally {
    for (const pid of stopped) killProcess(pid, "SIGCONT");
  }
}

/**
 * Stops all processes of a group that run and are no shells. A process that is starting another one
 * stops only after it has done so.
 *
 * @returns the group's processes, `undefined` on platforms other than Linux; and those that this
 *   function has stopped
 */
function stopAllButShells(
  id: number,
  leader: GroupLeader,
): { readonly members: readonly GroupMember[] | undefined; readonly stopped: ReadonlySet<number> } {
  const stopped = new Set<number>();
  const seen = new Set<number>();
  let members = groupMembers(id);
  for (let times = 1; members !== undefined && times < MAX_LISTINGS; times++) {
    for (const { pid } of members) {
      if (seen.has(pid) || isShell(pid, id, leader)) continue;
      seen.add(pid);
      if (!isStopped(pid) && killProcess(pid, "SIGSTOP")) stopped.add(pid);
    }
    const areStopped = [...stopped].every(isStopped);
    const now: readonly GroupMember[] | undefined = groupMembers(id);
    if (areStopped && now?.every(({ pid }) => members?.some((each) => each.pid === pid))) {
      return { members: now, stopped };
    }
    members = now;
  }
  return { members, stopped };
}

/** Waits until shells have nothing left to do but to wait. */
async function untilPassed(shells: readonly GroupMember[], clock: Clock): Promise<void> {
  const deadline = clock.monotonic() + MAX_PASSING_MS;
  // A second look, because a thread may be about to wake another one.
  for (let idle = 0; shells.length > 0 && idle < 2 && clock.monotonic() < deadline;) {
    await clock.sleep(POLL_MS);
    idle = shells.every(({ pid }) => isWaiting(pid)) ? idle + 1 : 0;
  }
}

/** Returns true if a shell that leads a group runs all its programs, and does nothing else. */
function waitsForAll(
  { programs }: GroupLeader,
  id: number,
  members: readonly GroupMember[],
): boolean {
  return programs !== undefined &&
    programs === members.filter(({ parent }) => parent === id).length;
}

/** Returns true if a process of a group is a shell of `deno task`. */
function isShell(pid: number, id: number, leader: GroupLeader): boolean {
  if (pid === id && leader.kind === "shell") return true;
  const [program, command] = commandWords(pid);
  return command === "task" && /(?:^|\/)deno$/.test(program ?? "");
}
