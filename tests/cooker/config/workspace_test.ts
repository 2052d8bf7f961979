import { assert, assertEquals } from "@std/assert";
import type { ProjectErrorData } from "../../../wire/errors.ts";
import { DirectCooker } from "../direct_cooker.ts";

/** A workspace on disk with a cooker. */
class Workspace implements AsyncDisposable {
  readonly #base = Deno.realPathSync(Deno.makeTempDirSync());
  /** Has characters in its name that would be wildcards in an entry, one of them invalid. */
  readonly root = `${this.#base}/a**[b]?{c}`;
  readonly cooker = new DirectCooker(this.root);

  constructor(files: Readonly<Record<string, unknown>>) {
    for (const [path, content] of Object.entries(files)) this.write(path, content);
  }

  write(path: string, content: unknown): void {
    Deno.mkdirSync(`${this.root}/${path}`.replace(/\/[^/]*$/, ""), { recursive: true });
    const text = path.endsWith(".json") ? JSON.stringify(content) : String(content);
    Deno.writeTextFileSync(`${this.root}/${path}`, text);
  }

  /** Runs tasks and returns those that started, in order, with their packages. */
  async run(tasks: readonly string[], more: Parameters<DirectCooker["run"]>[1]): Promise<string[]> {
    const { events, exitCode } = await this.cooker.run(tasks, { jobs: 4, ...more });
    assertEquals(exitCode, 0);
    return events.flatMap((event) => event.type === "TaskStarted" ? [event.task] : []);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.cooker[Symbol.asyncDispose]();
    Deno.removeSync(this.#base, { recursive: true });
  }
}

const FILES = {
  "deno.json": {
    workspace: ["./a", "./b", "./packages/*", "!packages/skipped"],
    tasks: { build: "echo root", lint: "echo lint" },
  },
  "a/deno.json": {
    name: "@x/a",
    tasks: { build: "echo a", test: { command: "echo ta", dependencies: ["build"] } },
    imports: { "b": "jsr:@x/b@^1" },
  },
  "b/deno.json": { name: "@x/b", tasks: { build: "echo b", test: "echo tb" } },
  "packages/c/package.json": {
    name: "c",
    scripts: { prebuild: "echo pre", build: "echo c" },
    dependencies: { "@x/a": "workspace:*" },
  },
  "packages/d/deno.json": { tasks: { build: "echo d", test: "echo td" } },
  "packages/skipped/deno.json": { name: "skipped", tasks: { build: "exit 9" } },
};

Deno.test("a workspace run starts members after their imports, and runs root tasks once", async () => {
  await using workspace = new Workspace(FILES);
  assertEquals((await workspace.run(["build"], { recursive: true })).sort(), [
    "@x/a#build",
    "@x/b#build",
    "build",
    "c#build",
    "c#prebuild",
    "d#build",
  ]);
  const order = await workspace.run(["build"], { members: true, jobs: 1 });
  assertEquals(order, ["@x/b#build", "@x/a#build", "c#prebuild", "c#build", "d#build"]);
  assertEquals(await workspace.run(["lint"], { recursive: true }), ["lint"]);
});

Deno.test("a member's dependencies also wait for the members that it imports", async () => {
  await using workspace = new Workspace(FILES);
  const { events } = await workspace.cooker.run(["test"], { recursive: true, jobs: 4 });
  const at = (type: string, name: string) =>
    events.findIndex((event) => event.type === type && "task" in event && event.task === name);
  const started = events.filter((event) => event.type === "TaskStarted").map((event) =>
    event.type === "TaskStarted" ? event.task : ""
  );
  assertEquals(started.toSorted(), ["@x/a#build", "@x/a#test", "@x/b#test", "d#test"]);
  assert(
    at("TaskSucceeded", "@x/b#test") < at("TaskStarted", "@x/a#build"),
    "b is tested before a is built",
  );
});

Deno.test("a filter matches any part of a member's package or folder name, but never the root", async () => {
  await using workspace = new Workspace(FILES);
  assertEquals(await workspace.run(["build"], { filter: "@x/*" }), ["@x/b#build", "@x/a#build"]);
  assertEquals(await workspace.run(["test"], { filter: "d" }), ["d#test"]);
  assertEquals(await workspace.run(["build"], { filter: "c", recursive: true }), [
    "c#prebuild",
    "c#build",
  ]);
});

Deno.test("package#task is one task in requests, dependencies, events and plans, from every folder", async () => {
  await using workspace = new Workspace({
    ...FILES,
    "deno.json": {
      workspace: ["./a", "./b", "./packages/*", "!packages/skipped", "./other/c"],
      tasks: { build: "echo root", all: { command: "echo all", dependencies: ["@x/*#test"] } },
    },
    "other/c/deno.json": { tasks: { build: "echo other" } },
    "packages/c/package.json": { scripts: { build: "echo c" } },
  });
  const cases: [tasks: string[], order: string[]][] = [
    [["@x/a#test"], ["@x/a#build", "@x/a#test"]],
    [["//#build", "d#build"], ["build", "d#build"]],
    [["packages/c#build", "other/c#build"], ["packages/c#build", "other/c#build"]],
    [["@x/*#b*"], ["@x/a#build", "@x/b#build"]],
    [["all"], ["@x/a#build", "@x/a#test", "@x/b#test", "all"]],
  ];
  for (const cwd of [workspace.root, `${workspace.root}/packages/d`]) {
    for (const [tasks, order] of cases) {
      assertEquals(await workspace.run(tasks, { cwd, jobs: 1 }), order);
      const { tasks: planned } = await workspace.cooker.plan(tasks, { cwd });
      assertEquals(planned.map(({ task }) => task), order);
    }
  }
  const inAll = await workspace.run(["@x/b#test", "build"], { recursive: true, jobs: 1 });
  assertEquals(inAll, [
    "build",
    "@x/b#test",
    "@x/b#build",
    "@x/a#build",
    "other/c#build",
    "packages/c#build",
    "d#build",
  ]);
});

Deno.test("an unknown package#task suggests the nearest full name", async () => {
  await using workspace = new Workspace(FILES);
  const { error } = await workspace.cooker.run(["@x/a#biuld"]);
  const data = error?.data as { kind: string; nearest: string; details: string[] };
  assertEquals([data.kind, data.nearest], ["unknown-task", "@x/a#build"]);
  assert(data.details.includes("- @x/b#test"));
  // The root's task is not one of the member.
  assertEquals((await workspace.cooker.run(["@x/a#lint"])).exitCode, 5);
});

Deno.test("the dependencies of a package are members by name, alias or path, but not from elsewhere", async () => {
  const ranges: readonly (readonly [range: string, isMember: boolean, name?: string])[] = [
    ["workspace:*", true],
    ["workspace:^1.0.0", true],
    ["workspace:lib@*", true, "alias"],
    ["workspace:../lib", true, "other"],
    ["file:../lib", true, "other"],
    ["link:../lib/", true, "other"],
    ["portal:../lib", true, "other"],
    ["^1.0.0", true],
    ["latest", true],
    ["catalog:", true],
    ["npm:lib@1", false, "alias"],
    ["npm:lib@1", false],
    ["github:x/lib", false],
    ["git+https://example.org/lib.git", false],
    ["https://example.org/lib.tgz", false],
    ["file:..", false, "other"],
  ];
  for (const [range, isMember, name = "lib"] of ranges) {
    await using workspace = new Workspace({
      "package.json": { workspaces: ["app", "lib"] },
      "app/package.json": { name: "app", scripts: { t: "echo" }, dependencies: { [name]: range } },
      "lib/package.json": { name: "lib", scripts: { t: "echo" } },
    });
    const order = await workspace.run(["t"], { recursive: true, jobs: 1 });
    assertEquals(order[0], isMember ? "lib#t" : "app#t", `${name}: ${range}`);
  }
});

const UPSTREAM = {
  "package.json": { workspaces: ["app", "ui", "core", "plain"] },
  "app/package.json": {
    name: "app",
    scripts: { build: "echo app", test: "echo test" },
    simmer: {
      tasks: { build: { dependencies: ["^build"] }, test: { dependencies: ["build", "^te*"] } },
    },
    dependencies: { plain: "workspace:^", ui: "*" },
  },
  // Has no tasks of its own.
  "plain/package.json": { name: "plain", devDependencies: { core: "link:../core" } },
  "ui/package.json": {
    name: "ui",
    scripts: { prebuild: "echo pre", build: "echo ui", postbuild: "echo post" },
    dependencies: { core: "file:../core" },
    simmer: { tasks: { build: { dependencies: ["^build"] } } },
  },
  "core/package.json": { name: "core", scripts: { build: "echo core", test: "echo core" } },
} as const;

Deno.test("^task is the task of the imported packages, through those without it, in any run", async () => {
  await using workspace = new Workspace(UPSTREAM);
  const { root } = workspace;
  const ofUi = ["core#build", "ui#prebuild", "ui#build", "ui#postbuild"];
  const ofApp = [...ofUi, "app#build"];
  const from = (folder: string): { cwd: string; jobs: number } => ({
    cwd: `${root}/${folder}`,
    jobs: 1,
  });
  assertEquals(await workspace.run(["build"], from("app")), ofApp);
  assertEquals(await workspace.run(["build"], from("ui")), ofUi);
  assertEquals(await workspace.run(["build"], from("core")), ["core#build"]);
  assertEquals(await workspace.run(["build"], { filter: "app", jobs: 1 }), ofApp);
  assertEquals(await workspace.run(["test"], from("app")), [...ofApp, "core#test", "app#test"]);
  const { tasks } = await workspace.cooker.plan(["build"], from("app"));
  const app = tasks.find(({ task }) => task === "app#build");
  assertEquals(app?.dependencies, ["core#build", "ui#postbuild"]);
});

Deno.test("a cached task runs again if a file of an imported package changes, in any run", async () => {
  const member = (imports: Record<string, string>) => ({
    tasks: { t: { command: "cat *.txt", files: ["*.txt"] } },
    imports,
  });
  await using workspace = new Workspace({
    "deno.json": { workspace: ["a", "b", "c", "d"] },
    "a/deno.json": { name: "@x/a", ...member({ "@x/b": "jsr:@x/b" }) },
    "b/deno.json": { name: "@x/b", tasks: {}, imports: { "@x/c": "jsr:@x/c" } },
    "c/deno.json": { name: "@x/c", ...member({}) },
    "d/deno.json": { name: "@x/d", ...member({}) },
    ...Object.fromEntries(["a", "c", "d"].map((each) => [`${each}/x.txt`, each])),
    "c/deep/mod.ts": "1",
    "c/.hidden/file": "1",
  });
  const { cooker, root } = workspace;
  const run = async (more: Parameters<DirectCooker["run"]>[1]): Promise<string[]> => {
    const { events, exitCode } = await cooker.run(["t"], { jobs: 1, ...more });
    assertEquals(exitCode, 0);
    // Results may be stored after a build. A plan is answered when they are.
    await cooker.plan(["t"], { recursive: true });
    return events.flatMap((event) => event.type === "TaskStarted" ? [event.task] : []);
  };
  const all = { recursive: true };
  const inA = { cwd: `${root}/a` };
  assertEquals(await run(all), ["@x/c#t", "@x/a#t", "@x/d#t"]);
  assertEquals(await run(inA), []);
  workspace.write("c/deep/mod.ts", "2");
  const { tasks: [plan] } = await cooker.plan(["t"], inA);
  assertEquals(plan?.reasons.map(({ text }) => text), ["../c/deep/mod.ts was changed"]);
  assertEquals(await run(inA), ["@x/a#t"]);
  assertEquals(await run(all), []);
  workspace.write("c/.hidden/file", "2");
  assertEquals(await run(all), []);
  workspace.write("b/new.ts", "1");
  assertEquals(await run({ filter: "@x/a" }), ["@x/a#t"]);
  workspace.write("d/x.txt", "2");
  assertEquals(await run(all), ["@x/d#t"]);
});

Deno.test("a watch reports changes of imported packages", async () => {
  await using workspace = new Workspace({
    "package.json": { workspaces: ["a", "b"] },
    "a/package.json": {
      name: "a",
      scripts: { t: "echo" },
      dependencies: { b: "*" },
      simmer: { tasks: { t: { files: ["x"] } } },
    },
    "a/x": "1",
    "b/package.json": { name: "b" },
    "b/y": "1",
  });
  const { cooker } = workspace;
  await cooker.tick();
  const { events: [begun] } = await cooker.run(["a#t"], { watched: true });
  cooker.watchInputs(["a#t"], "w", begun?.build);
  workspace.write("b/y", "2");
  await cooker.tickUntilEvent();
  const [changed] = cooker.events;
  assertEquals(changed?.type === "InputsChanged" ? changed.files : [], ["b/y"]);
});

Deno.test("the files of an imported package count by its task if a task depends on ^task", async () => {
  const files = { files: ["src"] };
  await using workspace = new Workspace({
    "package.json": { workspaces: ["*"] },
    "app/package.json": {
      name: "app",
      scripts: { build: "echo app" },
      dependencies: { lib: "*", tsconfig: "*" },
      simmer: { tasks: { build: { ...files, dependencies: ["^build"] } } },
    },
    "lib/package.json": {
      name: "lib",
      scripts: { build: "echo lib" },
      simmer: { tasks: { build: files } },
    },
    "tsconfig/package.json": { name: "tsconfig" },
    "app/src/x": "1",
    "lib/src/x": "1",
    "lib/README": "1",
    "tsconfig/base.json": "1",
  });
  const run = async (): Promise<string[]> => {
    const ran = await workspace.run(["app#build"], {});
    await workspace.cooker.plan(["app#build"]);
    return ran;
  };
  assertEquals(await run(), ["lib#build", "app#build"]);
  workspace.write("lib/README", "2");
  assertEquals(await run(), []);
  workspace.write("tsconfig/base.json", "2");
  assertEquals(await run(), ["app#build"]);
  workspace.write("lib/src/x", "2");
  assertEquals(await run(), ["lib#build", "app#build"]);
});

Deno.test("members of a Deno workspace that import each other in their sources are ordered", async () => {
  const member = (name: string) => ({ name, tasks: { t: { command: "echo", files: ["*.ts"] } } });
  await using workspace = new Workspace({
    "deno.json": { workspace: ["a", "b", "c", "d", "e"] },
    ...Object.fromEntries(
      ["a", "b", "c", "d", "e"].map((each) => [`${each}/deno.json`, member(`@x/${each}`)]),
    ),
    "a/mod.ts": 'import {\n  x,\n} from "@x/c/sub.ts";\nexport const a = await import(`x`);',
    "b/mod.ts": '/**\n * import { e } from "@x/e";\n */\nimport "jsr:@x/d@^1.0.0";\n// from "@x/e"',
    "c/mod.ts":
      'export * from "../e/mod.ts"; import "./own.ts"; import "node:fs"; import "npm:ms";',
    "d/mod.ts": 'const lazy = import("@x/e");',
    "d/node_modules/x/mod.ts": 'import "@x/a"',
    "e/mod.ts": "",
  });
  const { cooker } = workspace;
  const run = async (tasks: string[] = ["t"], more = {}): Promise<string[]> => {
    const { events } = await cooker.run(tasks, { recursive: true, jobs: 1, ...more });
    await cooker.plan(tasks, { recursive: true, ...more });
    return events.flatMap((event) => event.type === "TaskStarted" ? [event.task] : []);
  };
  assertEquals(await run(), ["@x/e#t", "@x/c#t", "@x/a#t", "@x/d#t", "@x/b#t"]);
  assertEquals(await run(), []);
  workspace.write("e/other.ts", "1");
  assertEquals(await run(["@x/b#t"], { recursive: false }), ["@x/b#t"]);
  // A new import is seen by the next run, also by a plan that was kept.
  workspace.write("e/mod.ts", 'import "@x/a";');
  workspace.write("c/mod.ts", "");
  workspace.write("d/mod.ts", "");
  assertEquals(await run(), ["@x/c#t", "@x/a#t", "@x/d#t", "@x/b#t", "@x/e#t"]);
});

Deno.test("^task that no package has is an error, and so is a cycle across packages", async () => {
  const cyclic = (dependencies: readonly string[]) => ({
    ...UPSTREAM,
    "core/package.json": {
      ...UPSTREAM["core/package.json"],
      dependencies: { app: "workspace:*" },
      simmer: { tasks: { build: { dependencies } } },
    },
  });
  await using unknown = new Workspace(cyclic(["^biuld"]));
  const { error } = await unknown.cooker.run(["core#build"]);
  const data = error?.data as ProjectErrorData;
  assertEquals([data.kind, data.nearest], ["unknown-task", "^build"]);
  const file = `${unknown.root}/core/package.json`;
  const column = Deno.readTextFileSync(file).indexOf('"^biuld"') + 1;
  assertEquals([data.file, data.line, data.column], [file, 1, column]);
  await using cycle = new Workspace(cyclic(["^build"]));
  assertEquals(
    (await cycle.cooker.run(["build"], { recursive: true })).error?.message,
    "Task cycle detected: core#build -> app#build -> core#build",
  );
  // Imports alone may be cyclic: they only order the tasks.
  await using circular = new Workspace(cyclic([]));
  assertEquals((await circular.run(["test"], { recursive: true })).length, 7);
});

Deno.test("a run without a matching task or member fails, unless ifPresent is set", async () => {
  await using workspace = new Workspace(FILES);
  const { error } = await workspace.cooker.run(["biuld"], { recursive: true });
  assertEquals(error?.data, {
    kind: "no-match",
    task: "biuld",
    nearest: "build",
    details: [],
  });
  const none = await workspace.cooker.run(["build"], { filter: "nobody" });
  assertEquals((none.error?.data as { kind: string }).kind, "no-match");
  assertEquals(await workspace.run(["nope"], { recursive: true, ifPresent: true }), []);
});

Deno.test("members with circular imports all run", async () => {
  await using workspace = new Workspace({
    "deno.json": { workspace: ["a", "b"] },
    "a/deno.json": { name: "@x/a", tasks: { t: "echo" }, imports: { "@x/b": "jsr:@x/b" } },
    "b/deno.json": { name: "@x/b", tasks: { t: "echo" }, imports: { "@x/a": "jsr:@x/a" } },
  });
  assertEquals((await workspace.run(["t"], { recursive: true })).length, 2);
});

Deno.test("npm workspace packages are members, and their path and version dependencies are imports", async () => {
  await using workspace = new Workspace({
    "package.json": { workspaces: { packages: ["libs/**"] } },
    "libs/one/package.json": { name: "one", scripts: { t: "echo" }, dependencies: { two: "*" } },
    "libs/deep/two/package.json": {
      name: "two",
      scripts: { t: "echo" },
      devDependencies: { other: "file:../three" },
    },
    "libs/deep/three/package.json": { name: "three", scripts: { t: "echo" } },
  });
  assertEquals(await workspace.run(["t"], { recursive: true }), ["three#t", "two#t", "one#t"]);
});

Deno.test("arguments are passed to the last task and its pre script", async () => {
  await using workspace = new Workspace(FILES);
  const { events } = await workspace.cooker.run(["build"], { filter: "c", args: ["one"] });
  const commands = events.flatMap((event) =>
    event.type === "TaskStarted" ? event.command ?? "" : []
  );
  assertEquals(commands, ["echo pre 'one'", "echo c 'one'"]);
  const all = await workspace.cooker.run(["build"], { members: true, jobs: 1, args: ["one"] });
  const last = all.events.findLast((event) => event.type === "TaskStarted");
  assertEquals(last?.type === "TaskStarted" ? last.command : "", "echo d 'one'");
});

Deno.test("an edit of one config among those of 300 members is announced, and the next plan has it", async () => {
  const names = Array.from({ length: 300 }, (_, index) => `m${index}`);
  const member = (name: string, scripts: Record<string, string>) => ({ name, scripts });
  await using workspace = new Workspace({
    "package.json": { workspaces: ["m/*"] },
    ...Object.fromEntries(
      names.map((each) => [`m/${each}/package.json`, member(each, { t: "echo" })]),
    ),
  });
  const { cooker, root } = workspace;
  const planned = async (task: string): Promise<number> =>
    (await cooker.plan([task], { recursive: true, ifPresent: true })).tasks.length;
  await cooker.tick();
  assertEquals([await planned("t"), await planned("new")], [300, 0]);
  await cooker.tick();
  for (const [index, each] of ["m7", "m299"].entries()) {
    workspace.write(`m/${each}/package.json`, member(each, { t: "echo", new: "echo" }));
    await cooker.tick();
    const files = [`${root}/m/${each}/package.json`];
    assertEquals(cooker.events.at(-1), { type: "ConfigChanged", files });
    assertEquals([await planned("t"), await planned("new")], [300, index + 1]);
  }
  assertEquals(cooker.events.length, 2);
});

Deno.test("checkouts of a workspace share results whose inputs are in imported packages", async () => {
  const files = {
    "package.json": { workspaces: ["a", "b"] },
    "a/package.json": {
      name: "a",
      scripts: { t: "cat x > out" },
      dependencies: { b: "*" },
      simmer: { tasks: { t: { files: ["x"], output: ["out"] } } },
    },
    "a/x": "1",
    "b/package.json": { name: "b" },
    "b/y": "1",
  };
  const fingerprintIn = async (): Promise<string | undefined> => {
    await using workspace = new Workspace(files);
    const { tasks: [task] } = await workspace.cooker.plan(["a#t"]);
    return task?.fingerprint;
  };
  const fingerprint = await fingerprintIn();
  assert(fingerprint !== undefined);
  assertEquals(await fingerprintIn(), fingerprint);
});

for (const pattern of ["./m/*", "m/**", "m/n*"]) {
  Deno.test(`a member that matches ${pattern} is announced when added or removed, and runs while present`, async () => {
    await using workspace = new Workspace({
      "deno.json": { workspace: ["./old", pattern] },
      "old/deno.json": { name: "@x/old", tasks: { build: "echo" } },
    });
    const { cooker, root } = workspace;
    const build = (): Promise<string[]> => workspace.run(["build"], { recursive: true });
    await cooker.tick();
    assertEquals(await build(), ["@x/old#build"]);
    workspace.write("m/new/deno.json", { name: "@x/new", tasks: { build: "echo" } });
    await cooker.tick();
    const announced = { type: "ConfigChanged", files: [`${root}/m/new/deno.json`] } as const;
    assertEquals(cooker.events, [announced]);
    assertEquals((await build()).sort(), ["@x/new#build", "@x/old#build"]);
    Deno.removeSync(`${root}/m/new`, { recursive: true });
    await cooker.tick();
    assertEquals(cooker.events, [announced, announced]);
    assertEquals(await build(), ["@x/old#build"]);
  });
}
