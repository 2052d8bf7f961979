/**
 * Names the tasks of a build that wait for a job slot while no task starts or ends: the running ones
 * may be servers that never end.
 *
 * @module
 */

import type { Clock } from "../../system/clock.ts";
import type { PlannedTask } from "../plan/plan.ts";

/** Milliseconds without progress after which tasks that wait for a slot are named. */
const STARVED_MS = 10_000;
/** The largest number of waiting tasks that are named. */
const MAX_NAMED = 5;

/** Parts of a build that its notice uses. */
interface NoticeOptions {
  readonly clock: Clock;
  /** Returns the tasks that wait for a slot. */
  readonly waiting: () => readonly PlannedTask[];
  readonly warn: (message: string) => void;
}

/** Warns once in a build. */
export class StarvedNotice {
  readonly #options: NoticeOptions;
  readonly #over = new AbortController();
  #progressAt: number;
  #watching: Promise<void> | undefined;

  constructor(options: NoticeOptions) {
    this.#options = options;
    this.#progressAt = options.clock.monotonic();
  }

  /** A task has started or ended. */
  progress(): void {
    this.#progressAt = this.#options.clock.monotonic();
  }

  /** A task waits for a slot. */
  waits(): void {
    this.#watching ??= this.#watch();
  }

  /** The build is over. */
  end(): void {
    this.#over.abort("over");
  }

  async #watch(): Promise<void> {
    const { clock, waiting, warn } = this.#options;
    while (!this.#over.signal.aborted) {
      const since = this.#progressAt;
      await clock.sleep(since + STARVED_MS - clock.monotonic(), this.#over.signal);
      if (this.#over.signal.aborted) return;
      if (this.#progressAt !== since) continue;
      const tasks = waiting();
      if (tasks.length > 0) warn(messageFor(tasks));
      else this.#watching = undefined;
      return;
    }
  }
}

function messageFor(tasks: readonly PlannedTask[]): string {
  const names = tasks.slice(0, MAX_NAMED).map(({ label, id }) => label ?? id).join(", ");
  const more = tasks.length > MAX_NAMED ? ` and ${tasks.length - MAX_NAMED} more` : "";
  const name = tasks[0]?.name ?? "dev";
  const settings = JSON.stringify({ simmer: { tasks: { [name]: { service: true } } } });
  return `${names}${more} wait for a job slot, and no task has ended for ${STARVED_MS / 1000} s. ` +
    "If the running tasks are servers, declare them in deno.json or package.json: " +
    `${settings}; or allow more tasks at once with --jobs`;
}
