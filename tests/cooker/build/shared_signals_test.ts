/** Signals to an execution that several builds share. */

import { assertEquals } from "@std/assert";
import { type BuildNode, Execution } from "../../../cooker/build/executions.ts";
import type { PlannedTask } from "../../../cooker/plan/plan.ts";
import type { TaskSignal } from "../../../wire/signals.ts";

const TASK: PlannedTask = {
  id: "gen",
  name: "gen",
  requested: true,
  dependencies: [],
  prefixed: false,
  cwd: "/project",
  key: "gen",
};

function node(build: string, signals: TaskSignal[] = []): BuildNode {
  return {
    build,
    command: "simmer run gen",
    jobs: 1,
    ended: Promise.resolve(),
    cancel: () => {},
    signal: (signal) => signals.push(signal) > 0,
  };
}

/** Starts an execution of a build, and records the signals that its processes get. */
function execution(
  build: BuildNode,
): { readonly execution: Execution; readonly got: TaskSignal[] } {
  const got: TaskSignal[] = [];
  const execution = new Execution(TASK, build, {
    slot: undefined,
    isShared: true,
    dependencies: () => new Map(),
    share: () => ({ known: undefined, cacheKey: undefined, baseline: undefined }),
  });
  execution.cancellation.onSignal((signal) => got.push(signal));
  return { execution, got };
}

Deno.test("a build does not suspend an execution that another build needs", () => {
  const [one, other] = [node("1"), node("2")];
  const nested: TaskSignal[] = [];
  const { execution: shared, got } = execution(one);
  using _nested = shared.begin(node("3", nested));
  shared.join(other);
  assertEquals(shared.pass("SIGTSTP"), true);
  assertEquals([got, nested], [[], []]);
  assertEquals(shared.leave(other, { kind: "end" }), false);
  assertEquals(shared.pass("SIGTSTP"), true);
  assertEquals([got, nested], [["SIGTSTP"], ["SIGTSTP"]]);
});

Deno.test("a build that joins after a suspension continues the execution", () => {
  const { execution: shared, got } = execution(node("1"));
  shared.pass("SIGTSTP");
  shared.join(node("2"));
  assertEquals(got, ["SIGTSTP", "SIGCONT"]);
});
