import { assert, assertEquals } from "@std/assert";
import { excerpt, MAX_CANDIDATES, MAX_NEAR_LENGTH, nearNames } from "../../wire/near_names.ts";
import { availableTasks, nearestName } from "../../cooker/plan/task_names.ts";
import { nearestName as nearestWord } from "../../client/args/nearest.ts";

Deno.test("nearNames sorts by edits, then by input order, and returns at most the requested number", () => {
  const names = ["test", "text", "tests", "build", "Test"];
  const near = nearNames("test", names, 4);
  assertEquals(near.map(({ name }) => name), ["test", "Test", "text", "tests"]);
  assertEquals(near.map(({ edits }) => edits), [0, 0, 1, 1]);
  assertEquals(nearNames("test", [], 4), []);
  assertEquals(nearNames("test", names, 0), []);
});

Deno.test("nearNames with a limit returns the first names of a search without a limit", () => {
  const names = Array.from(
    { length: 300 },
    (_, i) => `task-${(i * 7919) % 1009}`.repeat(1 + i % 3),
  );
  for (const typed of ["task-5", "tsak-1000", "", "task-12task-12", "zzz"]) {
    const all = nearNames(typed, names, names.length);
    assertEquals(nearNames(typed, names, 10), all.slice(0, 10), typed);
  }
});

Deno.test("long names and names after the first 20,000 are not compared", () => {
  const long = "x".repeat(MAX_NEAR_LENGTH + 1);
  assertEquals(nearNames(long, [long], 1), []);
  assertEquals(nearNames("x", [long], 1), []);
  const many = [...new Array<string>(MAX_CANDIDATES).fill("y"), "x"];
  assertEquals(nearNames("x", many, 1), [{ name: "y", edits: 1 }]);
  assertEquals(nearestName("x".repeat(15 * 1024 ** 2), ["xx"]), undefined);
  assertEquals(nearestWord("y".repeat(15 * 1024 ** 2), ["xx"]), undefined);
});

Deno.test("availableTasks lists all of ten tasks, and the ten nearest of more", () => {
  const ten = Array.from({ length: 10 }, (_, i) => `t${9 - i}`);
  assertEquals(availableTasks("x", ten), ["Available tasks:", ...ten.map((name) => `- ${name}`)]);
  const many = Array.from({ length: 50_000 }, (_, i) => `t${i}`);
  const lines = availableTasks("t77", many);
  assertEquals(lines.length, 11);
  assertEquals(
    lines[0],
    "Available tasks, the nearest 10 of 50000 ('simmer tasks' lists all):",
  );
  assertEquals(lines.slice(1, 3), ["- t77", "- t7"]);
  assert(availableTasks("x".repeat(1000), many)[0]?.includes("the first 10 of 50000"));
  const huge = availableTasks("x", ["n".repeat(1024 ** 2)]);
  assert(huge.join("").length < 300);
});

Deno.test("excerpt returns a short text unchanged, and the beginning of a long one with its length", () => {
  assertEquals(excerpt("a".repeat(200)), "a".repeat(200));
  assertEquals(excerpt("a".repeat(201)), `${"a".repeat(200)}… (201 characters)`);
  assertEquals(excerpt(`${"a".repeat(199)}😀`), `${"a".repeat(199)}\ufffd… (201 characters)`);
});
