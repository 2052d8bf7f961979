/**
 * Which task runs when: a state machine without processes.
 *
 * A build feeds it what happened and carries out the effects that it answers with.
 *
 * ```
 *            dependencies done,            it ended well
 *            a job is free
 *  waiting ───────────────────▶ running ───────────────────▶ done
 *     │                          │   │  it ended badly
 *     │ a dependency failed,     │   └─────────────────────▶ failed
 *     │ or nothing new starts    │ another one failed,
 *     ▼                          ▼ or the build was cancelled
 *  skipped                    ending ──── it ended ────────▶ cancelled
 * ```
 *
 * After the first failure nothing new starts and what runs is ended; with `keepGoing` only what
 * depends on the failed task is skipped. The build is over when nothing runs any more.
 *
 * @module
 */

/** Where a task is on its way. */
export type TaskStatus =
  | "waiting"
  | "running"
  | "ending"
  | "succeeded"
  | "cached"
  | "failed"
  | "cancelled"
  | "skipped";

/** How a task that had been started ended, as whoever ran it says. */
export type TaskResult = "succeeded" | "cached" | "failed";

/** What happened. */
export type SchedulerInput =
  | { readonly kind: "begin" }
  | { readonly kind: "ended"; readonly task: number; readonly result: TaskResult }
  | { readonly kind: "cancel"; readonly force: boolean };

/** What is to be done, in this order. */
export type SchedulerEffect =
  | { readonly kind: "start"; readonly task: number }
  /** Ask a running task to end; `force`: at once. */
  | { readonly kind: "end"; readonly task: number; readonly force: boolean }
  /** A task that had been started is over, with this status. */
  | { readonly kind: "settle"; readonly task: number; readonly status: TaskStatus }
  /** A task will never start. */
  | { readonly kind: "skip"; readonly task: number }
  /** Every task is over; the last effect of all. */
  | { readonly kind: "finish" };

/** What does not change during a build. */
interface SchedulerPlan {
  /** For each task the indices of those that wait for it. */
  readonly dependents: readonly (readonly number[])[];
  /** For each task its place when several could start: smaller first. */
  readonly rank: readonly number[];
  /** How many may run at once, from 1. */
  readonly jobs: number;
  readonly keepGoing: boolean;
}

/** What to schedule. */
interface ScheduleRequest {
  /** For each task the indices of those that it waits for. */
  readonly dependencies: readonly (readonly number[])[];
  /** How many may run at once, from 1. */
  readonly jobs: number;
  readonly keepGoing: boolean;
  /** For each task its place when several could start, smaller first; absent: its index. */
  readonly rank?: readonly number[];
}

/**
 * The schedule of one build. The same inputs give the same effects; each takes time in what it
 * changes, not in the size of the build.
 */
export class Scheduler {
  readonly #plan: SchedulerPlan;
  readonly #status: TaskStatus[];
  /** For each task how many of its dependencies are not done. */
  readonly #missing: number[];
  /** Tasks that could start, by rank. */
  readonly #ready: number[] = [];
  #effects: SchedulerEffect[] = [];
  /** Tasks that are running or ending. */
  #active = 0;
  /** Tasks that are not over. */
  #open: number;
  /** Whether nothing new may start. */
  #isEnding = false;
  #isCancelled = false;

  /** Makes the schedule before anything has happened. */
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

  /** Where each task is, by its index. */
  get status(): readonly TaskStatus[] {
    return this.#status;
  }

  /** Whether the build was cancelled from outside. */
  get isCancelled(): boolean {
    return this.#isCancelled;
  }

  /**
   * What is to be done because of what happened, in this order.
   *
   * @throws {RangeError} where a task ends that does not run
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

  /** Nothing new starts; what runs is asked to end. */
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
