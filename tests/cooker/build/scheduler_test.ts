import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import {
  Scheduler,
  type SchedulerEffect,
  type SchedulerInput,
  type TaskResult,
} from "../../../cooker/build/scheduler.ts";

/**
 * Feeds inputs to a scheduler and abbreviates its effects: `+0` start, `!0` end (`!0!` with force),
 * `=0 status` settle, `-0` skip.
 */
class Run {
  readonly scheduler: Scheduler;

  constructor(
    dependencies: number[][],
    options: { jobs?: number; keepGoing?: boolean; rank?: number[] } = {},
  ) {
    const { jobs = 8, keepGoing = false, rank } = options;
    const request = { dependencies, jobs, keepGoing };
    this.scheduler = new Scheduler(rank === undefined ? request : { ...request, rank });
  }

  feed(input: SchedulerInput): string[] {
    return this.scheduler.feed(input).map(brief);
  }

  begin(): string[] {
    return this.feed({ kind: "begin" });
  }

  ended(task: number, result: TaskResult = "succeeded"): string[] {
    return this.feed({ kind: "ended", task, result });
  }

  cancel(force = false): string[] {
    return this.feed({ kind: "cancel", force });
  }
}

function brief(effect: SchedulerEffect): string {
  switch (effect.kind) {
    case "start":
      return `+${effect.task}`;
    case "end":
      return `!${effect.task}${effect.force ? "!" : ""}`;
    case "settle":
      return `=${effect.task} ${effect.status}`;
    case "skip":
      return `-${effect.task}`;
    case "finish":
      return "finish";
  }
}

Deno.test("Scheduler starts a task as soon as all its dependencies have succeeded or hit", () => {
  const run = new Run([[], [0], [0], [1, 2]]);
  assertEquals(run.begin(), ["+0"]);
  assertEquals(run.ended(0), ["=0 succeeded", "+1", "+2"]);
  assertEquals(run.ended(2, "cached"), ["=2 cached"]);
  assertEquals(run.ended(1), ["=1 succeeded", "+3"]);
  assertEquals(run.ended(3), ["=3 succeeded", "finish"]);
});

Deno.test("Scheduler never runs more tasks at once than jobs, and starts smaller ranks first", () => {
  const run = new Run([[], [], [], []], { jobs: 2, rank: [3, 2, 1, 0] });
  assertEquals(run.begin(), ["+3", "+2"]);
  assertEquals(run.ended(3), ["=3 succeeded", "+1"]);
  assertEquals(run.ended(1), ["=1 succeeded", "+0"]);
});

Deno.test("Scheduler without tasks finishes at once", () => {
  assertEquals(new Run([]).begin(), ["finish"]);
});

Deno.test("Scheduler ends the running tasks and skips the rest after the first failure", () => {
  const run = new Run([[], [], [], [0], [3]], { jobs: 3 });
  assertEquals(run.begin(), ["+0", "+1", "+2"]);
  assertEquals(run.ended(1, "failed"), ["=1 failed", "!0", "!2", "-3", "-4"]);
  assertEquals(run.ended(0), ["=0 cancelled"]);
  assertEquals(run.ended(2, "failed"), ["=2 cancelled", "finish"]);
  assertEquals(run.scheduler.isCancelled, false);
});

Deno.test("Scheduler with keepGoing skips only the dependents of a failed task", () => {
  const run = new Run([[], [0], [1], [], [3]], { jobs: 1, keepGoing: true });
  assertEquals(run.begin(), ["+0"]);
  assertEquals(run.ended(0, "failed"), ["=0 failed", "-1", "-2", "+3"]);
  assertEquals(run.ended(3), ["=3 succeeded", "+4"]);
  assertEquals(run.ended(4, "failed"), ["=4 failed", "finish"]);
});

Deno.test("Scheduler ends the running tasks at a cancel, and forces their end at a second one with force", () => {
  const run = new Run([[], [], [0]]);
  run.begin();
  assertEquals(run.cancel(), ["!0", "!1", "-2"]);
  assertEquals(run.cancel(), []);
  assertEquals(run.ended(0), ["=0 cancelled"]);
  assertEquals(run.cancel(true), ["!1!"]);
  assertEquals(run.ended(1), ["=1 cancelled", "finish"]);
  assertEquals(run.cancel(true), []);
  assertEquals(run.scheduler.isCancelled, true);
});

Deno.test("Scheduler skips all tasks at a cancel before the beginning", () => {
  assertEquals(new Run([[], [0]]).cancel(), ["-0", "-1", "finish"]);
});

Deno.test("Scheduler throws if a task ends that is not running", () => {
  const run = new Run([[], [0]]);
  run.begin();
  assertThrows(() => run.ended(1), RangeError);
  run.ended(0);
  assertThrows(() => run.ended(0), RangeError);
});

const graphs = fc.array(fc.array(fc.nat(), { maxLength: 4 }), { maxLength: 25 }).map((rows) =>
  rows.map((row, index) => [...new Set(index === 0 ? [] : row.map((number) => number % index))])
);

Deno.test("Scheduler respects dependencies and jobs, and finishes exactly once, for any inputs", () => {
  const step = fc.record({
    pick: fc.nat(),
    result: fc.constantFrom<TaskResult>("succeeded", "succeeded", "succeeded", "cached", "failed"),
    cancel: fc.integer({ min: 0, max: 40 }),
  });
  const property = fc.property(
    graphs,
    fc.integer({ min: 1, max: 6 }),
    fc.boolean(),
    fc.infiniteStream(step),
    (dependencies, jobs, keepGoing, steps) => {
      const scheduler = new Scheduler({ dependencies, jobs, keepGoing });
      const running = new Set<number>();
      const ending = new Set<number>();
      const good = new Set<number>();
      const over = new Set<number>();
      let finishes = 0;
      let mayStart = true;
      const feed = (input: SchedulerInput): void => {
        for (const effect of scheduler.feed(input)) {
          assertEquals(finishes, 0);
          if (effect.kind === "finish") {
            finishes++;
            continue;
          }
          const { task } = effect;
          assertEquals(over.has(task), false);
          if (effect.kind === "start") {
            assertEquals(mayStart, true);
            assertEquals(running.has(task), false);
            assertEquals(dependencies[task]?.every((other) => good.has(other)), true);
            running.add(task);
          } else if (effect.kind === "end") {
            assertEquals(running.has(task), true);
            ending.add(task);
          } else {
            assertEquals(running.delete(task), effect.kind === "settle");
            over.add(task);
            if (effect.kind !== "settle") continue;
            assertEquals(effect.status === "cancelled", ending.has(task));
            if (effect.status === "succeeded" || effect.status === "cached") good.add(task);
          }
        }
        assertEquals(running.size <= jobs, true);
        assertEquals(finishes, over.size === dependencies.length ? 1 : 0);
      };
      feed({ kind: "begin" });
      for (const { pick, result, cancel } of steps) {
        if (finishes > 0) break;
        if (cancel < 2) {
          mayStart = false;
          feed({ kind: "cancel", force: cancel === 1 });
          continue;
        }
        assertEquals(running.size > 0, true);
        const task = [...running][pick % running.size] ?? 0;
        if (result === "failed" && !keepGoing && !ending.has(task)) mayStart = false;
        feed({ kind: "ended", task, result });
      }
    },
  );
  fc.assert(property, { numRuns: 300 });
});

Deno.test("Scheduler never leaves a job idle while a task could start", () => {
  fc.assert(fc.property(graphs, fc.integer({ min: 1, max: 4 }), (dependencies, jobs) => {
    const scheduler = new Scheduler({ dependencies, jobs, keepGoing: false });
    const { status } = scheduler;
    const isGood = (task: number): boolean => status[task] === "succeeded";
    scheduler.feed({ kind: "begin" });
    while (!status.every((_, task) => isGood(task))) {
      const could = dependencies.filter((before, task) =>
        status[task] === "waiting" && before.every(isGood)
      );
      const active = status.filter((each) => each === "running").length;
      assertEquals(could.length === 0 || active === jobs, true);
      const task = status.indexOf("running");
      scheduler.feed({ kind: "ended", task, result: "succeeded" });
    }
  }));
});
