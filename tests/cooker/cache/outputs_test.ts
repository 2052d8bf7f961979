import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { DirectCooker, type DirectRun } from "../direct_cooker.ts";

/** Declares a task that makes `out/f`. `command` is appended, and may add a hard link to the file. */
const MAKE = (command: string): Readonly<Record<string, unknown>> => ({
  command: `mkdir -p out && cat n > out/f ${command}`,
  files: ["n"],
  output: ["out"],
});

/** The times at which an output gets a hard link, through which it is edited later. */
const NAMINGS = ["as it is made", "before it is found again", "after it was found again"] as const;

/** A project whose tasks are shell scripts with the input `n`. */
class Project implements AsyncDisposable {
  readonly root = Deno.realPathSync(Deno.makeTempDirSync({ prefix: "simmer-outputs-" }));
  readonly cooker = new DirectCooker(this.root);

  constructor(
    tasks: Readonly<Record<string, Readonly<Record<string, unknown>>>>,
    more: Readonly<Record<string, unknown>> = {},
  ) {
    this.write("deno.json", JSON.stringify({ ...more, tasks }));
  }

  write(path: string, text: string): void {
    Deno.mkdirSync(`${this.root}/${path}`.replace(/\/[^/]*$/, ""), { recursive: true });
    Deno.writeTextFileSync(`${this.root}/${path}`, text);
  }

  read(path: string): string {
    return Deno.readTextFileSync(`${this.root}/${path}`).trim();
  }

  remove(path: string): void {
    Deno.removeSync(`${this.root}/${path}`, { recursive: true });
  }

  /** Lists all paths in a folder, recursively. Folders end in `/`. */
  list(folder: string): string[] {
    const found: string[] = [];
    const visit = (path: string): void => {
      for (const { name, isDirectory } of Deno.readDirSync(`${this.root}/${path}`)) {
        found.push(`${path}/${name}${isDirectory ? "/" : ""}`);
        if (isDirectory) visit(`${path}/${name}`);
      }
    };
    visit(folder);
    return found.sort();
  }

  async run(task = "b"): Promise<DirectRun> {
    return await this.cooker.run([task], { env: { PATH: Deno.env.get("PATH") ?? "" } });
  }

  /** Runs a task with another input. */
  async runWith(input: string, task = "b"): Promise<DirectRun> {
    this.write("n", input);
    return await this.run(task);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.cooker[Symbol.asyncDispose]();
    Deno.removeSync(this.root, { recursive: true });
  }
}

function warnings(run: DirectRun): string {
  return run.events.map((event) => "text" in event ? String(event.text) : "").join("\n") +
    JSON.stringify(run.events.filter(({ type }) => type === "LogRecord"));
}

function script(command: string, output: readonly string[], more = {}): Record<string, unknown> {
  return { command: `sh -c '${command}'`, files: ["n"], output, ...more };
}

Deno.test("a file that the task did not make survives every run, even if it matches an output", async () => {
  await using project = new Project({ b: script("cp n src/a.js", ["src/**/*.js"]) });
  project.write("src/vendor.js", "by hand");
  for (const input of ["1", "2", "3", "1"]) await project.runWith(input);
  project.write("src/later.js", "by hand");
  for (const input of ["4", "2"]) await project.runWith(input);
  assertEquals(project.list("src"), ["src/a.js", "src/later.js", "src/vendor.js"]);
  assertEquals([project.read("src/a.js"), project.read("src/later.js")], ["2", "by hand"]);
});

Deno.test("an output that was edited by hand is not removed", async () => {
  await using project = new Project({ b: script("mkdir -p out; cp n out/$(cat n)", ["out"]) });
  await project.runWith("1");
  project.write("out/1", "edited");
  await project.runWith("2");
  assertEquals(project.list("out"), ["out/1", "out/2"]);
  assertEquals(project.read("out/1"), "edited");
});

for (const isEdited of [false, true]) {
  const what = isEdited ? "is not removed if it was edited by hand" : "is removed by the next run";
  Deno.test(`an output of a failed run ${what}`, async () => {
    await using project = new Project({
      b: script("mkdir -p out; cp n out/$(cat n); test $(cat n) != bad", ["out"]),
    });
    await project.runWith("bad");
    if (isEdited) project.write("out/bad", "edited by hand");
    await project.runWith("good");
    assertEquals(project.list("out"), isEdited ? ["out/bad", "out/good"] : ["out/good"]);
    project.remove("out");
    assertEquals((await project.run()).cached, ["b"]);
    assertEquals(project.list("out"), ["out/good"]);
  });
}

Deno.test("an output of a cancelled run is removed by the next run", async () => {
  await using project = new Project({
    b: script("mkdir -p out; cp n out/$(cat n); echo made; test $(cat n) = good || sleep 60", [
      "out",
    ]),
  });
  project.write("n", "slow");
  const env = { PATH: Deno.env.get("PATH") ?? "" };
  await project.cooker.run(["b"], { env }, "TaskOutput");
  assertEquals(project.list("out"), ["out/slow"]);
  await project.runWith("good");
  assertEquals(project.list("out"), ["out/good"]);
});

Deno.test("an output of a failed run is removed when a result is restored", async () => {
  await using project = new Project({
    b: script("mkdir -p out; cp n out/$(cat n); test $(cat n) != bad", ["out"]),
  });
  await project.runWith("good");
  await project.runWith("bad");
  assertEquals((await project.runWith("good")).cached, ["b"]);
  assertEquals(project.list("out"), ["out/good"]);
});

Deno.test("a result has neither files made by hand nor folders of earlier results", async () => {
  await using project = new Project({
    b: script("mkdir -p dist/$(cat n); touch dist/$(cat n)/f", ["dist"]),
  });
  project.write("dist/mine/by-hand", "mine");
  await project.runWith("one");
  project.write("dist/one/by-hand", "mine");
  await project.runWith("two");
  assertEquals(project.list("dist").filter((path) => path.includes("by-hand")).length, 2);
  project.remove("dist");
  assertEquals((await project.run()).cached, ["b"]);
  assertEquals(project.list("dist"), ["dist/two/", "dist/two/f"]);
});

Deno.test("two tasks with one output folder never restore each other's stale files", async () => {
  await using project = new Project({
    js: { command: "mkdir -p d && cp js d/js", files: ["js"], output: ["d"] },
    css: { command: "mkdir -p d && cp css d/css", files: ["css"], output: ["d"] },
  });
  const both = async (js: string, css: string): Promise<void> => {
    project.write("js", js);
    project.write("css", css);
    await project.run("js");
    await project.run("css");
    assertEquals([project.read("d/js"), project.read("d/css")], [js, css]);
  };
  for (const [js, css] of ["11", "12", "21", "22", "11", "31", "13"]) {
    await both(js ?? "", css ?? "");
  }
  const again = [await project.run("js"), await project.run("css")];
  assertEquals(again.flatMap(({ cached }) => cached), ["js", "css"]);
});

Deno.test("two tasks that write to one output folder at the same time get a warning, and no hits", async () => {
  const wait = (mine: string, other: string): string =>
    `mkdir -p d; cp ${mine} d/${mine}; until test -e d/${other}; do sleep 0.01; done`;
  await using project = new Project({
    js: { command: `sh -c '${wait("js", "css")}'`, files: ["js"], output: ["d"] },
    css: { command: `sh -c '${wait("css", "js")}'`, files: ["css"], output: ["d"] },
    all: { dependencies: ["js", "css"] },
  });
  project.write("js", "1");
  project.write("css", "1");
  const env = { PATH: Deno.env.get("PATH") ?? "" };
  const run = await project.cooker.run(["all"], { env, jobs: 2 });
  assertEquals([run.exitCode, project.list("d")], [0, ["d/css", "d/js"]]);
  assertStringIncludes(warnings(run), "which ran at the same time");
  assertEquals((await project.cooker.run(["all"], { env, jobs: 2 })).cached, []);
});

for (const naming of NAMINGS) {
  Deno.test(`an output that is edited through a hard link is restored, linked ${naming}`, async () => {
    const b = MAKE(naming === "as it is made" ? "&& ln out/f other" : "");
    await using project = new Project({ b });
    const link = (): void => Deno.linkSync(`${project.root}/out/f`, `${project.root}/other`);
    await project.runWith("1");
    if (naming === "before it is found again") link();
    // Once restored, the output no longer shares a file with the link.
    for (let round = 0; round < 2; round++) {
      assertEquals((await project.run()).cached, ["b"]);
      assertEquals((await project.run()).cached, ["b"]);
      if (naming === "after it was found again" && round === 0) link();
      project.write("other", `edited ${round}`);
      assertEquals((await project.run()).cached, ["b"]);
      assertEquals(project.read("out/f"), "1");
    }
  });
}

Deno.test("node_modules and .git inside an output folder belong to the output", async () => {
  await using project = new Project({
    b: script(
      "mkdir -p out/node_modules/x out/.git out/sub/node_modules; cp n out/f; " +
        "for d in out/node_modules/x out/.git out/sub/node_modules; do cp n $d/f; done",
      ["out"],
    ),
  });
  await project.runWith("1");
  await project.runWith("2");
  const files = ["out/f", "out/node_modules/x/f", "out/.git/f", "out/sub/node_modules/f"];
  assertEquals((await project.runWith("1")).cached, ["b"]);
  assertEquals(files.map((path) => project.read(path)), ["1", "1", "1", "1"]);
  for (const path of files) {
    project.write(path, "damaged");
    assertEquals((await project.run()).cached, ["b"], path);
    assertEquals(project.read(path), "1", path);
  }
});

for (
  const [pattern, path] of [
    ["*/node_modules/x/*.js", "a/node_modules/x/f.js"],
    ["**/node_modules/**/*.js", "a/b/node_modules/x/node_modules/y/f.js"],
    ["node_modules", "node_modules/x/node_modules/y/f.js"],
    ["a/**/.git/HEAD", "a/b/.git/HEAD"],
  ] as const
) {
  Deno.test(`a file in node_modules or .git is an input if a pattern names that folder: ${pattern}`, async () => {
    await using project = new Project({
      b: { command: `cp ${path} out`, files: [pattern, "n"], output: ["out"] },
    });
    project.write(path, "1");
    await project.runWith("0");
    assertEquals((await project.run()).cached, ["b"]);
    project.write(path, "2");
    await project.run();
    assertEquals(project.read("out"), "2");
  });
}

Deno.test("node_modules is not an input if no pattern names it", async () => {
  await using project = new Project({
    b: { command: "cp n out", files: ["**/*", "!out"], output: ["out"] },
  });
  project.write("a/node_modules/x/f.js", "1");
  await project.runWith("1");
  project.write("a/node_modules/x/f.js", "2");
  assertEquals((await project.run()).cached, ["b"]);
});

for (
  const [output, part] of [
    [["../outside-$"], "outside the task's folder"],
    [["out", "/tmp/simmer-nothing-$"], "outside the task's folder"],
    [["out", "../*/$"], "outside the task's folder"],
    [["dist/**"], "matches nothing"],
    [["out", "typo"], "matches nothing"],
    [["*.none", "out"], "matches nothing"],
  ] as const
) {
  Deno.test(`a result with an invalid or missing output is not stored, with a warning: ${output.join(", ")}`, async () => {
    await using project = new Project({ b: script("cp n out", output) });
    const run = await project.runWith("1");
    assertEquals([run.exitCode, run.ran], [0, ["b"]]);
    assertStringIncludes(warnings(run), part);
    assertEquals((await project.run()).ran, ["b"]);
  });
}

Deno.test("modes of folders are restored, including folders that only lead to outputs", async () => {
  await using project = new Project({
    b: script(
      "mkdir -p out/ro/deep gen/sub; cp n out/ro/deep/f; cp n gen/sub/x.js; " +
        "chmod 711 out; chmod 555 out/ro/deep out/ro; chmod 700 gen; chmod 750 gen/sub",
      ["out", "gen/**/*.js"],
    ),
  });
  const modes = (): (number | undefined)[] =>
    ["out", "out/ro", "out/ro/deep", "gen", "gen/sub"]
      .map((path) => (Deno.statSync(`${project.root}/${path}`).mode ?? 0) & 0o777);
  const want = [0o711, 0o555, 0o555, 0o700, 0o750];
  await project.runWith("1");
  assertEquals(modes(), want);
  for (const input of ["1", "2", "1"]) {
    for (const folder of ["out", "gen"]) project.remove(folder);
    const run = await project.runWith(input);
    assertEquals([run.exitCode, modes(), project.read("out/ro/deep/f")], [0, want, input]);
  }
  Deno.chmodSync(`${project.root}/out`, 0o755);
  assertEquals((await project.run()).cached, ["b"]);
  assertEquals(modes(), want);
});

/** True if the file system of the tests supports sparse files. */
const hasHoles = ((): boolean => {
  const path = Deno.makeTempFileSync();
  Deno.truncateSync(path, 1024 * 1024);
  const { blocks } = Deno.statSync(path);
  Deno.removeSync(path);
  return blocks === 0;
})();

for (const [what, bytes] of [["a small", 64 * 1024], ["a large", 32 * 1024 * 1024]] as const) {
  Deno.test({
    name: `${what} sparse output is sparse in the store and after a restore`,
    ignore: !hasHoles,
    fn: async () => {
      await using project = new Project({
        b: script(
          `truncate -s ${bytes + 100} out; printf x | dd of=out bs=1 seek=${
            bytes / 2
          } conv=notrunc`,
          [
            "out",
          ],
        ),
      });
      await project.runWith(what);
      const content = Deno.readFileSync(`${project.root}/out`);
      const room = 512 * (Deno.statSync(`${project.root}/out`).blocks ?? Infinity);
      project.remove("out");
      assertEquals((await project.run()).cached, ["b"]);
      const { size, blocks } = Deno.statSync(`${project.root}/out`);
      assertEquals(size, bytes + 100);
      assertEquals(Deno.readFileSync(`${project.root}/out`), content);
      assert((blocks ?? Infinity) * 512 <= 2 * room, `${blocks} blocks`);
      const kept = project.list(".simmer/cache/v1/blobs").filter((path) => !path.endsWith("/"))
        .map((path) => Deno.statSync(`${project.root}/${path}`))
        .filter((info) => info.size === size);
      assertEquals(kept.length, 1);
      assert((kept[0]?.blocks ?? Infinity) * 512 <= 2 * room, "the blob has holes");
    },
  });
}

Deno.test("projects of different names do not share results, but checkouts of one project do", async () => {
  const tasks = { b: script("cp n out; basename $(pwd) >> out", ["out"]) };
  await using first = new Project(tasks, { name: "@a/one" });
  await first.runWith("1");
  const inCacheOfFirst = async (name?: string, packageName?: string): Promise<DirectRun> => {
    await using other = new Project(tasks, name === undefined ? {} : { name });
    if (packageName !== undefined) {
      other.write("package.json", JSON.stringify({ name: packageName }));
    }
    other.write("n", "1");
    await using cooker = new DirectCooker(other.root, { cache: `${first.root}/.simmer/cache` });
    return await cooker.run(["b"], { env: { PATH: Deno.env.get("PATH") ?? "" } });
  };
  assertEquals((await inCacheOfFirst("@a/one")).cached, ["b"]);
  assertEquals((await inCacheOfFirst("@a/two")).ran, ["b"]);
  assertEquals((await inCacheOfFirst()).ran, ["b"]);
  assertEquals((await inCacheOfFirst(undefined, "three")).ran, ["b"], "a name in package.json");
  assertEquals((await inCacheOfFirst(undefined, "three")).cached, ["b"]);
  first.write("deno.json", JSON.stringify({ name: "@a/other", tasks }));
  const { tasks: planned } = await first.cooker.plan(["b"]);
  assertEquals(planned.flatMap(({ reasons }) => reasons.map(({ kind }) => kind)), ["project"]);
});

Deno.test("outputs of runs that could not use the cache are removed by the first run that can", async () => {
  const b = script("mkdir -p out; cp n out/$(cat n)", ["out"]);
  await using project = new Project({ g: { command: "true" }, b: { ...b, dependencies: ["g"] } });
  project.write("out/by-hand", "mine");
  await project.runWith("1");
  await project.runWith("2");
  project.write("deno.json", JSON.stringify({ tasks: { b } }));
  await project.runWith("3");
  assertEquals(project.list("out"), ["out/3", "out/by-hand"]);
});

Deno.test("a task that runs every time has its outputs removed before a run, unless clean is false", async () => {
  const b = script("mkdir -p out; cp n out/$(cat n)", ["out"]);
  const g = { g: { command: "true" } };
  const always = { ...b, dependencies: ["g"] };
  const runs = [
    { what: "depends on a task that runs every time", tasks: { ...g, b: always } },
    { what: "has no input files", tasks: { b: { ...b, files: ["nothing-here"] } } },
    { what: "clean is false", tasks: { ...g, b: always }, clean: false },
  ];
  for (const { what, tasks, clean } of runs) {
    await using project = new Project(
      tasks,
      clean === undefined ? {} : { simmer: { tasks: { b: { clean } } } },
    );
    project.write("out/by-hand", "mine");
    await project.runWith("1");
    await project.runWith("2");
    const stays = clean === false ? ["out/1"] : [];
    assertEquals(project.list("out"), [...stays, "out/2", "out/by-hand"], what);
  }
});

/**
 * A tool that makes an output only if its input has changed. It remembers inputs in `stamps`, which is
 * not an output.
 */
const INCREMENTAL = `
mkdir -p stamps out
for f in src/*; do
  n=$(basename $f)
  cmp -s $f stamps/$n && continue
  cp $f stamps/$n; cp $f out/$n
done
test ! -e src/fail`;

for (const clean of [true, false, "if-file-deleted"] as const) {
  Deno.test(`clean ${clean} decides which outputs of an incremental tool remain`, async () => {
    await using project = new Project(
      { b: { command: "sh tool.sh", files: ["src", "tool.sh"], output: ["out"] } },
      { simmer: { tasks: { b: { clean } } } },
    );
    project.write("tool.sh", INCREMENTAL);
    project.write("src/x", "1");
    project.write("src/y", "1");
    project.write("out/by-hand", "mine");
    await project.run();
    project.write("src/x", "2");
    await project.run();
    const whole = clean === true ? ["out/x"] : ["out/x", "out/y"];
    assertEquals(project.list("out"), ["out/by-hand", ...whole]);
    // A failed run must not remove outputs that the tool will not make again.
    project.write("src/fail", "1");
    assertEquals((await project.run()).exitCode, 1);
    project.remove("src/fail");
    project.write("src/y", "2");
    await project.run();
    // The input `src/fail` was deleted, so "if-file-deleted" removes outputs.
    const after = clean === false ? ["out/fail", "out/x", "out/y"] : ["out/y"];
    assertEquals(project.list("out"), ["out/by-hand", ...after]);
    project.remove("out");
    assertEquals((await project.run()).cached, ["b"]);
    assertEquals(project.list("out"), after);
  });
}

Deno.test("a result has outputs of earlier runs, even after a failure, with clean if-file-deleted", async () => {
  await using project = new Project(
    {
      b: {
        command: "sh tool.sh",
        files: ["src", "tool.sh"],
        output: ["out"],
      },
    },
    { simmer: { tasks: { b: { clean: "if-file-deleted" } } } },
  );
  project.write("tool.sh", INCREMENTAL.replace("! -e src/fail", '$(cat src/x) != "bad"'));
  project.write("src/x", "1");
  project.write("src/y", "1");
  await project.run();
  project.write("src/x", "bad");
  assertEquals((await project.run()).exitCode, 1);
  project.write("src/x", "2");
  await project.run();
  project.remove("out");
  assertEquals((await project.run()).cached, ["b"]);
  assertEquals(project.list("out"), ["out/x", "out/y"]);
});

Deno.test("clean is not part of the key", async () => {
  const tasks = { b: script("cp n out", ["out"]) };
  await using project = new Project(tasks);
  await project.runWith("1");
  const simmer = { tasks: { b: { clean: false } } };
  project.write("deno.json", JSON.stringify({ tasks, simmer }));
  assertEquals((await project.run()).cached, ["b"]);
});

for (const clean of [undefined, "if-file-deleted"]) {
  Deno.test(`a changed .tsbuildinfo that is not an output causes a warning, clean ${clean}`, async () => {
    const simmer = { tasks: { b: clean === undefined ? {} : { clean } } };
    const command = "mkdir -p out; cp n out/f; cp n tsconfig.tsbuildinfo";
    await using project = new Project({ b: script(command, ["out"]) }, { simmer });
    for (const input of ["1", "2"]) {
      const run = await project.runWith(input);
      assertEquals(run.exitCode, 0);
      assertStringIncludes(warnings(run), "the task changed tsconfig.tsbuildinfo");
    }
    assertEquals((await project.run()).cached, clean === undefined ? [] : ["b"]);
    const tasks = { b: script(command, ["out", "*.tsbuildinfo"]) };
    project.write("deno.json", JSON.stringify({ tasks }));
    assertEquals(
      warnings(await project.run()).includes("the task changed tsconfig.tsbuildinfo"),
      false,
    );
    assertEquals((await project.run()).cached, ["b"]);
  });
}
