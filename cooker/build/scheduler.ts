/**
 * Decides which tasks of a build may start. The scheduler is a state machine that starts no
 * processes and knows nothing of job slots.
 *
 * A build feeds it inputs, such as the end of a task, and carries out the effects that it returns.
 *
 * ```
 *           dependencies        the build has
 *           are done            started it            it succeeded
 *  waiting ─────────────▶ ready ─────────────▶ running ─────────────▶ done
 *     │                     │                   │   │  it failed
 *     │ a dependency failed,│                   │   └───────────────▶ failed
 *     │ or the build is     │                   │ another task failed,
 *     ▼ stopping            ▼                   ▼ or the build was cancelled
 *  skipped ◀────────────────┘                ending ── it ended ────▶ cancelled
 * ```
 *
 * A task that is ending and was a cache hit is done.
 *
 * A service that is ready counts as done for the tasks that depend on it, but goes on running
 * (`serving`). When only services run, they are ended (`stopping`), unless one of them was
 * requested.
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
  | "ready"
  | "running"
  | "serving"
  | "stopping"
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
  /** The build has started a task that was ready. */
  | { readonly kind: "started"; readonly task: number }
  /** A running service is ready. */
  | { readonly kind: "serving"; readonly task: number }
  | { readonly kind: "ended"; readonly task: number; readonly result: TaskResult }
  | { readonly kind: "cancel" };

/** An action for the build. Effects are carried out in their order. */
export type SchedulerEffect =
  /** A task may start. */
  | { readonly kind: "ready"; readonly task: number }
  /** Ask a running task to end. It is asked once. */
  | { readonly kind: "end"; readonly task: number }
  /** A task that was started is over, with this status. */
  | { readonly kind: "settle"; readonly task: number; readonly status: TaskStatus }
  /** A task will never start. It may have been ready. */
  | { readonly kind: "skip"; readonly task: number }
  /** Every task is over. This is the last effect. */
  | { readonly kind: "finish" };

/** The input of a {@linkcode Scheduler}. */
interface ScheduleRequest {
  /** For each task the indices of those that it waits for. */
  readonly dependencies: readonly (readonly number[])[];
  readonly keepGoing: boolean;
  /** Services that run until they are cancelled, because they were requested. Default: none. */
  readonly kept?: ReadonlySet<number>;
}

/**
 * The schedule of one build. It is deterministic: the same inputs give the same effects. The cost
 * of an input depends on the number of tasks that it affects, not on the size of the build.
 */
export class Scheduler {
  /** For each task the indices of those that wait for it. */
  readonly #dependents: readonly (readonly number[])[];
  readonly #keepGoing: boolean;
  readonly #status: TaskStatus[];
  /** For each task the number of its unfinished dependencies. */
  readonly #missing: number[];
  readonly #kept: ReadonlySet<number>;
  /** The number of services that are serving, by whether they were requested. */
  readonly #serving = { kept: 0, others: 0 };
  #effects: SchedulerEffect[] = [];
  /** The number of tasks that are not over. */
  #open: number;
  /** True if no task may start any more. */
  #isEnding = false;
  #isCancelled = false;

  /** Creates the schedule. No task starts before the input `begin`. */
  constructor({ dependencies, keepGoing, kept = new Set() }: ScheduleRequest) {
    const dependents = dependencies.map((): number[] => []);
    dependencies.forEach((before, task) => {
      for (const other of before) dependents[other]?.push(task);
    });
    this.#dependents = dependents;
    this.#keepGoing = keepGoing;
    this.#kept = kept;
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
   * @throws {RangeError} if the input says that a task started which was not ready, or ended which
   *   was not running
   */
  feed(input: SchedulerInput): readonly SchedulerEffect[] {
    this.#effects = [];
    switch (input.kind) {
      case "begin":
        this.#begin();
        break;
      case "started":
        this.#start(input.task);
        break;
      case "serving":
        this.#serve(input.task);
        break;
      case "ended":
        this.#end(input.task, input.result);
        break;
      case "cancel":
        this.#cancel();
        break;
    }
    return this.#effects;
  }

  #begin(): void {
    this.#finishIfDone();
    this.#missing.forEach((missing, task) => {
      if (missing === 0 && this.#status[task] === "waiting") this.#makeReady(task);
    });
  }

  /** A task that was skipped since it became ready stays skipped. */
  #start(task: number): void {
    const before = this.#status[task];
    if (before === "skipped") return;
    if (before !== "ready") throw new RangeError(`Task ${task} started while it was ${before}`);
    this.#status[task] = "running";
  }

  /** A service that is being ended, or that has been ready before, changes nothing. */
  #serve(task: number): void {
    if (this.#status[task] !== "running") return;
    this.#status[task] = "serving";
    this.#countServing(task, 1);
    for (const dependent of this.#dependents[task] ?? []) this.#release(dependent);
    this.#finishIfDone();
  }

  #countServing(task: number, count: 1 | -1): void {
    if (this.#kept.has(task)) this.#serving.kept += count;
    else this.#serving.others += count;
  }

  #end(task: number, result: TaskResult): void {
    const before = this.#status[task];
    const wasServing = before === "serving";
    if (before !== "running" && before !== "ending" && before !== "stopping" && !wasServing) {
      throw new RangeError(`Task ${task} ended while it was ${before}`);
    }
    if (wasServing) this.#countServing(task, -1);
    // A cache hit is complete, and has been reported as such.
    const status = before === "ending" && result !== "cached"
      ? "cancelled"
      : before === "stopping"
      ? "succeeded"
      : result;
    this.#open--;
    this.#status[task] = status;
    this.#effects.push({ kind: "settle", task, status });
    if (status === "failed" && !this.#keepGoing) return this.#stop();
    if (status === "failed") this.#skipDependents(task);
    else if (before === "running") {
      for (const dependent of this.#dependents[task] ?? []) this.#release(dependent);
    }
    this.#finishIfDone();
  }

  #cancel(): void {
    if (this.#open === 0) return;
    this.#isCancelled = true;
    this.#stop();
  }

  /** Skips all waiting tasks and asks running ones to end. */
  #stop(): void {
    this.#isEnding = true;
    this.#status.forEach((status, task) => {
      if (status === "waiting" || status === "ready") this.#skip(task);
      if (status !== "running" && status !== "serving") return;
      if (status === "serving") this.#countServing(task, -1);
      this.#status[task] = "ending";
      this.#effects.push({ kind: "end", task });
    });
    this.#finishIfDone();
  }

  #skipDependents(task: number): void {
    const open = [task];
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      for (const dependent of this.#dependents[next] ?? []) {
        const status = this.#status[dependent];
        if (status !== "waiting" && status !== "ready") continue;
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
    if (missing === 0 && this.#status[task] === "waiting" && !this.#isEnding) this.#makeReady(task);
  }

  #makeReady(task: number): void {
    this.#status[task] = "ready";
    this.#effects.push({ kind: "ready", task });
  }

  #finishIfDone(): void {
    if (this.#open === 0) this.#effects.push({ kind: "finish" });
    const { kept, others } = this.#serving;
    if (this.#isEnding || kept > 0 || others === 0 || others < this.#open) return;
    // Nothing needs the services any more.
    this.#status.forEach((status, task) => {
      if (status !== "serving") return;
      this.#countServing(task, -1);
      this.#status[task] = "stopping";
      this.#effects.push({ kind: "end", task });
    });
  }
}
