import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import {
  Scheduler,
  type SchedulerEffect,
  type SchedulerInput,
  type TaskResult,
} from "../../../cooker/build/scheduler.ts";

/**
 * Feeds inputs to a scheduler and abbreviates its effects: `?0` ready, `!0` end, `=0 status` settle,
 * `-0` skip.
 */
class Run {
  readonly scheduler: Scheduler;

  constructor(dependencies: number[][], keepGoing = false, kept: readonly number[] = []) {
    this.scheduler = new Scheduler({ dependencies, keepGoing, kept: new Set(kept) });
  }

  feed(input: SchedulerInput): string[] {
    return this.scheduler.feed(input).map(brief);
  }

  begin(): string[] {
    return this.feed({ kind: "begin" });
  }

  started(...tasks: number[]): string[] {
    return tasks.flatMap((task) => this.feed({ kind: "started", task }));
  }

  ended(task: number, result: TaskResult = "succeeded"): string[] {
    return this.feed({ kind: "ended", task, result });
  }

  serving(task: number): string[] {
    return this.feed({ kind: "serving", task });
  }

  cancel(): string[] {
    return this.feed({ kind: "cancel" });
  }
}

function brief(effect: SchedulerEffect): string {
  switch (effect.kind) {
    case "ready":
      return `?${effect.task}`;
    case "end":
      return `!${effect.task}`;
    case "settle":
      return `=${effect.task} ${effect.status}`;
    case "skip":
      return `-${effect.task}`;
    case "finish":
      return "finish";
  }
}

Deno.test("Scheduler reports a task as ready as soon as all its dependencies have succeeded or hit", () => {
  const run = new Run([[], [0], [0], [1, 2]]);
  assertEquals(run.begin(), ["?0"]);
  assertEquals(run.started(0), []);
  assertEquals(run.ended(0), ["=0 succeeded", "?1", "?2"]);
  run.started(1, 2);
  assertEquals(run.ended(2, "cached"), ["=2 cached"]);
  assertEquals(run.ended(1), ["=1 succeeded", "?3"]);
  run.started(3);
  assertEquals(run.ended(3), ["=3 succeeded", "finish"]);
});

Deno.test("Scheduler without tasks finishes at once", () => {
  assertEquals(new Run([]).begin(), ["finish"]);
});

Deno.test("Scheduler ends the running tasks and skips the rest after the first failure", () => {
  const run = new Run([[], [], [], [0], []]);
  assertEquals(run.begin(), ["?0", "?1", "?2", "?4"]);
  run.started(0, 1, 2);
  assertEquals(run.ended(1, "failed"), ["=1 failed", "!0", "!2", "-3", "-4"]);
  assertEquals(run.ended(0), ["=0 cancelled"]);
  assertEquals(run.ended(2, "failed"), ["=2 cancelled", "finish"]);
  assertEquals(run.scheduler.isCancelled, false);
});

Deno.test("Scheduler with keepGoing skips only the dependents of a failed task", () => {
  const run = new Run([[], [0], [1], [], [3]], true);
  assertEquals(run.begin(), ["?0", "?3"]);
  run.started(0, 3);
  assertEquals(run.ended(0, "failed"), ["=0 failed", "-1", "-2"]);
  assertEquals(run.ended(3), ["=3 succeeded", "?4"]);
  run.started(4);
  assertEquals(run.ended(4, "failed"), ["=4 failed", "finish"]);
});

Deno.test("Scheduler asks each running task once to end at a cancel", () => {
  const run = new Run([[], [], [0], []]);
  run.begin();
  run.started(0, 1);
  assertEquals(run.cancel(), ["!0", "!1", "-2", "-3"]);
  assertEquals(run.cancel(), []);
  assertEquals(run.started(3), []);
  assertEquals(run.ended(0), ["=0 cancelled"]);
  assertEquals(run.ended(1), ["=1 cancelled", "finish"]);
  assertEquals(run.cancel(), []);
  assertEquals(run.scheduler.isCancelled, true);
});

Deno.test("Scheduler starts the dependents of a service when it is ready, and ends it after the last task", () => {
  const run = new Run([[], [0], []]);
  run.begin();
  run.started(0, 2);
  assertEquals(run.serving(0), ["?1"]);
  assertEquals(run.serving(0), []);
  run.started(1);
  assertEquals(run.ended(2), ["=2 succeeded"]);
  assertEquals(run.ended(1), ["=1 succeeded", "!0"]);
  assertEquals(run.ended(0, "failed"), ["=0 succeeded", "finish"]);
});

Deno.test("Scheduler keeps a requested service, and all services beside it, until a cancel", () => {
  const run = new Run([[], [0]], false, [1]);
  run.begin();
  run.started(0);
  assertEquals(run.serving(0), ["?1"]);
  run.started(1);
  assertEquals(run.serving(1), []);
  assertEquals(run.cancel(), ["!0", "!1"]);
  assertEquals(run.ended(1), ["=1 cancelled"]);
  assertEquals(run.ended(0), ["=0 cancelled", "finish"]);
});

Deno.test("Scheduler fails with a service that dies, and skips what depends on one that is never ready", () => {
  const run = new Run([[], [0]]);
  run.begin();
  run.started(0);
  run.serving(0);
  run.started(1);
  assertEquals(run.ended(0, "failed"), ["=0 failed", "!1"]);
  const other = new Run([[], [0], []], true);
  other.begin();
  other.started(0, 2);
  assertEquals(other.ended(0, "failed"), ["=0 failed", "-1"]);
  assertEquals(other.ended(2), ["=2 succeeded", "finish"]);
});

Deno.test("Scheduler goes on with the other services when a requested one ends", () => {
  const run = new Run([[], []], false, [0, 1]);
  run.begin();
  run.started(0, 1);
  run.serving(0);
  run.serving(1);
  assertEquals(run.ended(0), ["=0 succeeded"]);
  assertEquals(run.ended(1), ["=1 succeeded", "finish"]);
});

Deno.test("Scheduler skips all tasks at a cancel before the beginning", () => {
  assertEquals(new Run([[], [0]]).cancel(), ["-0", "-1", "finish"]);
});

Deno.test("Scheduler throws if a task starts that is not ready, or ends that is not running", () => {
  const run = new Run([[], [0]]);
  run.begin();
  assertThrows(() => run.started(1), RangeError);
  assertThrows(() => run.ended(0), RangeError);
  run.started(0);
  run.ended(0);
  assertThrows(() => run.ended(0), RangeError);
});

const graphs = fc.array(fc.array(fc.nat(), { maxLength: 4 }), { maxLength: 25 }).map((rows) =>
  rows.map((row, index) => [...new Set(index === 0 ? [] : row.map((number) => number % index))])
);

Deno.test("Scheduler respects dependencies, and finishes exactly once, for any inputs", () => {
  const step = fc.record({
    pick: fc.nat(),
    result: fc.constantFrom<TaskResult>("succeeded", "succeeded", "succeeded", "cached", "failed"),
    cancel: fc.integer({ min: 0, max: 40 }),
  });
  const property = fc.property(
    graphs,
    fc.boolean(),
    fc.infiniteStream(step),
    (dependencies, keepGoing, steps) => {
      const scheduler = new Scheduler({ dependencies, keepGoing });
      const ready = new Set<number>();
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
          if (effect.kind === "ready") {
            assertEquals(mayStart, true);
            assertEquals(running.has(task) || ready.has(task), false);
            assertEquals(dependencies[task]?.every((other) => good.has(other)), true);
            ready.add(task);
          } else if (effect.kind === "end") {
            assertEquals(running.has(task), true);
            ending.add(task);
          } else {
            assertEquals(running.delete(task), effect.kind === "settle");
            ready.delete(task);
            over.add(task);
            if (effect.kind !== "settle") continue;
            const isHit = input.kind === "ended" && input.result === "cached";
            assertEquals(effect.status === "cancelled", ending.has(task) && !isHit);
            if (effect.status === "succeeded" || effect.status === "cached") good.add(task);
          }
        }
        assertEquals(finishes, over.size === dependencies.length ? 1 : 0);
      };
      feed({ kind: "begin" });
      for (const { pick, result, cancel } of steps) {
        if (finishes > 0) break;
        if (cancel < 2) {
          mayStart = false;
          feed({ kind: "cancel" });
          continue;
        }
        const next = [...ready][pick % ready.size];
        if (next !== undefined && (running.size === 0 || pick % 2 === 0)) {
          ready.delete(next);
          running.add(next);
          feed({ kind: "started", task: next });
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
