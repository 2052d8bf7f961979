/**
 * Decides when each task of a build runs. The scheduler is a state machine that starts no
 * processes.
 *
 * A build feeds it inputs, such as the end of a task, and carries out the effects that it returns.
 *
 * ```
 *            dependencies done,
 *            a job slot is free              it succeeded
 *  waiting ───────────────────▶ running ───────────────────▶ done
 *     │                          │   │  it failed
 *     │ a dependency failed,     │   └─────────────────────▶ failed
 *     │ or the build is stopping │ another task failed,
 *     ▼                          ▼ or the build was cancelled
 *  skipped                    ending ──── it ended ────────▶ cancelled
 * ```
 *
 * After the first failure, no task starts any more and running tasks are ended. With `keepGoing`,
 * only the tasks that depend on the failed one are skipped. The build is over when no task runs any
 * more.
 *
 * @module
 */

/** The state of a task. */
export type TaskStatus =
  | "waiting"
  | "running"
  | "ending"
  | "succeeded"
  | "cached"
  | "failed"
  | "cancelled"
  | "skipped";

/** The result of a task that was started, as its runner reports it. */
export type TaskResult = "succeeded" | "cached" | "failed";

/** An event that the scheduler reacts to. */
export type SchedulerInput =
  | { readonly kind: "begin" }
  | { readonly kind: "ended"; readonly task: number; readonly result: TaskResult }
  | { readonly kind: "cancel"; readonly force: boolean };

/** An action for the build. Effects are carried out in their order. */
export type SchedulerEffect =
  | { readonly kind: "start"; readonly task: number }
  /** Ask a running task to end. With `force`, without a grace period. */
  | { readonly kind: "end"; readonly task: number; readonly force: boolean }
  /** A task that was started is over, with this status. */
  | { readonly kind: "settle"; readonly task: number; readonly status: TaskStatus }
  /** A task will never start. */
  | { readonly kind: "skip"; readonly task: number }
  /** Every task is over. This is the last effect. */
  | { readonly kind: "finish" };

/** The data that does not change during a build. */
interface SchedulerPlan {
  /** For each task the indices of those that wait for it. */
  readonly dependents: readonly (readonly number[])[];
  /** For each task its rank. Of several tasks that could start, the smallest rank starts first. */
  readonly rank: readonly number[];
  /** The number of tasks that may run at once, at least 1. */
  readonly jobs: number;
  readonly keepGoing: boolean;
}

/** The input of a {@linkcode Scheduler}. */
interface ScheduleRequest {
  /** For each task the indices of those that it waits for. */
  readonly dependencies: readonly (readonly number[])[];
  /** The number of tasks that may run at once, at least 1. */
  readonly jobs: number;
  readonly keepGoing: boolean;
  /**
   * For each task its rank. Of several tasks that could start, the smallest rank starts first.
   * Default: its index.
   */
  readonly rank?: readonly number[];
}

/**
 * The schedule of one build. It is deterministic: the same inputs give the same effects. The cost
 * of an input depends on the number of tasks that it affects, not on the size of the build.
 */
export class Scheduler {
  readonly #plan: SchedulerPlan;
  readonly #status: TaskStatus[];
  /** For each task the number of its unfinished dependencies. */
  readonly #missing: number[];
  /** Tasks that could start, sorted by rank. */
  readonly #ready: number[] = [];
  #effects: SchedulerEffect[] = [];
  /** The number of tasks that are running or ending. */
  #active = 0;
  /** The number of tasks that are not over. */
  #open: number;
  /** True if no task may start any more. */
  #isEnding = false;
  #isCancelled = false;

  /** Creates the schedule. No task starts before the input `begin`. */
  constructor(request: ScheduleRequest) {
    const { dependencies, jobs, keepGoing } = request;
    const dependents = dependencies.map((): number[] => []);
    dependencies.forEach((before, task) => {
      for (const other of before) dependents[other]?.push(task);
    });
    const rank = request.rank ?? dependencies.map((_, task) => task);
    this.#plan = { dependents, rank, jobs, keepGoing };
    this.#status = dependencies.map(() => "waiting");
    this.#missing = dependencies.map((before) => before.length);
    this.#open = dependencies.length;
  }

  /** The state of each task, by its index. */
  get status(): readonly TaskStatus[] {
    return this.#status;
  }

  /** The build was cancelled by a client or the server, not by a failure. */
  get isCancelled(): boolean {
    return this.#isCancelled;
  }

  /**
   * Processes an input and returns the resulting effects, in order.
   *
   * @throws {RangeError} if the input says that a task ended which was not running
   */
  feed(input: SchedulerInput): readonly SchedulerEffect[] {
    this.#effects = [];
    switch (input.kind) {
      case "begin":
        this.#begin();
        break;
      case "ended":
        this.#end(input.task, input.result);
        break;
      case "cancel":
        this.#cancel(input.force);
        break;
    }
    this.#startReady();
    return this.#effects;
  }

  #begin(): void {
    this.#finishIfDone();
    this.#missing.forEach((missing, task) => {
      if (missing === 0 && this.#status[task] === "waiting") this.#enqueue(task);
    });
  }

  #end(task: number, result: TaskResult): void {
    const before = this.#status[task];
    if (before !== "running" && before !== "ending") {
      throw new RangeError(`Task ${task} ended while it was ${before}`);
    }
    const status = before === "ending" ? "cancelled" : result;
    this.#active--;
    this.#open--;
    this.#status[task] = status;
    this.#effects.push({ kind: "settle", task, status });
    if (status === "failed" && !this.#plan.keepGoing) return this.#stop(false);
    if (status === "failed") this.#skipDependents(task);
    else for (const dependent of this.#plan.dependents[task] ?? []) this.#release(dependent);
    this.#finishIfDone();
  }

  #cancel(force: boolean): void {
    if (this.#open === 0) return;
    this.#isCancelled = true;
    this.#stop(force);
  }

  #startReady(): void {
    while (!this.#isEnding && this.#active < this.#plan.jobs) {
      const task = this.#ready.shift();
      if (task === undefined) break;
      if (this.#status[task] !== "waiting") continue;
      this.#status[task] = "running";
      this.#active++;
      this.#effects.push({ kind: "start", task });
    }
  }

  /** Skips all waiting tasks and asks running ones to end. */
  #stop(force: boolean): void {
    this.#isEnding = true;
    this.#ready.length = 0;
    this.#status.forEach((status, task) => {
      if (status === "waiting") this.#skip(task);
      const isAsked = status === "running" || (status === "ending" && force);
      if (!isAsked) return;
      this.#status[task] = "ending";
      this.#effects.push({ kind: "end", task, force });
    });
    this.#finishIfDone();
  }

  #skipDependents(task: number): void {
    const open = [task];
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      for (const dependent of this.#plan.dependents[next] ?? []) {
        if (this.#status[dependent] !== "waiting") continue;
        this.#skip(dependent);
        open.push(dependent);
      }
    }
  }

  #skip(task: number): void {
    this.#status[task] = "skipped";
    this.#open--;
    this.#effects.push({ kind: "skip", task });
  }

  #release(task: number): void {
    const missing = (this.#missing[task] ?? 0) - 1;
    this.#missing[task] = missing;
    if (missing === 0 && this.#status[task] === "waiting" && !this.#isEnding) this.#enqueue(task);
  }

  #enqueue(task: number): void {
    const { rank } = this.#plan;
    const own = rank[task] ?? task;
    let low = 0;
    let high = this.#ready.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const other = this.#ready[middle] ?? 0;
      if ((rank[other] ?? other) <= own) low = middle + 1;
      else high = middle;
    }
    this.#ready.splice(low, 0, task);
  }

  #finishIfDone(): void {
    if (this.#open === 0) this.#effects.push({ kind: "finish" });
  }
}
