/**
 * Tracks the phase of the cooker, and the result of reading config since the start.
 *
 * @module
 */

import { type ProjectErrorData, projectErrorData } from "../wire/errors.ts";

/** Phase of the cooker's life cycle. */
export type CookerState = "initial" | "parsing" | "running" | "shutdown" | "error";

/** The phase of one cooker. */
export class Lifecycle {
  #state: CookerState = "initial";
  /** The result of reading config since the start; the message of the last mistake if none worked. */
  #configRead: "never" | "valid" | { readonly mistake: string } = "never";

  /** The current phase. */
  get state(): CookerState {
    return this.#state;
  }

  /** The last mistake in the config if no config has been valid since the start. */
  get mistake(): string | undefined {
    return typeof this.#configRead === "object" ? this.#configRead.mistake : undefined;
  }

  /** Enters the phase in which commands are served. */
  serve(): void {
    this.#state = "running";
  }

  /** Enters the last phase. */
  shutdown(): void {
    this.#state = "shutdown";
  }

  /**
   * Runs `work`, which reads config. Only a failure to read config puts the cooker into the state
   * `error`.
   *
   * @throws what `work` throws
   */
  read<T>(work: () => T): T {
    const before = this.#state;
    this.#state = "parsing";
    try {
      const result = work();
      this.#state = before === "error" ? "running" : before;
      this.#configRead = "valid";
      return result;
    } catch (error) {
      const data = projectErrorData(error);
      this.#state = data === undefined ? before : "error";
      if (data !== undefined && error instanceof Error) this.#noteMistake(data.kind, error.message);
      throw error;
    }
  }

  /** Other mistakes than these two are in the request, or in tasks of a config that was read. */
  #noteMistake(kind: ProjectErrorData["kind"], mistake: string): void {
    if (kind !== "invalid-config" && kind !== "no-config") this.#configRead = "valid";
    else if (this.#configRead !== "valid") this.#configRead = { mistake };
  }
}
