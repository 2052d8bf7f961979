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

/** A build whose client can be suspended. */
type Suspendable = BuildNode & { isSuspended: boolean };

function node(build: string, signals: TaskSignal[] = []): Suspendable {
  return {
    isSuspended: false,
    detached: false,
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

/** Suspends a build's client. */
function suspend(build: Suspendable, execution: Execution): void {
  build.isSuspended = true;
  assertEquals(execution.pass("SIGTSTP"), true);
}

Deno.test("an execution is suspended when the clients of all builds that need it are", () => {
  const [one, other] = [node("1"), node("2")];
  const nested: TaskSignal[] = [];
  const { execution: shared, got } = execution(one);
  using _nested = shared.begin(node("3", nested));
  shared.join(other);
  suspend(one, shared);
  assertEquals([got, nested], [[], []]);
  suspend(other, shared);
  assertEquals([got, nested], [["SIGTSTP"], ["SIGTSTP"]]);
  one.isSuspended = false;
  shared.pass("SIGCONT");
  assertEquals([got, nested], [["SIGTSTP", "SIGCONT"], ["SIGTSTP", "SIGCONT"]]);
});

Deno.test("a suspended execution continues for a build that joins, and stops when that has left", () => {
  const [one, other] = [node("1"), node("2")];
  const { execution: shared, got } = execution(one);
  suspend(one, shared);
  shared.join(other);
  assertEquals(got, ["SIGTSTP", "SIGCONT"]);
  shared.leave(other, { kind: "end" });
  assertEquals(got, ["SIGTSTP", "SIGCONT", "SIGTSTP"]);
});
