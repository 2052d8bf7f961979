/**
 * A task's processes: the group that its command leads, and, by their mark, those that have left it.
 *
 * @module
 */

import type { Clock } from "../../system/clock.ts";
import type { ProcessMark } from "../../system/process/process_mark.ts";
import {
  groupAlive,
  killGroup,
  killProcess,
  processGroup,
  withoutChildren,
} from "../../system/process/processes.ts";
import type { TaskSignal } from "../../wire/signals.ts";
import type { Ending } from "./cancellation.ts";

/** How long a group has between SIGTERM and SIGKILL, in milliseconds. */
export const GRACE_MS = 5000;

/** How long a killed group has until it is given up: only the kernel can hold it then. */
const GIVE_UP_MS = 5000;

/** How often a group is looked at; nothing tells when the last process of one is gone. */
const POLL_MS = 10;

/** A process group, alone or with those who have left it. */
export class ProcessGroup {
  readonly #id: number;
  readonly #clock: Clock;
  readonly #leader: "shell" | "program";
  readonly #mark: ProcessMark | undefined;

  /**
   * @param id the group's id, that is its leader's process id
   * @param clock for the time between the signals
   * @param leader `"shell"`: `deno task`'s own, which passes signals on to its children
   * @param mark who carries it belongs to it too, in whatever group; absent: the group alone
   */
  constructor(id: number, clock: Clock, leader: "shell" | "program", mark?: ProcessMark) {
    this.#leader = leader;
    this.#id = id;
    this.#clock = clock;
    this.#mark = mark;
  }

  /** Whether any process of it runs. */
  get isAlive(): boolean {
    return groupAlive(this.#id) || this.#strays().length > 0;
  }

  /**
   * Sends a signal to each process of the group, as a terminal does, but once: a shell that passes
   * signals on sends it to its children itself.
   *
   * Where the group's processes cannot be listed (other platforms than Linux), a shell's children get
   * it twice, as under `deno task` in a terminal.
   *
   * @returns whether there was a receiver
   */
  signal(signal: TaskSignal): boolean {
    const receivers = this.#leader === "shell" ? withoutChildren(this.#id) : undefined;
    if (receivers === undefined) return killGroup(this.#id, signal);
    // If only children of the leader are left, as when it is about to be collected, they get it.
    if (receivers.length === 0) return killGroup(this.#id, signal);
    return receivers.map((pid) => killProcess(pid, signal)).includes(true);
  }

  /**
   * Ends all of it and waits until it is gone: SIGTERM, then SIGKILL after {@linkcode GRACE_MS} or
   * as soon as it is asked to end at once.
   *
   * @returns whether it is gone; `false` where even SIGKILL did not end it
   */
  async end(ending: Ending): Promise<boolean> {
    if (!ending.atOnce.aborted) {
      if (!this.#signal("SIGTERM")) return true;
      if (await this.#within(GRACE_MS, ending.atOnce, () => !this.isAlive)) return true;
    }
    const deadline = this.#clock.monotonic() + GIVE_UP_MS;
    while (this.isAlive) {
      if (this.#clock.monotonic() >= deadline) return false;
      // Each time anew: one who has left the group may have started another meanwhile.
      this.#signal("SIGKILL");
      await this.#clock.sleep(POLL_MS);
    }
    return true;
  }

  /**
   * Waits until nothing is left in the group; those who have left it do not count.
   *
   * @param ms for how long at the most
   * @param hurry ends the wait
   */
  async leftWithin(ms: number, hurry: AbortSignal): Promise<void> {
    await this.#within(ms, hurry, () => !groupAlive(this.#id));
  }

  /** @returns whether there was a receiver */
  #signal(signal: "SIGTERM" | "SIGKILL"): boolean {
    // Looked for first: what a handler of the group starts to tidy up is not disturbed.
    const strays = this.#strays();
    let isReceived = signal === "SIGKILL" ? killGroup(this.#id, signal) : this.signal(signal);
    for (const stray of strays) isReceived = killProcess(stray, signal) || isReceived;
    return isReceived;
  }

  /** Those who have left the group. */
  #strays(): number[] {
    return this.#mark?.carriers().filter((pid) => processGroup(pid) !== this.#id) ?? [];
  }

  async #within(ms: number, hurry: AbortSignal, isOver: () => boolean): Promise<boolean> {
    const deadline = this.#clock.monotonic() + ms;
    while (!isOver()) {
      if (hurry.aborted || this.#clock.monotonic() >= deadline) return false;
      await this.#clock.sleep(POLL_MS, hurry);
    }
    return true;
  }
}
