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
  counted: [],
  prefixed: false,
  cwd: "/project",
  key: "gen",
};

/** A build whose client can be suspended. */
class Node implements BuildNode {
  readonly build: string;
  readonly command = "simmer run gen";
  readonly jobs = 1;
  readonly detached: boolean;
  readonly ended = Promise.resolve();
  /** The signals that the build has got. */
  readonly signals: TaskSignal[] = [];
  isSuspended = false;

  constructor(build: string, detached = false) {
    this.build = build;
    this.detached = detached;
  }

  cancel(): void {}

  signal(signal: TaskSignal): boolean {
    this.signals.push(signal);
    return true;
  }

  requestSuspension(): boolean {
    return false;
  }

  /** Suspends or continues the build and an execution that it needs. */
  send(signal: "SIGTSTP" | "SIGCONT", execution: Execution): void {
    this.isSuspended = signal === "SIGTSTP";
    assertEquals(execution.pass(signal), true);
  }
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

Deno.test("an execution is suspended while all builds that need it are, and nested builds follow", () => {
  const [one, other, nested, detached] = [
    new Node("1"),
    new Node("2"),
    new Node("3"),
    new Node("4", true),
  ];
  const { execution: shared, got } = execution(one);
  using _nested = shared.begin(nested);
  using _detached = shared.begin(detached);
  shared.join(other);
  one.send("SIGTSTP", shared);
  assertEquals([got, nested.signals], [[], []]);
  other.send("SIGTSTP", shared);
  assertEquals([got, nested.signals], [["SIGTSTP"], ["SIGTSTP"]]);
  other.send("SIGCONT", shared);
  // A client of a nested build passes the signal on, too.
  nested.send("SIGCONT", shared);
  assertEquals([got, nested.signals], [["SIGTSTP", "SIGCONT"], ["SIGTSTP", "SIGCONT"]]);
  assertEquals(shared.leave(other, { kind: "end" }), false);
  assertEquals(got, ["SIGTSTP", "SIGCONT", "SIGTSTP"]);
  assertEquals(detached.signals, []);
});

Deno.test("a build that joins after a suspension continues the execution", () => {
  const one = new Node("1");
  const { execution: shared, got } = execution(one);
  one.send("SIGTSTP", shared);
  shared.join(new Node("2"));
  assertEquals(got, ["SIGTSTP", "SIGCONT"]);
});

Deno.test("the execution and the nested builds of a suspended build begin suspended", async () => {
  const one = new Node("1");
  one.isSuspended = true;
  const { execution: own } = execution(one);
  const nested = new Node("2");
  using _nested = own.begin(nested);
  assertEquals([own.isSuspended, nested.signals], [true, ["SIGTSTP"]]);
  const started = own.cancellation.mayStart();
  one.send("SIGCONT", own);
  await started;
});
