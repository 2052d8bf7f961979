/**
 * Signals and ends a task's processes: the process group that its command leads, and the processes
 * that have left the group. The latter are found by their tag.
 *
 * @module
 */

import type { Clock } from "../../system/clock.ts";
import type { ProcessTag } from "../../system/process/process_tag.ts";
import {
  groupAlive,
  groupProcesses,
  killGroup,
  killProcess,
  type NamedProcess,
  processGroup,
} from "../../system/process/processes.ts";
import type { TaskSignal } from "../../wire/signals.ts";
import type { Cancellation } from "./cancellation.ts";
import { deliverOnce, type GroupLeader } from "./deliver_once.ts";

/** Grace period of a group between SIGTERM and SIGKILL, in milliseconds. */
export const GRACE_MS = 5000;

/** Milliseconds that a killed group has until it is abandoned. Only the kernel can hold it then. */
const GIVE_UP_MS = 5000;

/**
 * Milliseconds between two checks of a group. The kernel does not report the end of its last
 * process.
 */
const POLL_MS = 10;

/** A process group, alone or together with the processes that have left it. */
export class ProcessGroup {
  readonly #id: number;
  readonly #clock: Clock;
  readonly #leader: GroupLeader;
  readonly #tag: ProcessTag | undefined;
  #isSuspended = false;
  /** Resolves when all signals so far have been sent. */
  #before: Promise<void> = Promise.resolve();

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
   * Sends a signal to each process of the group once, after the signals that were sent before.
   *
   * @returns true if there was a receiver
   */
  signal(signal: TaskSignal): Promise<boolean> {
    return this.#inTurn(() =>
      // The processes of a suspended group get the signal when they continue.
      this.#isSuspended
        ? killGroup(this.#id, signal)
        : deliverOnce(signal, { id: this.#id, leader: this.#leader, clock: this.#clock })
    );
  }

  /** Suspends or continues all processes of the group, and those that have left it. */
  async pause(signal: "SIGSTOP" | "SIGCONT"): Promise<void> {
    await this.#inTurn(() => {
      this.#isSuspended = signal === "SIGSTOP";
      killGroup(this.#id, signal);
      for (const stray of this.#strays()) killProcess(stray, signal);
    });
  }

  /**
   * Ends all processes of the group and waits until they are gone. Sends SIGTERM, and SIGKILL after
   * {@linkcode GRACE_MS} or as soon as an immediate end is requested.
   *
   * @returns true if all are gone; `false` if even SIGKILL did not end them
   */
  async end(cancellation: Cancellation): Promise<boolean> {
    if (!cancellation.forced.aborted) {
      if (!await this.#terminate()) return true;
      // A suspended process does not get SIGTERM before it continues.
      await this.pause("SIGCONT");
      if (await this.#within(GRACE_MS, cancellation.forced, () => !this.isAlive)) return true;
    }
    const deadline = this.#clock.monotonic() + GIVE_UP_MS;
    while (this.isAlive) {
      if (this.#clock.monotonic() >= deadline) return false;
      // Repeat the signal: a process that has left the group may have started another one
      // meanwhile.
      killGroup(this.#id, "SIGKILL");
      for (const stray of this.#strays()) killProcess(stray, "SIGKILL");
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

  /** @returns true if there was a receiver */
  async #terminate(): Promise<boolean> {
    // List the strays before the group gets the signal: processes that a signal handler of the
    // group starts for its cleanup must not get the signal.
    const strays = this.#strays();
    let isReceived = await this.signal("SIGTERM");
    for (const stray of strays) isReceived = killProcess(stray, "SIGTERM") || isReceived;
    return isReceived;
  }

  async #inTurn<T>(action: () => T | Promise<T>): Promise<T> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const before = this.#before;
    this.#before = promise;
    await before;
    try {
      return await action();
    } finally {
      resolve();
    }
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
