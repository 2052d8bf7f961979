import { assertEquals } from "@std/assert";
import { Builds, waitsFor } from "../../../client/ui/builds.ts";
import { naturalChoice, TaskChoice } from "../../../client/ui/task_choice.ts";
import { countsText } from "../../../client/ui/task_list.ts";
import type { SimmerEvent } from "../../../wire/events.ts";
import { begun, completed, failed, finished, queued, started } from "./events.ts";

function buildsOf(...events: readonly SimmerEvent[]): Builds {
  const builds = new Builds();
  for (const event of events) builds.apply(event);
  return builds;
}

function states(builds: Builds, build: string): string[] {
  return [...builds.get(build)?.tasks.values() ?? []].map(({ state }) => state);
}

Deno.test("Builds follows tasks from their queue to their end", () => {
  const stamp = { seq: 1, time: 5000 };
  const builds = buildsOf(
    started("b", 6),
    ...["a", "b", "c", "d", "e", "f"].map((task) =>
      queued("b", task, task === "f" ? ["d", "a"] : [])
    ),
    ...finished("b", "a"),
    ...failed("b", "b"),
    { type: "TaskCached", build: "b", task: "c", name: "c", fingerprint: "0", ...stamp },
    begun("b", "d"),
    { type: "KeyboardTaken", build: "b", task: "d", ...stamp },
    { type: "TaskCancelled", build: "b", task: "e", wasRunning: false, ...stamp },
  );
  assertEquals(states(builds, "b"), [
    "succeeded",
    "failed",
    "cached",
    "running",
    "skipped",
    "waiting",
  ]);
  const build = builds.get("b");
  const last = build?.tasks.get("f");
  assertEquals(build && countsText(build), "4/6 done, 1 cached, 1 failed");
  assertEquals(build && last && waitsFor(build, last), ["d"]);
  assertEquals(build?.tasks.get("d")?.hasKeyboard, true);
});

Deno.test("Builds marks what a killed server has left as lost, and keeps what had ended", () => {
  const builds = buildsOf(
    started("b", 3),
    queued("b", "a", []),
    queued("b", "b", []),
    queued("b", "c", []),
    ...finished("b", "a"),
    begun("b", "b"),
  );
  for (const build of builds.all) builds.lose(build);
  assertEquals(states(builds, "b"), ["succeeded", "lost", "lost"]);
  assertEquals(builds.get("b")?.outcome, "lost");
});

Deno.test("Builds keeps a bounded number of ended builds, and every build in progress", () => {
  const builds = new Builds();
  builds.apply(started("b00", 1));
  for (let number = 10; number < 60; number++) {
    builds.apply(started(`b${number}`, 1));
    builds.apply(completed(`b${number}`));
  }
  assertEquals(builds.all.length, 8);
  assertEquals(builds.all[0]?.id, "b00");
  assertEquals(builds.all.at(-1)?.id, "b59");
});

Deno.test("a build that is read late is sorted by its id", () => {
  const builds = buildsOf(started("b2", 1));
  builds.add("b1", { pid: 1, command: "x" });
  assertEquals(builds.all.map(({ id }) => id), ["b1", "b2"]);
});

Deno.test("the view shows a running task, then one that has failed, until the person chooses", () => {
  const builds = buildsOf(started("b", 3), ...["a", "b", "c"].map((task) => queued("b", task, [])));
  const choice = new TaskChoice(builds);
  const chosen = (): string | undefined => {
    choice.update();
    return choice.chosen?.task.id;
  };
  assertEquals(chosen(), "a");
  builds.apply(begun("b", "b"));
  assertEquals(chosen(), "b");
  for (const event of failed("b", "c")) builds.apply(event);
  assertEquals(chosen(), "b");
  for (const event of finished("b", "b")) builds.apply(event);
  assertEquals(chosen(), "c");
  choice.step(-2);
  assertEquals(chosen(), "a");
  builds.apply(started("later", 1));
  builds.apply(queued("later", "x", []));
  assertEquals(chosen(), "a");
  assertEquals(choice.nextFailure(), true);
  assertEquals(chosen(), "c");
  assertEquals(naturalChoice(builds.all, undefined), { build: "later", task: "x" });
});

Deno.test("a task that is run again is chosen as soon as its build is known", () => {
  const builds = buildsOf(started("b1", 1), queued("b1", "app#a", []));
  const choice = new TaskChoice(builds);
  choice.expect("b2", "a");
  choice.update();
  assertEquals(choice.chosen?.build.id, "b1");
  for (const event of [started("b2", 2), queued("b2", "app#a", []), queued("b2", "app#b", [])]) {
    builds.apply(event);
  }
  choice.update();
  assertEquals([choice.chosen?.build.id, choice.chosen?.task.id], ["b2", "app#a"]);
});
