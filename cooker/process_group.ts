/**
 * A task's processes, all of them: the group that its command leads.
 *
 * @module
 */

import type { Clock } from "../system/clock.ts";
import { groupAlive, isProcessAlive, killGroup } from "../system/processes.ts";
import type { Ending } from "./ending.ts";

/** How long a group has between SIGTERM and SIGKILL, in milliseconds. */
export const GRACE_MS = 5000;

/** How long a killed group has until it is given up: only the kernel can hold it then. */
const GIVE_UP_MS = 5000;

/** How often a group is looked at; nothing tells when the last process of one is gone. */
const POLL_MS = 10;

/** How often it is looked whether a process that has just been started leads its group. */
const LEAD_MS = 1;

/** A process group. */
export class ProcessGroup {
  readonly #id: number;
  readonly #clock: Clock;

  /**
   * @param id the group's id, that is its leader's process id
   * @param clock for the time between the signals
   */
  constructor(id: number, clock: Clock) {
    this.#id = id;
    this.#clock = clock;
  }

  /** Whether any process of it runs; the leader counts from its start, before there is a group. */
  get isAlive(): boolean {
    return groupAlive(this.#id) || isProcessAlive(this.#id);
  }

  /**
   * Ends the whole group and waits until it is gone: SIGTERM, then SIGKILL after
   * {@linkcode GRACE_MS} or as soon as it is asked to end at once.
   *
   * @returns whether it is gone; `false` where even SIGKILL did not end it
   */
  async end(ending: Ending): Promise<boolean> {
    if (!ending.atOnce.aborted) {
      if (!await this.#signal("SIGTERM")) return true;
      if (await this.#goneWithin(GRACE_MS, ending.atOnce)) return true;
    }
    if (!await this.#signal("SIGKILL")) return true;
    return await this.#goneWithin(GIVE_UP_MS);
  }

  /** @returns whether there was anybody; a process that is about to lead the group is waited for */
  async #signal(signal: "SIGTERM" | "SIGKILL"): Promise<boolean> {
    while (!killGroup(this.#id, signal)) {
      if (!isProcessAlive(this.#id)) return false;
      await this.#clock.sleep(LEAD_MS);
    }
    return true;
  }

  async #goneWithin(ms: number, hurry?: AbortSignal): Promise<boolean> {
    const deadline = this.#clock.monotonic() + ms;
    while (this.isAlive) {
      if (hurry?.aborted || this.#clock.monotonic() >= deadline) return false;
      await this.#clock.sleep(POLL_MS, hurry);
    }
    return true;
  }
}
