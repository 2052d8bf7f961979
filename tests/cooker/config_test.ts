import { assertEquals, assertThrows } from "@std/assert";
import { placeOf } from "../../cooker/config/jsonc.ts";
import { readDenoConfig, readPackageJson, type TaskFile } from "../../cooker/config/tasks.ts";
import { projectErrorData, WireError } from "../../wire/errors.ts";

function deno(text: string): TaskFile {
  return readDenoConfig({ file: "/p/deno.json", text }, "/p");
}

function npm(text: string): TaskFile {
  return readPackageJson({ file: "/p/package.json", text }, "/p");
}

function commands(file: TaskFile): [string, string | undefined][] {
  return [...file.tasks].map(([name, task]) => [name, task.command]);
}

Deno.test("A task is a string or an object with its fields", () => {
  const file = deno(`{
    // comments and trailing commas are fine
    "name": "@a/b",
    "tasks": {
      "one": "echo 1",
      "two": {
        "description": "the second",
        "command": "echo 2",
        "dependencies": ["one"],
        "files": ["src/**"],
        "output": ["dist"],
        "env": ["MODE"],
        "unknown": { "is": "ignored" },
      },
      "group": { "dependencies": ["one", "two"] },
    },
  }`);
  assertEquals(file.packageName, "@a/b");
  const { origin: _, ...two } = file.tasks.get("two") ?? { origin: file };
  assertEquals(two, {
    name: "two",
    description: "the second",
    command: "echo 2",
    dependencies: ["one"],
    files: ["src/**"],
    output: ["dist"],
    env: ["MODE"],
  });
  assertEquals(commands(file), [["one", "echo 1"], ["two", "echo 2"], ["group", undefined]]);
});

Deno.test("Order is kept, the last duplicate wins, and any string is a name", () => {
  const file = deno(
    `{"tasks": {"b": "1", "a": "2", "b": "3", "1bad": "4", "we ird": "5", "": "6"}}`,
  );
  assertEquals(commands(file), [
    ["b", "3"],
    ["a", "2"],
    ["1bad", "4"],
    ["we ird", "5"],
    ["", "6"],
  ]);
  assertEquals(commands(deno(`{"tasks": {"__proto__": "x"}}`)), [["__proto__", "x"]]);
});

Deno.test("Empty files, no tasks, null tasks and missing commas are accepted", () => {
  for (const text of ["", "  \n", "{}", `{"tasks": null}`, `{"tasks": {}}`, "\ufeff{}"]) {
    assertEquals(commands(deno(text)), []);
  }
  assertEquals(commands(deno(`{"tasks": {"a": "1" "b": "2"}}`)), [["a", "1"], ["b", "2"]]);
});

Deno.test("A mistake in a config says what, and at which line and column", () => {
  const cases: [text: string, line: number, column: number, part: string][] = [
    [`{\n  "tasks": {\n    "a": 5\n  }\n}`, 3, 10, `the task "a" is a string or an object`],
    [`{"tasks": {"a": null}}`, 1, 17, "but here is null"],
    [`{"tasks": {"a": [1]}}`, 1, 17, "but here is a list"],
    [`{"tasks": []}`, 1, 11, `"tasks" is an object`],
    [`{"tasks": {"a": {"command": 5}}}`, 1, 29, `"command" of the task "a" is a string`],
    [`{"tasks": {"a": {"description": {}}}}`, 1, 33, "but here is an object"],
    [`{"tasks": {"a": {"dependencies": "b"}}}`, 1, 34, "is a list of strings"],
    [`{"tasks": {"a": {"dependencies": null}}}`, 1, 34, "is a list of strings"],
    [`{"tasks": {"a":\n {"files": ["x", true]}}}`, 2, 18, "but here is the boolean true"],
    [`{\n"tasks": {,}}`, 2, 11, "expected"],
    [`{\n"tasks": {"a": "x`, 2, 16, "the string is not closed"],
    [`{"tasks": {"a": "x"}`, 1, 21, "a closing brace is expected"],
  ];
  for (const [text, line, column, part] of cases) {
    const error = assertThrows(() => deno(text), WireError, part);
    assertEquals(projectErrorData(error), {
      kind: "invalid-config",
      file: "/p/deno.json",
      line,
      column,
    }, text);
    assertEquals(
      error.message.startsWith(`Invalid config: /p/deno.json:${line}:${column}: `),
      true,
    );
  }
});

Deno.test("Scripts of a package.json are its strings, numbers and booleans", () => {
  const file = npm(`{
    "name": "pkg", "version": "1.2.3",
    "scripts": {"a": "echo 1", "b": 5, "c": null, "d": true, "e": {}, "a": "echo 2"},
    "config": {"port": 80, "deep": {"list": [1, null, "x"]}, "none": null, "off": false}
  }`);
  assertEquals(commands(file), [["a", "echo 2"], ["b", "5"], ["d", "true"]]);
  assertEquals(file.facts?.name, "pkg");
  assertEquals(file.facts?.version, "1.2.3");
  assertEquals([...file.facts?.config ?? []], [
    ["port", "80"],
    ["deep_list_0", "1"],
    ["deep_list_1", ""],
    ["deep_list_2", "x"],
    ["none", ""],
    ["off", "false"],
  ]);
});

Deno.test("A package.json is strict JSON", () => {
  for (const text of [`{"scripts": {"a": "x",}}`, `{ // c\n}`, `{"a": 1 "b": 2}`]) {
    const error = assertThrows(() => npm(text), WireError, "Invalid config: /p/package.json:1:");
    assertEquals(projectErrorData(error)?.kind, "invalid-config");
  }
  assertEquals(commands(npm(`{"scripts": []}`)), []);
  assertEquals(commands(npm(``)), []);
});

Deno.test("Places count lines and columns from 1", () => {
  assertEquals(placeOf("ab\ncd", 0), { line: 1, column: 1 });
  assertEquals(placeOf("ab\ncd", 4), { line: 2, column: 2 });
  assertEquals(placeOf("ab\r\ncd", 4), { line: 2, column: 1 });
});
