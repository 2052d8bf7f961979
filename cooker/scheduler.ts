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
export interface SchedulerPlan {
  /** For each task the indices of those that it waits for. */
  readonly dependencies: readonly (readonly number[])[];
  /** For each task the indices of those that wait for it. */
  readonly dependents: readonly (readonly number[])[];
  /** For each task its place when several could start: smaller first. */
  readonly rank: readonly number[];
  /** How many may run at once, from 1. */
  readonly jobs: number;
  readonly keepGoing: boolean;
}

/** Where a build is. */
export interface SchedulerState {
  readonly plan: SchedulerPlan;
  readonly status: readonly TaskStatus[];
  /** For each task how many of its dependencies are not done. */
  readonly missing: readonly number[];
  /** Tasks that could start, by rank. */
  readonly ready: readonly number[];
  /** Tasks that are running or ending. */
  readonly active: number;
  /** Tasks that are not over. */
  readonly open: number;
  /** Whether anything new may start. */
  readonly isEnding: boolean;
  /** Whether it was cancelled from outside. */
  readonly isCancelled: boolean;
}

/** The next state and what is to be done. */
export interface Transition {
  readonly state: SchedulerState;
  readonly effects: readonly SchedulerEffect[];
}

/** What to schedule. */
export interface ScheduleRequest {
  /** For each task the indices of those that it waits for. */
  readonly dependencies: readonly (readonly number[])[];
  /** How many may run at once, from 1. */
  readonly jobs: number;
  readonly keepGoing: boolean;
  /** For each task its place when several could start, smaller first; absent: its index. */
  readonly rank?: readonly number[];
}

/** The state before anything has happened. */
export function initialState(request: ScheduleRequest): SchedulerState {
  const { dependencies, jobs, keepGoing } = request;
  const dependents = dependencies.map((): number[] => []);
  dependencies.forEach((before, task) => {
    for (const other of before) dependents[other]?.push(task);
  });
  const rank = request.rank ?? dependencies.map((_, task) => task);
  return {
    plan: { dependencies, dependents, rank, jobs, keepGoing },
    status: dependencies.map(() => "waiting"),
    missing: dependencies.map((before) => before.length),
    ready: [],
    active: 0,
    open: dependencies.length,
    isEnding: false,
    isCancelled: false,
  };
}

/**
 * What follows from what happened.
 *
 * Pure: the state given is not changed, and the same arguments give the same answer.
 */
export function transition(state: SchedulerState, input: SchedulerInput): Transition {
  const next = new NextState(state);
  switch (input.kind) {
    case "begin":
      next.begin();
      break;
    case "ended":
      next.end(input.task, input.result);
      break;
    case "cancel":
      next.cancel(input.force);
      break;
  }
  return next.settle();
}

/** A state in the making. */
class NextState {
  readonly #plan: SchedulerPlan;
  readonly #status: TaskStatus[];
  readonly #missing: number[];
  readonly #ready: number[];
  readonly #effects: SchedulerEffect[] = [];
  #active: number;
  #open: number;
  #isEnding: boolean;
  #isCancelled: boolean;

  constructor(state: SchedulerState) {
    this.#plan = state.plan;
    this.#status = [...state.status];
    this.#missing = [...state.missing];
    this.#ready = [...state.ready];
    this.#active = state.active;
    this.#open = state.open;
    this.#isEnding = state.isEnding;
    this.#isCancelled = state.isCancelled;
  }

  begin(): void {
    this.#finishIfDone();
    this.#missing.forEach((missing, task) => {
      if (missing === 0 && this.#status[task] === "waiting") this.#enqueue(task);
    });
  }

  end(task: number, result: TaskResult): void {
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

  cancel(force: boolean): void {
    if (this.#open === 0) return;
    this.#isCancelled = true;
    this.#stop(force);
  }

  settle(): Transition {
    while (!this.#isEnding && this.#active < this.#plan.jobs) {
      const task = this.#ready.shift();
      if (task === undefined) break;
      if (this.#status[task] !== "waiting") continue;
      this.#status[task] = "running";
      this.#active++;
      this.#effects.push({ kind: "start", task });
    }
    return { state: this.#state(), effects: this.#effects };
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

  #state(): SchedulerState {
    return {
      plan: this.#plan,
      status: this.#status,
      missing: this.#missing,
      ready: this.#ready,
      active: this.#active,
      open: this.#open,
      isEnding: this.#isEnding,
      isCancelled: this.#isCancelled,
    };
  }
}
