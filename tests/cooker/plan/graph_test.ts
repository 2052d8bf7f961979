import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { TaskScope } from "../../../cooker/config/scope.ts";
import { Workspace } from "../../../cooker/config/workspace.ts";
import { readDenoConfig, readPackageJson } from "../../../cooker/config/tasks.ts";
import { buildGraph, type TaskGraph } from "../../../cooker/plan/graph.ts";
import { mayOverlap } from "../../../cooker/plan/concurrency.ts";
import { projectErrorData, WireError } from "../../../wire/errors.ts";

type Tasks = Record<string, string | { command?: string; dependencies?: string[] }>;

function scopeOf(tasks: Tasks, scripts?: Record<string, string>, parent?: TaskScope): TaskScope {
  const folder = parent === undefined ? "/p" : "/p/member";
  const files = [
    readDenoConfig({ file: `${folder}/deno.json`, text: JSON.stringify({ tasks }) }, folder),
  ];
  if (scripts !== undefined) {
    const text = JSON.stringify({ scripts });
    files.push(readPackageJson({ file: `${folder}/package.json`, text }, folder));
  }
  return new TaskScope(files, parent);
}

/** Returns the project of a scope: its root, and the folder of the scope if it is a member. */
function workspaceOf(scope: TaskScope): Workspace {
  const root = scope.parent ?? scope;
  const folders = root === scope ? [scope] : [root, scope];
  return new Workspace(folders.map((each) => ({
    folder: each === root ? "/p" : "/p/member",
    isRoot: each === root,
    files: each.files,
    scope: each,
  })));
}

function graphOf(scope: TaskScope, ...names: string[]): TaskGraph {
  return buildGraph({ workspace: workspaceOf(scope), scope, names, ifPresent: false });
}

/** Formats each node as `id(dependencies)`, followed by `!` if it takes the arguments. */
function shape(graph: TaskGraph): string[] {
  return graph.map((node) => {
    const before = node.dependencies.map((index) => graph[index]?.id).join(",");
    return `${node.id}(${before})${node.takesArguments ? "!" : ""}`;
  });
}

const diamond: Tasks = {
  top: { command: "t", dependencies: ["left", "right"] },
  left: { command: "l", dependencies: ["base"] },
  right: { command: "r", dependencies: ["base"] },
  base: "b",
  other: "o",
};

Deno.test("dependencies come first, each task once, and the last task takes the arguments", () => {
  assertEquals(shape(graphOf(scopeOf(diamond), "top")), [
    "base()",
    "left(base)",
    "right(base)",
    "top(left,right)!",
  ]);
});

Deno.test("several names share their dependencies, and the last one takes the arguments", () => {
  assertEquals(shape(graphOf(scopeOf(diamond), "right", "left")), [
    "base()",
    "right(base)",
    "left(base)!",
  ]);
  assertEquals(shape(graphOf(scopeOf(diamond), "left", "base")), ["base()!", "left(base)"]);
  assertEquals(shape(graphOf(scopeOf(diamond), "base", "base")), ["base()!"]);
});

Deno.test("a wildcard selects the matching tasks in config order, each once", () => {
  const scope = scopeOf({
    "test:all": { dependencies: ["test:a", "test:b"] },
    "test:b": "b",
    "test:a": "a",
    "test:c": "c",
    "latest": "x",
  });
  assertEquals(shape(graphOf(scope, "test:*")), [
    "test:a()",
    "test:b()",
    "test:all(test:a,test:b)",
    "test:c()!",
  ]);
  assertEquals(shape(graphOf(scope, "test:*(!c|all)")), ["test:b()", "test:a()!"]);
});

Deno.test("a wildcard in dependencies selects the other matching tasks, unless a task has that exact name", () => {
  const scope = scopeOf({
    check: { dependencies: ["check:*"] },
    "check:a": "a",
    "check:b": "b",
    all: { dependencies: ["a*"] },
    any: "x",
    "lit*": "literal",
    little: "y",
    uses: { dependencies: ["lit*"] },
  });
  assertEquals(shape(graphOf(scope, "check")), [
    "check:a()",
    "check:b()",
    "check(check:a,check:b)!",
  ]);
  assertEquals(shape(graphOf(scope, "all")), ["any()", "all(any)!"]);
  assertEquals(shape(graphOf(scope, "uses")), ["lit*()", "uses(lit*)!"]);
});

Deno.test("a script runs between its pre and post scripts, and all three take the arguments", () => {
  const scope = scopeOf({ uses: { command: "u", dependencies: ["build"] }, test: "deno" }, {
    prebuild: "p",
    build: "b",
    postbuild: "q",
    pretest: "never",
    test: "hidden",
  });
  assertEquals(shape(graphOf(scope, "build")), [
    "prebuild()!",
    "build(prebuild)!",
    "postbuild(build)!",
  ]);
  assertEquals(shape(graphOf(scope, "uses")), [
    "prebuild()",
    "build(prebuild)",
    "postbuild(build)",
    "uses(postbuild)!",
  ]);
  assertEquals(shape(graphOf(scope, "test")), ["test()!"]);
  assertEquals(shape(graphOf(scope, "prebuild", "build")), [
    "prebuild()",
    "prebuild (package.json)()!",
    "build(prebuild (package.json))!",
    "postbuild(build)!",
  ]);
});

Deno.test("a member's task hides the root's, but tasks of the root depend on those of the root", () => {
  const root = scopeOf({
    shared: { command: "root shared", dependencies: ["gen"] },
    gen: "root gen",
    build: "root build",
  }, { script: "root script" });
  const member = scopeOf(
    { build: { command: "m", dependencies: ["shared", "gen"] }, gen: "member gen" },
    { shared2: "s", build: "hidden" },
    root,
  );
  assertEquals(shape(graphOf(member, "build")), [
    "gen()",
    "shared(gen)",
    "member#gen()",
    "member#build(shared,member#gen)!",
  ]);
  assertEquals(graphOf(member, "build").map((node) => node.definition.command), [
    "root gen",
    "root shared",
    "member gen",
    "m",
  ]);
  assertEquals(member.names(), ["build", "gen", "shared2", "shared", "script"]);
});

Deno.test("an unknown task is an error that suggests the nearest name and lists the tasks", () => {
  const scope = scopeOf({ build: "b", lint: { dependencies: ["buidl"] } });
  const error = assertThrows(() => graphOf(scope, "biuld"), WireError);
  assertEquals(error.message, "Task not found: biuld");
  assertEquals(projectErrorData(error), {
    kind: "unknown-task",
    task: "biuld",
    nearest: "build",
    details: ["Available tasks:", "- build", "- lint"],
  });
  const missing = assertThrows(() => graphOf(scope, "lint"), WireError);
  assertEquals(projectErrorData(missing), {
    kind: "unknown-task",
    task: "buidl",
    nearest: "build",
    file: "/p/deno.json",
    details: [
      "The task lint depends on it.",
      "Available tasks:",
      "- build",
      "- lint",
    ],
  });
  assertThrows(() => graphOf(scope, "x*"), WireError, "Task not found: x*");
  assertThrows(() => graphOf(new TaskScope([]), "x"), WireError, "Task not found: x");
});

Deno.test("ifPresent ignores a missing name, but not a missing dependency", () => {
  const scope = scopeOf({ a: "a", b: { dependencies: ["none"] } });
  assertEquals(
    buildGraph({ workspace: workspaceOf(scope), scope, names: ["none", "x*"], ifPresent: true }),
    [],
  );
  assertEquals(
    shape(
      buildGraph({ workspace: workspaceOf(scope), scope, names: ["a", "none"], ifPresent: true }),
    ),
    ["a()!"],
  );
  assertThrows(
    () => buildGraph({ workspace: workspaceOf(scope), scope, names: ["b"], ifPresent: true }),
    WireError,
    "none",
  );
});

Deno.test("a cycle is an error that states its whole path", () => {
  const cases: [tasks: Tasks, path: string[]][] = [
    [{ a: { dependencies: ["b"] }, b: { dependencies: ["a"] } }, ["a", "b", "a"]],
    [{ a: { dependencies: ["a"] } }, ["a", "a"]],
    [
      {
        a: { dependencies: ["x", "b"] },
        x: "x",
        b: { dependencies: ["c"] },
        c: { dependencies: ["x", "b"] },
      },
      ["b", "c", "b"],
    ],
  ];
  for (const [tasks, path] of cases) {
    const error = assertThrows(() => graphOf(scopeOf(tasks), "a"), WireError);
    assertEquals(error.message, `Task cycle detected: ${path.join(" -> ")}`);
    const data = projectErrorData(error);
    assertEquals([data?.kind, data?.path], ["cycle", path]);
  }
});

Deno.test("buildGraph and mayOverlap handle a chain of 50,000 tasks", () => {
  const tasks: Tasks = {};
  for (let i = 0; i < 50_000; i++) tasks[`t${i}`] = { dependencies: i === 0 ? [] : [`t${i - 1}`] };
  const graph = graphOf(scopeOf(tasks), "t49999");
  assertEquals(graph.length, 50_000);
  assertEquals(mayOverlap(graph.map((node) => node.dependencies)).includes(true), false);
});

/** Generates tasks that depend only on earlier ones, so that there is no cycle. */
const acyclic = fc.array(fc.array(fc.nat(), { maxLength: 4 }), { minLength: 1, maxLength: 20 })
  .map((rows) => {
    const tasks: Tasks = {};
    rows.forEach((row, index) => {
      const names = index === 0 ? [] : row.map((number) => `t${number % index}`);
      tasks[`t${index}`] = { command: "x", dependencies: names };
    });
    return { tasks, count: rows.length };
  });

Deno.test("a graph has exactly the needed tasks, each once and after its dependencies", () => {
  fc.assert(
    fc.property(acyclic, fc.array(fc.nat(), { minLength: 1 }), ({ tasks, count }, picks) => {
      const names = picks.map((pick) => `t${pick % count}`);
      const graph = graphOf(scopeOf(tasks), ...names);
      const expected = new Set<string>();
      const open = [...names];
      for (let name = open.pop(); name !== undefined; name = open.pop()) {
        if (expected.has(name)) continue;
        expected.add(name);
        const task = tasks[name];
        if (typeof task === "object") open.push(...task.dependencies ?? []);
      }
      assertEquals(new Set(graph.map((node) => node.id)), expected);
      assertEquals(graph.length, expected.size);
      graph.forEach((node, index) => {
        assertEquals(node.dependencies.every((other) => other < index), true);
        assertEquals(
          new Set(node.dependencies.map((other) => graph[other]?.name)),
          new Set(node.definition.dependencies),
        );
      });
      assertEquals(graph.filter((node) => node.takesArguments).map((node) => node.name), [
        names.at(-1),
      ]);
    }),
  );
});

Deno.test("mayOverlap agrees with a comparison of every pair", () => {
  fc.assert(fc.property(acyclic, ({ tasks, count }) => {
    const graph = graphOf(scopeOf(tasks), ...Object.keys(tasks));
    assertEquals(graph.length, count);
    const dependencies = graph.map((node) => node.dependencies);
    const before = dependencies.map((): Set<number> => new Set());
    dependencies.forEach((row, index) => {
      for (const other of row) {
        before[index]?.add(other);
        for (const further of before[other] ?? []) before[index]?.add(further);
      }
    });
    const expected = dependencies.map((_, a) =>
      dependencies.some((_, b) => a !== b && !before[a]?.has(b) && !before[b]?.has(a))
    );
    assertEquals(mayOverlap(dependencies), expected);
  }));
});
