import { assertEquals } from "@std/assert";
import { type Files, PeerProject } from "./peer_project.ts";

/** A package whose scripts are those of its `wireit` section. */
function packageOf(wireit: Readonly<Record<string, unknown>>, more: Files = {}): unknown {
  const scripts = Object.fromEntries(Object.keys(wireit).map((name) => [name, "wireit"]));
  return { name: "one", scripts: { plain: "echo plain", ...scripts }, wireit, ...more };
}

/** An edit, and the tasks that run again after it. */
type Edit = readonly [edit: string, files: Files, ran: readonly string[]];

const ECHO = { command: "echo", files: ["in"], output: [] };

const KEYS: readonly (readonly [
  what: string,
  wireit: Readonly<Record<string, unknown>>,
  edits: readonly Edit[],
])[] = [
  ["files are globs, whose order counts, and which match dot files", {
    build: { ...ECHO, files: ["src", "!src/gen", "src/gen/keep", "*.{js,ts}", "/top"] },
  }, [
    ["a file in a folder", { "src/a/.b": "" }, ["build"]],
    ["an excluded file", { "src/gen/x": "" }, []],
    ["one that is selected again", { "src/gen/keep": "" }, ["build"]],
    ["a dot file by a wildcard", { ".x.ts": "" }, ["build"]],
    ["a path from the package's folder", { "top": "" }, ["build"]],
    ["a folder that is usually excluded", { "src/node_modules/x": "", "src/.yarn/x": "" }, []],
    ["another file", { "README.md": "" }, []],
  ]],
  ["allowUsuallyExcludedPaths removes the usual exclusions", {
    build: { ...ECHO, files: ["src"], allowUsuallyExcludedPaths: true },
  }, [
    ["a file in such a folder", { "src/node_modules/x": "" }, ["build"]],
  ]],
  ["a script without files or without output runs every time, and so do its dependents", {
    noFiles: { command: "echo", output: [] },
    noOutput: { command: "echo", files: ["in"] },
    after: { ...ECHO, dependencies: ["noOutput"] },
    apart: { ...ECHO, dependencies: [{ script: "noOutput", cascade: false }] },
  }, [
    ["nothing", {}, ["after", "noFiles", "noOutput"]],
  ]],
  ["a script counts for its dependents unless cascade is false", {
    build: ECHO,
    after: { ...ECHO, files: [], dependencies: ["build"] },
    apart: { ...ECHO, files: [], dependencies: [{ script: "build", cascade: false }] },
    behind: { ...ECHO, files: [], dependencies: ["apart"] },
  }, [
    ["the input", { in: "2" }, ["after", "build"]],
  ]],
  ["a script without a command passes its files and dependencies on", {
    build: ECHO,
    all: { files: ["other"], dependencies: ["build"] },
    after: { ...ECHO, files: [], dependencies: ["all"] },
  }, [
    ["the input", { in: "2" }, ["after", "build"]],
    ["a file of the script", { other: "" }, ["after"]],
    ["nothing", {}, []],
  ]],
  ["the section counts", { build: ECHO }, [
    ["the command", { "package.json": packageOf({ build: { ...ECHO, command: "echo 2" } }) }, [
      "build",
    ]],
    ["clean", { "package.json": packageOf({ build: { ...ECHO, clean: false } }) }, ["build"]],
    ["a fixed variable", { "package.json": packageOf({ build: { ...ECHO, env: { A: "1" } } }) }, [
      "build",
    ]],
  ]],
  ["lockfiles of the package count by name", {
    build: { ...ECHO, packageLocks: ["my.lock"] },
    none: { ...ECHO, packageLocks: [] },
  }, [
    ["the lockfile", { "my.lock": "" }, ["build"]],
    ["another one", { "package-lock.json": "{}" }, []],
  ]],
];

for (const [what, wireit, edits] of KEYS) {
  Deno.test(`wireit: ${what}`, async () => {
    await using project = new PeerProject({ "package.json": packageOf(wireit), in: "1" });
    const names = Object.keys(wireit);
    const isRun = (name: string): boolean =>
      (wireit[name] as { readonly command?: string }).command !== undefined;
    await project.ran(...names);
    for (const [edit, files, ran] of edits) {
      project.write(files);
      assertEquals((await project.ran(...names)).filter(isRun), ran, edit);
    }
  });
}

Deno.test("wireit: dependencies may be plain scripts, scripts of the section alone, and in other packages", async () => {
  await using project = new PeerProject({
    "package.json": { name: "root", workspaces: ["a"] },
    "a/package.json": packageOf({
      build: { command: "echo build", dependencies: ["plain", "../b:build", "./c:alone"] },
    }),
    "b/package.json": { name: "b", scripts: { build: "echo b" } },
    "a/c/package.json": { name: "c", wireit: { alone: { command: "echo alone" } } },
  });
  const { stdout } = await project.run(["build"]);
  assertEquals(stdout.split("\n").sort(), ["", "alone", "b", "build", "plain"]);
});

Deno.test("wireit: variables are fixed, or external with a default, and both count", async () => {
  await using project = new PeerProject({
    "package.json": packageOf({
      build: {
        ...ECHO,
        command: "echo [$FIXED $EXTERNAL $OTHER]",
        env: { FIXED: "1", EXTERNAL: { external: true, default: "d" } },
      },
    }),
    in: "1",
  });
  project.env = { FIXED: "x", OTHER: "o" };
  assertEquals((await project.run(["build"])).stdout, "[1 d o]\n");
  project.env = { FIXED: "y" };
  assertEquals(await project.ran("build"), []);
  project.env = { EXTERNAL: "e" };
  assertEquals((await project.run(["build"])).stdout, "[1 e ]\n");
});

Deno.test("wireit: outputs are removed before a run unless clean is false, and restored", async () => {
  const make = { command: "cat in >> out/x", files: ["in"], output: ["out/*"] };
  await using project = new PeerProject({
    "package.json": packageOf({
      clean: make,
      keep: { ...make, command: "cat in >> kept/x", output: ["kept"], clean: false },
    }),
    in: "1",
    "out/.gitkeep": "",
    "kept/.gitkeep": "",
  });
  for (const text of ["1", "2"]) {
    project.write({ in: text });
    assertEquals(await project.ran("clean", "keep"), ["clean", "keep"]);
  }
  assertEquals([project.read("out/x"), project.read("kept/x")], ["2", "12"]);
  project.write({ in: "1" });
  assertEquals(await project.ran("clean", "keep"), []);
  assertEquals([project.read("out/x"), project.read("kept/x")], ["1", "1"]);
});

Deno.test("wireit: a service is ready when a line of its output matches, and ends with its dependents", async () => {
  await using project = new PeerProject({
    "package.json": packageOf({
      serve: {
        command: "echo starting && sleep 0.05 && echo listening on 80 && sleep 60",
        service: { readyWhen: { lineMatches: "listening on \\d+" } },
      },
      test: { command: "echo tested", dependencies: ["serve"] },
    }),
  });
  const { stdout, exitCode } = await project.run(["test"]);
  assertEquals([stdout, exitCode], ["starting\nlistening on 80\ntested\n", 0]);
});

const MISTAKES: readonly (readonly [what: string, wireit: string, message: string])[] = [
  [
    "a dependency that does not exist",
    `{"build":{"command":"echo","dependencies":["plian"]}}`,
    `"plian" names nothing: there is no such task. Did you mean "plain"?`,
  ],
  [
    "a folder that does not exist",
    `{"build":{"command":"echo","dependencies":["./no:build"]}}`,
    `"./no:build" names a folder without a package.json: no`,
  ],
  [
    "a script that does nothing",
    `{"build":{}}`,
    `"wireit.build" needs "command", "dependencies" or "files", but found an object`,
  ],
  [
    "a service with output",
    `{"build":{"command":"echo","service":true,"output":[]}}`,
    `"output" of "wireit.build" must be left out: a service has no output, but found a list`,
  ],
  [
    "a wrong value",
    `{"build":{"command":"echo","clean":"yes"}}`,
    `"clean" of "wireit.build" must be true, false or "if-file-deleted", but found the string "yes"`,
  ],
  [
    "a path among the lockfiles",
    `{"build":{"command":"echo","packageLocks":["a/b"]}}`,
    `"packageLocks" of "wireit.build" must be names of files without folders, but found a list`,
  ],
];

for (const [what, wireit, message] of MISTAKES) {
  Deno.test(`wireit: ${what} is an error with its place`, async () => {
    const text = `{"name":"one","scripts":{"plain":"echo","build":"wireit"},\n"wireit":${wireit}}`;
    await using project = new PeerProject({ "package.json": text });
    const refusal = await project.refusal("build");
    assertEquals(
      refusal.replace(/^Invalid config: package\.json:2:\d+: /, ""),
      message,
    );
  });
}

Deno.test("wireit: what has no effect is said once, with its line", async () => {
  await using project = new PeerProject({
    "package.json": `{
      "scripts": { "build": "wireit", "plain": "echo" },
      "wireit": {
        "build": { "command": "echo", "outputs": [] },
        "plain": { "command": "echo" }
      }
    }`,
  });
  assertEquals(await project.warnings("build"), [
    `package.json:4: "outputs" of "wireit.build" is unknown and has no effect. Did you mean "output"?`,
    `package.json:5: "wireit.plain" has no effect: the script "plain" in line 2 is not "wireit"`,
  ]);
  assertEquals(await project.warnings("build"), []);
});
