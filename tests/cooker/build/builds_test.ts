/** Several builds at once, with commands that the test ends. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { ioTurn } from "../../../system/macrotask.ts";
import type { SimmerEvent } from "../../../wire/events.ts";
import { BuildsRig, type FakeCommand, type RigBuild } from "./builds_rig.ts";

const CONFIG = {
  dev: { command: "dev" },
  other: { command: "other" },
  part: { command: "part", files: ["part.txt"] },
  whole: { command: "whole", files: ["whole.txt"], dependencies: ["part"] },
  strange: { command: "strange", files: ["missing.txt"] },
};

function create(): BuildsRig {
  return BuildsRig.create({
    "deno.json": JSON.stringify({ tasks: CONFIG }),
    "part.txt": "part\n",
    "whole.txt": "whole\n",
  });
}

/** Resolves with the command that runs a task, as soon as it has started. */
async function running(rig: BuildsRig, task: string, of?: RigBuild): Promise<FakeCommand> {
  const find = (): FakeCommand | undefined =>
    rig.running.find((each) => each.task === task && (of === undefined || each.starter === of));
  await rig.until(() => find() !== undefined, () => `${task} never ran: ${rig.describe()}`);
  return find() ?? await running(rig, task, of);
}

/** Resolves when a build has seen an event of a task. */
async function seen(
  rig: BuildsRig,
  build: RigBuild,
  type: SimmerEvent["type"],
  task: string,
): Promise<void> {
  const has = (): boolean =>
    build.events.some((event) => event.type === type && "task" in event && event.task === task);
  await rig.until(has, () => `no ${type} of ${task}: ${rig.describe()}`);
}

/** Lets all work go on that nothing holds up. */
async function quiet(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await ioTurn();
}

Deno.test("a build that waits for a slot joins an execution of its task that begins meanwhile", async () => {
  await using rig = create();
  rig.start({ tasks: ["dev"], jobs: 1 });
  const dev = await running(rig, "dev");
  const builds = [1, 2, 3].map(() => rig.start({ tasks: ["part"], jobs: 1 }));
  await quiet();
  dev.end(0);
  const part = await running(rig, "part");
  for (const build of builds) await seen(rig, build, "TaskStarted", "part");
  part.write("output\n");
  part.end(7);
  for (const build of builds) {
    await build.over;
    assertEquals([build.code, build.outputOf("part")], [7, "output\n"]);
  }
  assertEquals(rig.commands.length, 2);
});

Deno.test("builds that have joined a task whose result is not stored yet also join its dependents", async () => {
  await using rig = create();
  const builds = [1, 2, 3].map(() => rig.start({ tasks: ["whole"], jobs: 2 }));
  const part = await running(rig, "part");
  for (const build of builds) await seen(rig, build, "TaskStarted", "part");
  part.end(0);
  const whole = await running(rig, "whole");
  for (const build of builds) await seen(rig, build, "TaskStarted", "whole");
  whole.write("output\n");
  await rig.finish(() => 0);
  assertEquals(builds.map((build) => build.outputOf("whole")), Array(3).fill("output\n"));
  assertEquals(rig.commands.length, 2);
});

Deno.test("a nested build gets the slot that its task has lent, although another build has waited longer", async () => {
  await using rig = create();
  rig.start({ tasks: ["dev"], jobs: 1 });
  const dev = await running(rig, "dev");
  const other = rig.start({ tasks: ["other"], jobs: 1 });
  await quiet();
  const nested = rig.start({ tasks: ["part"], jobs: 1, inside: dev });
  const part = await running(rig, "part", nested);
  part.end(0);
  await nested.over;
  await rig.finish(() => 0);
  assertEquals([nested.code, other.code], [0, 0]);
});

Deno.test("a task that starts itself is an error, even if its inputs cannot be hashed", async () => {
  await using rig = create();
  rig.start({ tasks: ["strange"], jobs: 1 });
  const strange = await running(rig, "strange");
  const nested = rig.start({ tasks: ["strange"], jobs: 1, inside: strange });
  await nested.over;
  const failed = nested.events.find((event) => event.type === "TaskFailed");
  assertEquals(nested.code, 5);
  assertStringIncludes(JSON.stringify(failed), "strange → strange");
  await rig.finish(() => 0);
});

Deno.test("a build that waits for an execution that it cannot join says so, and leaves when asked", async () => {
  await using rig = create();
  rig.start({ tasks: ["strange"], jobs: 2 });
  await running(rig, "strange");
  const waiting = rig.start({ tasks: ["strange"], jobs: 2 });
  await rig.until(() => waiting.waitsFor.length > 0, () => "it waits for nothing");
  waiting.cancel({ kind: "signal", signal: "SIGINT" });
  await waiting.over;
  assertEquals([waiting.code, rig.running.length], [130, 1]);
  await rig.finish(() => 0);
});

Deno.test("processes that a task has left are ended, although its client is cancelled while it still reads the output", async () => {
  await using rig = create();
  const [starter, other] = [1, 2].map(() => rig.start({ tasks: ["part"], jobs: 1 }));
  assert(starter !== undefined && other !== undefined);
  const part = await running(rig, "part", starter);
  await seen(rig, other, "TaskStarted", "part");
  starter.stall();
  part.write("output\n");
  await rig.until(() => other.outputOf("part") !== "", () => rig.describe());
  let ends = 0;
  part.end(0, {
    end: () => {
      ends++;
      return Promise.resolve();
    },
  });
  await other.over;
  starter.cancel({ kind: "signal", signal: "SIGINT" });
  starter.flow();
  await starter.over;
  assertEquals(ends, 1);
});

Deno.test("processes that a task has left are ended if the build that started it has left before", async () => {
  await using rig = create();
  const [starter, other] = [1, 2].map(() => rig.start({ tasks: ["part"], jobs: 1 }));
  assert(starter !== undefined && other !== undefined);
  const part = await running(rig, "part", starter);
  await seen(rig, other, "TaskStarted", "part");
  starter.cancel({ kind: "end" });
  await starter.over;
  let ends = 0;
  part.end(0, {
    end: () => {
      ends++;
      return Promise.resolve();
    },
  });
  await other.over;
  assertEquals([starter.code, other.code, ends], [130, 0, 1]);
});

Deno.test("builds that look up one result at once replay its output each as requested", async () => {
  await using rig = create();
  rig.start({ tasks: ["part"], jobs: 1 });
  (await running(rig, "part")).write("output\n");
  await rig.finish(() => 0);
  const builds = (["none", "full", "none", "full"] as const).map((replayLogs) =>
    rig.start({ tasks: ["part"], jobs: 2, replayLogs })
  );
  await rig.finish(() => 0);
  assertEquals(rig.commands.length, 1);
  assertEquals(builds.map((build) => build.outputOf("part")), ["", "output\n", "", "output\n"]);
});
