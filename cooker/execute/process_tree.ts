/**
 * Signals and ends a task's processes: the process group that its command leads, and the processes
 * that have left the group. The latter are found by their tag.
 *
 * @module
 */

import type { Clock } from "../../system/clock.ts";
import type { ProcessTag } from "../../system/process/process_tag.ts";
import {
  commandWords,
  groupAlive,
  type GroupMember,
  groupMembers,
  groupProcesses,
  isStopped,
  killGroup,
  killProcess,
  type NamedProcess,
  processGroup,
} from "../../system/process/processes.ts";
import type { TaskSignal } from "../../wire/signals.ts";
import type { Cancellation } from "./cancellation.ts";

/** Grace period of a group between SIGTERM and SIGKILL, in milliseconds. */
export const GRACE_MS = 5000;

/** Milliseconds that a killed group has until it is abandoned. Only the kernel can hold it then. */
const GIVE_UP_MS = 5000;

/**
 * Milliseconds between two checks of a group. The kernel does not report the end of its last
 * process.
 */
const POLL_MS = 10;

/**
 * Limit of the listings of a group that is being stopped. A process that waits in the kernel, as for
 * a disk or after `vfork`, does not stop.
 */
const MAX_LISTINGS = 20;

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

/** A process group, alone or together with the processes that have left it. */
export class ProcessGroup {
  readonly #id: number;
  readonly #clock: Clock;
  readonly #leader: GroupLeader;
  readonly #tag: ProcessTag | undefined;
  #isSuspended = false;

  /**
   * @param id the group's id, which is the process id of its leader
   * @param clock for the time between the signals
   * @param leader the process with that id
   * @param tag processes with this tag belong to the group, whatever their process group is;
   *   absent: only the process group itself
   */
  constructor(id: number, clock: Clock, leader: GroupLeader, tag?: ProcessTag) {
    this.#leader = leader;
    this.#id = id;
    this.#clock = clock;
    this.#tag = tag;
  }

  /** The running processes of the process group; `undefined` on platforms other than Linux. */
  get processes(): readonly NamedProcess[] | undefined {
    return groupProcesses(this.#id);
  }

  /** True if a process of the group is running. */
  get isAlive(): boolean {
    return groupAlive(this.#id) || this.#strays().length > 0;
  }

  /**
   * Sends a signal to each process of the group, as a terminal does, but only once. A shell of `deno
   * task` sends it to its children itself. It sends them SIGINT twice, so it is left out if it only
   * waits for them.
   *
   * The group is suspended meanwhile. Otherwise a process would be missed that another one starts at
   * the same moment.
   *
   * If the group's processes cannot be listed (on platforms other than Linux), the children of a
   * shell get the signal twice, as under `deno task` in a terminal.
   *
   * @returns true if there was a receiver
   */
  signal(signal: TaskSignal): boolean {
    if (this.#isSuspended) return this.#send(signal, groupMembers(this.#id));
    killGroup(this.#id, "SIGSTOP");
    try {
      return this.#send(signal, this.#stoppedMembers());
    } finally {
      killGroup(this.#id, "SIGCONT");
    }
  }

  /**
   * Lists the processes of the group when all have stopped. A process that is starting another one
   * stops only after it has done so.
   */
  #stoppedMembers(): readonly GroupMember[] | undefined {
    let members = groupMembers(this.#id);
    for (let times = 1; members !== undefined && times < MAX_LISTINGS; times++) {
      const areStopped = members.every(({ pid }) => isStopped(pid));
      const now: readonly GroupMember[] | undefined = groupMembers(this.#id);
      if (areStopped && now?.length === members.length) return now;
      members = now;
    }
    return members;
  }

  #send(signal: TaskSignal, members: readonly GroupMember[] | undefined): boolean {
    if (members === undefined) return killGroup(this.#id, signal);
    const isWaiting = signal === "SIGINT" && this.#onlyWaits(members);
    const shells = members.filter((each) => this.#isShell(each)).map(({ pid }) => pid);
    const passing = new Set(isWaiting ? shells.filter((pid) => pid !== this.#id) : shells);
    const receivers = members.filter(({ pid, parent }) =>
      !passing.has(parent) && !(isWaiting && pid === this.#id)
    );
    // Only children of shells are left, for example while the leader waits to be reaped. They get
    // the signal.
    if (receivers.length === 0) return killGroup(this.#id, signal);
    return receivers.map(({ pid }) => killProcess(pid, signal)).includes(true);
  }

  /** Suspends or continues all processes of the group, and those that have left it. */
  pause(signal: "SIGSTOP" | "SIGCONT"): void {
    this.#isSuspended = signal === "SIGSTOP";
    killGroup(this.#id, signal);
    for (const stray of this.#strays()) killProcess(stray, signal);
  }

  /**
   * Ends all processes of the group and waits until they are gone. Sends SIGTERM, and SIGKILL after
   * {@linkcode GRACE_MS} or as soon as an immediate end is requested.
   *
   * @returns true if all are gone; `false` if even SIGKILL did not end them
   */
  async end(cancellation: Cancellation): Promise<boolean> {
    if (!cancellation.forced.aborted) {
      if (!this.#signal("SIGTERM")) return true;
      // A suspended process does not get SIGTERM before it continues.
      this.pause("SIGCONT");
      if (await this.#within(GRACE_MS, cancellation.forced, () => !this.isAlive)) return true;
    }
    const deadline = this.#clock.monotonic() + GIVE_UP_MS;
    while (this.isAlive) {
      if (this.#clock.monotonic() >= deadline) return false;
      // Repeat the signal: a process that has left the group may have started another one
      // meanwhile.
      this.#signal("SIGKILL");
      await this.#clock.sleep(POLL_MS);
    }
    return true;
  }

  /**
   * Waits until the process group is empty. Processes that have left it do not count.
   *
   * @param ms the longest time to wait, in milliseconds
   * @param forced ends the wait
   */
  async leftWithin(ms: number, forced: AbortSignal): Promise<void> {
    await this.#within(ms, forced, () => !groupAlive(this.#id));
  }

  /** Returns true if the shell that leads the group runs all its programs, and nothing else. */
  #onlyWaits(members: readonly GroupMember[]): boolean {
    const { programs } = this.#leader;
    return programs !== undefined &&
      programs === members.filter(({ parent }) => parent === this.#id).length;
  }

  /** Returns true if a process of the group is a shell of `deno task`. */
  #isShell({ pid }: GroupMember): boolean {
    if (pid === this.#id && this.#leader.kind === "shell") return true;
    const [program, command] = commandWords(pid);
    return command === "task" && /(?:^|\/)deno$/.test(program ?? "");
  }

  /** @returns true if there was a receiver */
  #signal(signal: "SIGTERM" | "SIGKILL"): boolean {
    // List the strays before the group gets the signal: processes that a signal handler of the
    // group starts for its cleanup must not get the signal.
    const strays = this.#strays();
    let isReceived = signal === "SIGKILL" ? killGroup(this.#id, signal) : this.signal(signal);
    for (const stray of strays) isReceived = killProcess(stray, signal) || isReceived;
    return isReceived;
  }

  /** Returns the processes that carry the tag but have left the group. */
  #strays(): number[] {
    return this.#tag?.carriers().filter((pid) => processGroup(pid) !== this.#id) ?? [];
  }

  async #within(ms: number, forced: AbortSignal, isOver: () => boolean): Promise<boolean> {
    const deadline = this.#clock.monotonic() + ms;
    while (!isOver()) {
      if (forced.aborted || this.#clock.monotonic() >= deadline) return false;
      await this.#clock.sleep(POLL_MS, forced);
    }
    return true;
  }
}
