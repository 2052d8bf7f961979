import { assert, assertEquals, assertThrows } from "@std/assert";
import { matchStars } from "../../../project/stars.ts";
import { nearestName, TaskPattern } from "../../../cooker/plan/task_names.ts";
import { commandLine, quoteArgument } from "../../../wire/quoting.ts";
import { WireError } from "../../../wire/errors.ts";

Deno.test("a wildcard matches a whole name, with any characters for a star, and can exclude names", () => {
  const cases: [pattern: string, name: string, matches: boolean][] = [
    ["test*", "test", true],
    ["test*", "test:unit", true],
    ["test:*", "test", false],
    ["*test", "test:unit", false],
    ["*test", "unit test", true],
    ["b*d", "build", true],
    ["b*d", "builder", false],
    ["a.c*", "abc", false],
    ["*", "", true],
    ["*", "two\nlines", true],
    ["t*:*", "t:", true],
    ["test:*(!e2e)", "test:e2e", false],
    ["test:*(!e2e)", "test:e2e:smoke", true],
    ["test:*(!e2e|unit)", "test:unit", false],
    ["*:*(!b)", "a:b", false],
    ["*(!build)", "build", false],
    ["*(!build)", "builds", true],
    ["(!x)*", "(!x)y", true],
  ];
  for (const [pattern, name, matches] of cases) {
    assertEquals(TaskPattern.isPattern(pattern), true);
    assertEquals(TaskPattern.parse(pattern).matches(name), matches, `${pattern} on ${name}`);
  }
});

Deno.test("a name without a star is not a wildcard, and cannot exclude names", () => {
  assertEquals(TaskPattern.isPattern("test"), false);
  assertEquals(TaskPattern.isPattern("test (x)"), false);
  assertThrows(() => TaskPattern.parse("test(!e2e)"), WireError, "has no wildcard");
});

Deno.test("nearestName suggests the most similar name, or none if all are too different", () => {
  const names = ["build", "test", "test:unit", "Lint"];
  const cases: [typed: string, nearest: string | undefined][] = [
    ["buidl", "build"],
    ["biuld", "build"],
    ["tests", "test"],
    ["test-unit", "test:unit"],
    ["lint", "Lint"],
    ["deploy", undefined],
    ["x", undefined],
  ];
  for (const [typed, nearest] of cases) assertEquals(nearestName(typed, names), nearest, typed);
  assertEquals(nearestName("a", []), undefined);
});

Deno.test("arguments are quoted so that the shell does not change them", () => {
  assertEquals(quoteArgument(""), "''");
  assertEquals(quoteArgument("a b"), "'a b'");
  assertEquals(quoteArgument("it's"), `'it'"'"'s'`);
  assertEquals(commandLine("echo", ["$X", "*"]), "echo '$X' '*'");
  assertEquals(commandLine(" echo hi ", []), "echo hi");
});

Deno.test("matchStars captures what a regular expression captures, for any pattern and text", () => {
  let seed = 11;
  const next = (below: number): number =>
    Math.floor((seed = (seed * 1103515245 + 12345) % 2 ** 31) / 2 ** 31 * below);
  const random = (letters: string, length: number): string =>
    Array.from({ length }, () => letters[next(letters.length)]).join("");
  let matched = 0;
  for (let round = 0; round < 20_000; round++) {
    const [pattern, text] = [random("ab**", next(7)), random("ab", next(9))];
    const source = pattern.split("*").map(RegExp.escape).join("(.*)");
    const expected = new RegExp(`^${source}$`, "su").exec(text)?.slice(1);
    assertEquals(matchStars(pattern, text), expected && [...expected], `${pattern} on ${text}`);
    if (expected !== undefined) matched++;
  }
  assert(matched > 1000, `only ${matched} matched`);
});

Deno.test("a wildcard with many stars matches a long name without exponential backtracking", () => {
  // A regular expression would backtrack and not finish in practice.
  const name = "a".repeat(10_000);
  assertEquals(TaskPattern.parse(`${"*a".repeat(50)}b`).matches(name), false);
  assertEquals(TaskPattern.parse(`${"*a".repeat(50)}*`).matches(name), true);
  assertEquals(TaskPattern.parse("*a".repeat(50).concat("(!b)")).matches(name), true);
});
