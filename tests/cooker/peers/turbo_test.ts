import { assertEquals } from "@std/assert";
import { type Files, PeerProject } from "./peer_project.ts";

/** A workspace: `a` depends on `b`, and `c` on nothing. */
const WORKSPACE: Files = {
  ".git/HEAD": "",
  ".gitignore": "dist\n*.log\n",
  "package.json": { name: "root", workspaces: ["p/*"] },
  "p/a/package.json": {
    name: "a",
    dependencies: { b: "*" },
    scripts: { build: "echo a", test: "echo test" },
  },
  "p/a/src/a.ts": "1",
  "p/b/package.json": { name: "b", scripts: { build: "echo b" } },
  "p/b/src/b.ts": "1",
  "p/c/package.json": { name: "c", scripts: { build: "echo c" } },
  "p/c/src/c.ts": "1",
};

const ALL = ["a#build", "b#build", "c#build"];

/** An edit of the workspace, and the tasks that run again after it. */
type Edit = readonly [edit: string, files: Files, ran: readonly string[]];

const KEYS: readonly (readonly [what: string, turbo: unknown, edits: readonly Edit[]])[] = [
  [
    "by default, the files of the package count that git does not ignore",
    { tasks: { build: {} } },
    [
      ["a file", { "p/c/src/c.ts": "2" }, ["c#build"]],
      ["a new file", { "p/c/new": "" }, ["c#build"]],
      ["a dot file", { "p/c/.env": "X=1" }, ["c#build"]],
      ["an ignored file", { "p/c/x.log": "", "p/c/dist/x": "" }, []],
      ["a file at the root", { "README.md": "" }, []],
      ["the package's own ignore file", { "p/c/.gitignore": "src\n" }, ["c#build"]],
      ["a file that it ignores", { "p/c/src/c.ts": "3" }, []],
      ["the root's ignore file", { ".gitignore": "dist\n*.log\nnew\n" }, ["c#build"]],
    ],
  ],
  ["inputs are globs, and the package's configs always count", {
    tasks: { build: { inputs: ["src/**/*.{ts,js}", "!src/gen/**"] } },
  }, [
    ["an input", { "p/c/src/x/y.js": "" }, ["c#build"]],
    ["an excluded file", { "p/c/src/gen/x.ts": "" }, []],
    ["another file", { "p/c/README.md": "" }, []],
    ["the case of a name", { "p/c/src/X.TS": "" }, []],
    [
      "the package.json",
      { "p/c/package.json": { name: "c", scripts: { build: "echo c" }, x: 1 } },
      [
        "c#build",
      ],
    ],
  ]],
  ["$TURBO_DEFAULT$ adds the default inputs, and $TURBO_ROOT$ is the root", {
    tasks: {
      build: { inputs: ["$TURBO_DEFAULT$", "!README.md", "x.log", "$TURBO_ROOT$/tsconfig.json"] },
    },
  }, [
    ["a file", { "p/c/src/c.ts": "2" }, ["c#build"]],
    ["an excluded file", { "p/c/README.md": "" }, []],
    ["an ignored file that is named", { "p/c/x.log": "" }, ["c#build"]],
    ["a file of the root", { "tsconfig.json": "{}" }, ALL],
  ]],
  ["global dependencies count for all tasks", {
    globalDependencies: [".env", "config/**"],
    tasks: { build: { inputs: ["src/**"] } },
  }, [
    ["a global file", { ".env": "X=1" }, ALL],
    ["a global folder", { "config/x/y": "" }, ALL],
    ["another file of the root", { "x": "" }, []],
  ]],
  ["^task is the task of the packages that a package depends on", {
    tasks: { build: { dependsOn: ["^build"] } },
  }, [
    ["a file of the dependent", { "p/a/src/a.ts": "2" }, ["a#build"]],
    ["a file of the dependency", { "p/b/src/b.ts": "2" }, ["a#build", "b#build"]],
  ]],
  [
    "without ^task, a package does not count for those that depend on it",
    { tasks: { build: {} } },
    [
      ["a file of the dependency", { "p/b/src/b.ts": "2" }, ["b#build"]],
    ],
  ],
  ["package#task replaces the definition of a task for one package", {
    tasks: { build: {}, "c#build": { inputs: ["only"] } },
  }, [
    ["a file", { "p/c/src/c.ts": "2", "p/b/src/b.ts": "2" }, ["b#build"]],
    ["the only input", { "p/c/only": "" }, ["c#build"]],
  ]],
  ["a task without a script passes the inputs of its package on", {
    tasks: { transit: { dependsOn: ["^transit"] }, build: { dependsOn: ["transit"] } },
  }, [
    ["a file of the dependency", { "p/b/src/b.ts": "2" }, [
      "a#build",
      "a#transit",
      "b#build",
      "b#transit",
    ]],
  ]],
  ["a task that is not cached runs every time, but its dependents only if its inputs change", {
    tasks: { build: { cache: false }, test: { dependsOn: ["build"] } },
  }, [
    ["nothing", {}, ALL],
    ["a file", { "p/a/src/a.ts": "2" }, ["a#build", "a#test", "b#build", "c#build"]],
  ]],
  ["the definition of a task counts", { tasks: { build: { outputs: ["dist/**"] } } }, [
    ["the outputs", { "turbo.json": { tasks: { build: { outputs: ["out/**"] } } } }, ALL],
    ["a package's own config", {
      "p/c/turbo.json": {
        extends: ["//"],
        tasks: { build: { outputs: ["$TURBO_EXTENDS$", "x"] } },
      },
    }, ["c#build"]],
    ["nothing", {}, []],
  ]],
];

for (const [what, turbo, edits] of KEYS) {
  Deno.test(`turbo.json: ${what}`, async () => {
    await using project = new PeerProject({ ...WORKSPACE, "turbo.json": turbo });
    const { tasks } = turbo as { readonly tasks: Readonly<Record<string, unknown>> };
    const names = Object.keys(tasks).filter((each) => !each.includes("#") && each !== "transit");
    const isPassing = (name: string): boolean => name.endsWith("#transit");
    await project.ran(...names);
    await project.ran(...names);
    for (const [edit, files, ran] of edits) {
      project.write(files);
      // A task that only passes inputs on has no command that could run.
      const expected = ran.filter((each) => !isPassing(each));
      assertEquals(
        (await project.ran(...names)).filter((each) => !isPassing(each)),
        expected,
        edit,
      );
    }
  });
}

Deno.test("turbo.json: outputs are restored with their dot files, and logs without outputs", async () => {
  await using project = new PeerProject({
    ".git/HEAD": "",
    ".gitignore": "dist\nout\n",
    "package.json": {
      name: "one",
      scripts: {
        build: "mkdir -p dist/.x && cat in > dist/.x/a && cat in > dist/b && cat in > out",
        lint: "cat in > out",
      },
    },
    in: "1",
    "turbo.json": {
      tasks: { build: { outputs: ["dist/**", "!dist/b"] }, lint: { inputs: ["in"] } },
    },
  });
  assertEquals(await project.ran("build", "lint"), ["build", "lint"]);
  project.write({ in: "2" });
  assertEquals(await project.ran("build", "lint"), ["build", "lint"]);
  project.write({ in: "1" });
  assertEquals(await project.ran("build", "lint"), []);
  assertEquals(project.read("dist/.x/a"), "1");
  // Neither the excluded output nor one that is not declared is restored.
  assertEquals([project.read("dist/b"), project.read("out")], ["2", "2"]);
});

Deno.test("turbo.json: a task gets the variables that it names, and they count", async () => {
  const show = "echo [$MODE $OTHER $PASSED $API_URL $API_KEY $NEXT_PUBLIC_X $CI $GLOBAL]";
  await using project = new PeerProject({
    ".git/HEAD": "",
    "package.json": { name: "one", scripts: { build: show }, dependencies: { next: "1" } },
    "turbo.json": {
      globalEnv: ["GLOBAL"],
      tasks: { build: { env: ["MODE", "API_*", "!API_KEY"], passThroughEnv: ["PASSED"] } },
    },
  });
  const all = {
    MODE: "1",
    OTHER: "1",
    PASSED: "1",
    API_URL: "1",
    API_KEY: "1",
    NEXT_PUBLIC_X: "1",
    CI: "1",
    GLOBAL: "1",
  };
  project.env = all;
  assertEquals((await project.run(["build"])).stdout, "[1 1 1 1 1 1]\n");
  for (
    const [name, ran] of Object.entries({
      MODE: ["build"],
      OTHER: [],
      PASSED: [],
      API_URL: ["build"],
      API_KEY: [],
      NEXT_PUBLIC_X: ["build"],
      CI: [],
      GLOBAL: ["build"],
    })
  ) {
    project.env = { ...all, [name]: "2" };
    assertEquals(await project.ran("build"), ran, name);
  }
  project.write({ "turbo.json": { envMode: "loose", tasks: { build: {} } } });
  project.env = all;
  assertEquals((await project.run(["build"])).stdout, "[1 1 1 1 1 1 1 1]\n");
});

Deno.test("turbo.json: only an upgrade behind a package makes its tasks run again", async () => {
  const lock = (y: string, z: string): unknown => ({
    lockfileVersion: 3,
    packages: {
      "": {},
      "node_modules/y": { version: y },
      "node_modules/z": { version: z },
      "p/a": { dependencies: { b: "*" } },
      "p/b": { dependencies: { y: "*" } },
      "p/c": { dependencies: { z: "*" } },
      "node_modules/b": { link: true, resolved: "p/b" },
    },
  });
  const depending = (name: string, on: string): unknown => ({
    name,
    dependencies: { [on]: "*" },
    scripts: { build: `echo ${name}` },
  });
  await using project = new PeerProject({
    ...WORKSPACE,
    "p/b/package.json": depending("b", "y"),
    "p/c/package.json": depending("c", "z"),
    "turbo.json": { tasks: { build: {} } },
    "package-lock.json": lock("1", "1"),
  });
  assertEquals(await project.ran("build"), ALL);
  project.write({ "package-lock.json": lock("2", "1") });
  assertEquals(await project.ran("build"), ["b#build"]);
  project.write({ "package-lock.json": lock("2", "2") });
  assertEquals(await project.ran("build"), ["c#build"]);
  project.write({ "package-lock.json": lock("1", "1") });
  assertEquals(await project.ran("build"), []);
  project.write({ "package-lock.json": { lockfileVersion: 99 } });
  assertEquals(await project.ran("build"), ALL);
});

const MISTAKES: readonly (readonly [what: string, turbo: string, message: string])[] = [
  [
    "a task that does not exist",
    `{"tasks":{"build":{"dependsOn":["tests"]}}}`,
    `Invalid config: turbo.json:1:33: "tests" names nothing: there is no such task. Did you mean "test"?`,
  ],
  [
    "a task that no package has",
    `{"tasks":{"build":{"dependsOn":["^biuld"]}}}`,
    `Invalid config: turbo.json:1:33: "^biuld" names nothing: no package has such a task. Did you mean "^build"?`,
  ],
  [
    "a package that does not exist",
    `{"tasks":{"build":{"dependsOn":["roott#test"]}}}`,
    `Invalid config: turbo.json:1:33: "roott#test" names the package "roott", which does not exist. Did you mean "root#test"?`,
  ],
  [
    "a persistent task",
    `{"tasks":{"build":{"dependsOn":["test"]},"test":{"persistent":true}}}`,
    `Invalid config: turbo.json:1:33: "build" cannot depend on "test", because that task is persistent and does not end`,
  ],
  [
    "a cycle",
    `{"tasks":{"build":{"dependsOn":["test"]},"test":{"dependsOn":["build"]}}}`,
    `Task cycle detected: b#build -> b#test -> b#build`,
  ],
  [
    "a wrong value",
    `{"tasks":{"build":{"cache":"no"}}}`,
    `Invalid config: turbo.json:1:28: "cache" of the task "build" must be true or false, but found the string "no"`,
  ],
  [
    "the key of Turborepo 1",
    `{"pipeline":{}}`,
    `Invalid config: turbo.json:1:2: "pipeline" is of Turborepo 1: rename it to "tasks"`,
  ],
];

for (const [what, text, message] of MISTAKES) {
  Deno.test(`turbo.json: ${what} is an error with its place`, async () => {
    await using project = new PeerProject({ ...WORKSPACE, "turbo.json": text });
    assertEquals(await project.refusal("build"), message);
  });
}

Deno.test("turbo.json: what has no effect is said once, with its line", async () => {
  await using project = new PeerProject({
    ...WORKSPACE,
    "turbo.json": `{
      "ui": "tui",
      "globalenv": [],
      "tasks": {
        "build": { "outputLogs": "none", "output": [] }
      }
    }`,
  });
  assertEquals(await project.warnings("build"), [
    `turbo.json:2: "ui" of turbo.json has no effect: --output and --replay-logs decide what is shown`,
    `turbo.json:3: "globalenv" of turbo.json is unknown and has no effect. Did you mean "globalEnv"?`,
    `turbo.json:5: "outputLogs" of the task "build" has no effect: --output and --replay-logs decide what is shown`,
    `turbo.json:5: "output" of the task "build" is unknown and has no effect. Did you mean "outputs"?`,
  ]);
  assertEquals(await project.warnings("build"), []);
});

Deno.test("turbo.json: a package's config inherits, replaces lists, and can exclude a task", async () => {
  await using project = new PeerProject({
    ...WORKSPACE,
    "turbo.json": { tasks: { build: { dependsOn: ["^build"], inputs: ["src/**"] }, test: {} } },
    "p/a/turbo.json": { extends: ["//", "c"], tasks: { test: { extends: false } } },
    "p/c/turbo.json": { extends: ["//"], tasks: { build: { inputs: ["$TURBO_EXTENDS$", "x"] } } },
  });
  assertEquals(await project.ran("build", "test"), ["a#build", "a#test", "b#build", "c#build"]);
  // The excluded task is a script without a declaration.
  assertEquals(await project.ran("build", "test"), ["a#test"]);
  project.write({ "p/a/x": "", "p/b/x": "", "p/c/x": "" });
  assertEquals(await project.ran("build"), ["a#build", "c#build"]);
});

Deno.test("a task that several configs declare is that of the first in the order of precedence", async () => {
  await using project = new PeerProject({
    ".git/HEAD": "",
    "deno.json": { tasks: { build: "echo deno", script: { files: ["in"] } } },
    "package.json": {
      name: "one",
      scripts: { build: "echo script", script: "echo joined", both: "wireit" },
      wireit: { both: { command: "echo wireit", files: [], output: [] } },
      simmer: { tasks: { script: {} } },
    },
    in: "1",
    "turbo.json": { tasks: { build: {}, both: { cache: false } } },
  });
  assertEquals((await project.warnings("build", "both")).sort(), [
    `package.json:1: "both" is declared here, so what turbo.json:1 says about the same counts less`,
    `turbo.json:1: "build" is declared here, so what deno.json:1 says about the same counts less`,
  ]);
  assertEquals(await project.ran("build", "both"), []);
  project.write({ in: "2" });
  const { stdout } = await project.run(["build", "both"]);
  assertEquals(stdout, "script\n");
});

Deno.test("a deno.json declares the inputs of a script of the package.json beside it", async () => {
  await using project = new PeerProject({
    "deno.json": { tasks: { build: { files: ["in"], output: ["out"] } } },
    "package.json": { name: "one", scripts: { build: "cat in > out" } },
    in: "1",
  });
  assertEquals(await project.ran("build"), ["build"]);
  assertEquals(await project.ran("build"), []);
  project.write({ in: "2" });
  assertEquals(await project.ran("build"), ["build"]);
  assertEquals(project.read("out"), "2");
});

Deno.test("turbo.json: a persistent task runs until it is cancelled, with those beside it", async () => {
  await using project = new PeerProject({
    ...WORKSPACE,
    "p/a/package.json": { name: "a", scripts: { dev: "echo a && sleep 60" } },
    "p/b/package.json": { name: "b", scripts: { serve: "echo b && sleep 60" } },
    "turbo.json": {
      tasks: {
        "a#dev": { persistent: true, with: ["b#serve"] },
        serve: { persistent: true },
      },
    },
  });
  const shown = new Set<string>();
  const { ran, exitCode } = await project.cooker.run(
    ["a#dev"],
    {
      env: { PATH: Deno.env.get("PATH") ?? "" },
      jobs: 1,
    },
    undefined,
    (event) => {
      if (event.type === "TaskOutput") shown.add(event.task);
      if (shown.size === 2) project.cooker.cancelAll();
    },
  );
  assertEquals([[...ran].sort(), [...shown].sort()], [["dev", "serve"], ["a#dev", "b#serve"]]);
  assertEquals(exitCode === 0, false);
});

Deno.test("turbo.json: at the root, a task means that of all packages, and so does a script of turbo", async () => {
  await using project = new PeerProject({
    ...WORKSPACE,
    "package.json": {
      name: "root",
      workspaces: ["p/*"],
      scripts: { all: "turbo run build test", other: "turbo run build --force" },
    },
    "turbo.json": { tasks: { build: { dependsOn: ["^build"] }, test: {} } },
  });
  const tasksOf = async (name: string): Promise<string[]> => {
    const { events } = await project.run([name], false);
    return events.flatMap((event) =>
      event.type === "TaskStarted" || event.type === "TaskCached" ? event.task : []
    ).sort();
  };
  assertEquals(await tasksOf("build"), ALL);
  assertEquals(await tasksOf("all"), ["a#build", "a#test", "b#build", "c#build", "root#all"]);
  assertEquals(await tasksOf("other"), ["root#other"]);
});

Deno.test("a task in another folder than its package has no declaration of another tool", async () => {
  await using project = new PeerProject({ ...WORKSPACE, "turbo.json": { tasks: { build: {} } } });
  await project.ran("build");
  const env = { PATH: Deno.env.get("PATH") ?? "" };
  const { ran, cached } = await project.cooker.run(["c#build"], {
    taskCwd: `${project.root}/p/b`,
    env,
  });
  assertEquals([ran, cached], [["build"], []]);
});
