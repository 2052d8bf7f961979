/**
 * A task's processes: the group that its command leads, and, by their mark, those that have left it.
 *
 * @module
 */

import type { Clock } from "../system/clock.ts";
import type { ProcessMark } from "../system/process_mark.ts";
import { groupAlive, killGroup, killProcess, processGroup } from "../system/processes.ts";
import type { Ending } from "./ending.ts";

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
  readonly #mark: ProcessMark | undefined;

  /**
   * @param id the group's id, that is its leader's process id
   * @param clock for the time between the signals
   * @param mark who carries it belongs to it too, in whatever group; absent: the group alone
   */
  constructor(id: number, clock: Clock, mark?: ProcessMark) {
    this.#id = id;
    this.#clock = clock;
    this.#mark = mark;
  }

  /** Whether any process of it runs. */
  get isAlive(): boolean {
    return groupAlive(this.#id) || this.#strays().length > 0;
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
      if (await this.#goneWithin(GRACE_MS, ending.atOnce)) return true;
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

  /** @returns whether there was anybody */
  #signal(signal: "SIGTERM" | "SIGKILL"): boolean {
    // Looked for first: what a handler of the group starts to tidy up is not disturbed.
    const strays = this.#strays();
    let isAnybody = killGroup(this.#id, signal);
    for (const stray of strays) isAnybody = killProcess(stray, signal) || isAnybody;
    return isAnybody;
  }

  /** Those who have left the group. */
  #strays(): number[] {
    return this.#mark?.carriers().filter((pid) => processGroup(pid) !== this.#id) ?? [];
  }

  async #goneWithin(ms: number, hurry: AbortSignal): Promise<boolean> {
    const deadline = this.#clock.monotonic() + ms;
    while (this.isAlive) {
      if (hurry.aborted || this.#clock.monotonic() >= deadline) return false;
      await this.#clock.sleep(POLL_MS, hurry);
    }
    return true;
  }
}
