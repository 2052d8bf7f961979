import { assertEquals, assertThrows } from "@std/assert";
import { placeOf } from "../../../cooker/config/jsonc.ts";
import { readDenoConfig, readPackageJson, type TaskFile } from "../../../cooker/config/tasks.ts";
import { settingsSchemaText } from "../../../docs/write_protocol.ts";
import { projectErrorData, WireError } from "../../../wire/errors.ts";

function deno(text: string): TaskFile {
  return readDenoConfig({ file: "/p/deno.json", text }, "/p");
}

function npm(text: string): TaskFile {
  return readPackageJson({ file: "/p/package.json", text }, "/p");
}

function commands(file: TaskFile): [string, string | undefined][] {
  return [...file.tasks].map(([name, task]) => [name, task.command]);
}

Deno.test("a task is a string or an object, whose unknown fields are noted", () => {
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
  const { origin: _, declaredIn, ...two } = file.tasks.get("two") ?? { origin: file };
  assertEquals(declaredIn, { source: "deno.json", file: "/p/deno.json", line: 6 });
  assertEquals(file.notes, [
    `/p/deno.json:13: "unknown" of the task "two" is unknown and has no effect`,
  ]);
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

Deno.test("tasks keep their order, the last duplicate wins, and any string is a valid name", () => {
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

Deno.test("empty files, missing or null tasks, and missing commas are accepted", () => {
  for (const text of ["", "  \n", "{}", `{"tasks": null}`, `{"tasks": {}}`, "\ufeff{}"]) {
    assertEquals(commands(deno(text)), []);
  }
  assertEquals(commands(deno(`{"tasks": {"a": "1" "b": "2"}}`)), [["a", "1"], ["b", "2"]]);
});

Deno.test("a config error states the problem, the line and the column", () => {
  const cases: [text: string, line: number, column: number, part: string][] = [
    [`{\n  "tasks": {\n    "a": 5\n  }\n}`, 3, 10, `the task "a" must be a string or an object`],
    [`{"tasks": {"a": null}}`, 1, 17, "but found null"],
    [`{"tasks": {"a": [1]}}`, 1, 17, "but found a list"],
    [`{"tasks": []}`, 1, 11, `"tasks" must be an object`],
    [`{"tasks": {"a": {"command": 5}}}`, 1, 29, `"command" of the task "a" must be a string`],
    [`{"tasks": {"a": {"description": {}}}}`, 1, 33, "but found an object"],
    [`{"tasks": {"a": {"dependencies": "b"}}}`, 1, 34, "must be a list of strings"],
    [`{"tasks": {"a": {"dependencies": null}}}`, 1, 34, "must be a list of strings"],
    [`{"tasks": {"a":\n {"files": ["x", true]}}}`, 2, 18, "but found the boolean true"],
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

Deno.test("readPackageJson accepts strings, numbers and booleans as scripts, and flattens config", () => {
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

Deno.test("a package.json must be strict JSON", () => {
  for (const text of [`{"scripts": {"a": "x",}}`, `{ // c\n}`, `{"a": 1 "b": 2}`]) {
    const error = assertThrows(() => npm(text), WireError, "Invalid config: /p/package.json:1:");
    assertEquals(projectErrorData(error)?.kind, "invalid-config");
  }
  assertEquals(commands(npm(`{"scripts": []}`)), []);
  assertEquals(commands(npm(``)), []);
});

Deno.test("placeOf counts lines and columns from 1", () => {
  assertEquals(placeOf("ab\ncd", 0), { line: 1, column: 1 });
  assertEquals(placeOf("ab\ncd", 4), { line: 2, column: 2 });
  assertEquals(placeOf("ab\r\ncd", 4), { line: 2, column: 1 });
});

Deno.test("simmer's settings are read from simmer.tasks, and an error in them states its position", () => {
  const tasks = `"tasks": {"a": "1", "constructor": "2", "whole": {"command": "3", "env": ["B"]}}`;
  const file = deno(
    `{${tasks}, "simmer": {"tasks": {"a": {"clean": "if-file-deleted"}, "constructor": {}}}}`,
  );
  assertEquals(file.tasks.get("a")?.settings, { clean: "if-file-deleted" });
  assertEquals(file.tasks.get("constructor")?.settings, {});
  for (const value of ["null", "{}", `{"tasks": null}`, `{"tasks": {}}`]) {
    assertEquals(deno(`{${tasks}, "simmer": ${value}}`).tasks.get("a")?.settings, undefined);
  }
  const cases: [settings: string, column: number, part: string][] = [
    [`5`, 11, `"simmer" must be an object, but found the number 5`],
    [`{"taks": {}}`, 12, `"taks" in "simmer" is unknown. Did you mean "tasks"?`],
    [`{"tasks": []}`, 21, `"simmer.tasks" must be an object, but found a list`],
    [`{"tasks": {"b": {}}}`, 22, `"b" in "simmer.tasks" is not a task of this file`],
    [
      `{"tasks": {"constructer": {}}}`,
      22,
      `"constructer" in "simmer.tasks" is not a task of this file. Did you mean "constructor"?`,
    ],
    [`{"tasks": {"a": true}}`, 27, `"simmer.tasks.a" must be an object`],
    [`{"tasks": {"a": {"claen": 1}}}`, 28, `"claen" in "simmer.tasks.a" is unknown`],
    [`{"tasks": {"a": {"__proto__": 1}}}`, 28, `"__proto__" in "simmer.tasks.a" is unknown`],
    [
      `{"tasks": {"a": {"clean": "never"}}}`,
      37,
      `must be true, false or "if-file-deleted", but found the string "never"`,
    ],
    [`{"tasks": {"a": {"clean": null}}}`, 37, `but found null`],
    [`{"tasks": {"a": {"clean": [true]}}}`, 37, `but found a list`],
    [`{"tasks": {"a": {"files": "src"}}}`, 37, `"simmer.tasks.a.files" must be a list of strings`],
    [`{"tasks": {"a": {"output": ["x", 1]}}}`, 44, `but found the number 1`],
    [
      `{"tasks": {"whole": {"env": ["A"]}}}`,
      39,
      `"simmer.tasks.whole.env" is declared twice: the task itself has "env" too`,
    ],
    [`{"tasks": {"a": {"service": 1}}}`, 39, `must be true, false or an object, but found`],
    [
      `{"tasks": {"a": {"service": {"redy": {}}}}}`,
      40,
      `"redy" in "simmer.tasks.a.service" is unknown. Did you mean "ready"?`,
    ],
    [
      `{"tasks": {"a": {"service": {"ready": {}}}}}`,
      49,
      `must have exactly one of "output", "port" and "command"`,
    ],
    [
      `{"tasks": {"a": {"service": {"ready": {"port": 1, "output": "x"}}}}}`,
      49,
      `must have exactly one of`,
    ],
    [
      `{"tasks": {"a": {"service": {"ready": {"port": 65536}}}}}`,
      58,
      `must be a port number from 1 to 65535, but found the number 65536`,
    ],
    [
      `{"tasks": {"a": {"service": {"ready": {"output": "("}}}}}`,
      60,
      `must be a regular expression (`,
    ],
    [`{"tasks": {"a": {"service": {"timeout": 0}}}}`, 51, `from 0.1 to 86400, but found`],
    [
      `{"tasks": {"a": {"service": {"restart": "always"}}}}`,
      51,
      `must be "never" or "on-failure", but found the string "always"`,
    ],
  ];
  for (const [settings, column, part] of cases) {
    const text = `{${tasks},\n"simmer": ${settings}}`;
    const error = assertThrows(() => deno(text), WireError, part);
    assertEquals(projectErrorData(error), {
      kind: "invalid-config",
      file: "/p/deno.json",
      line: 2,
      column,
    }, text);
  }
});

Deno.test("inputs, outputs, variables and dependencies are declared for a task by its name", () => {
  const declared = `{"files": ["src"], "output": ["dist"], "env": ["A"], "dependencies": ["b"]}`;
  for (const [read, tasks] of [[deno, "tasks"], [npm, "scripts"]] as const) {
    const file = read(
      `{"${tasks}": {"a": "1", "b": "2"}, "simmer": {"tasks": {"a": ${declared}}}}`,
    );
    const task = file.tasks.get("a");
    assertEquals(
      [task?.command, task?.files, task?.output, task?.env, task?.dependencies],
      ["1", ["src"], ["dist"], ["A"], ["b"]],
    );
  }
});

Deno.test("services are declared in a deno.json or a package.json, with defaults", () => {
  const service = `{"ready": {"port": 80}, "restart": "on-failure"}`;
  for (const read of [deno, npm]) {
    const tasks = read === deno ? "tasks" : "scripts";
    const file = read(
      `{"${tasks}": {"a": "1", "b": "2", "c": "3"}, "simmer": {"tasks": {"a": {"service": true},
        "b": {"service": false}, "c": {"service": ${service}}}}}`,
    );
    const settings = ["a", "b", "c"].map((name) => file.tasks.get(name)?.settings);
    assertEquals(settings, [
      { service: { timeout: 60, restart: "never" } },
      {},
      { service: { timeout: 60, restart: "on-failure", ready: { port: 80 } } },
    ]);
  }
});

Deno.test("schema/simmer.schema.json is up to date with the settings", async () => {
  const file = new URL("../../../schema/simmer.schema.json", import.meta.url);
  const text = await Deno.readTextFile(file);
  assertEquals(JSON.parse(text), JSON.parse(settingsSchemaText()), "run `deno task docs`");
});
