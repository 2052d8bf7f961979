/** Tests which changes during a build a watch reports as edits, and which as the tasks' own writes. */

import { assert, assertEquals } from "@std/assert";
import { existsSync } from "@std/fs";
import { OwnWrites } from "../../../cooker/build/own_writes.ts";
import { macrotask } from "../../../system/macrotask.ts";
import { DirectCooker, type DirectRun } from "../direct_cooker.ts";

/** A project that is watched as by `simmer watch`. */
class Watched implements AsyncDisposable {
  readonly root = Deno.realPathSync(Deno.makeTempDirSync());
  readonly cooker: DirectCooker;
  #rounds = 0;

  constructor(tasks: Readonly<Record<string, unknown>>, files: Readonly<Record<string, string>>) {
    for (const [path, text] of Object.entries(files)) this.write(path, text);
    this.write("deno.json", JSON.stringify({ tasks }));
    this.cooker = new DirectCooker(this.root);
  }

  write(path: string, text: string): void {
    Deno.mkdirSync(`${this.root}/${path}`.replace(/\/[^/]*$/, ""), { recursive: true });
    Deno.writeTextFileSync(`${this.root}/${path}`, text);
  }

  remove(...paths: readonly string[]): void {
    for (const path of paths) Deno.removeSync(`${this.root}/${path}`);
  }

  /** Resolves when a task has created a file. */
  async made(path: string): Promise<void> {
    while (!existsSync(`${this.root}/${path}`)) await macrotask();
  }

  /** Begins a run, and watches for changes since its tasks began while it runs. */
  begin(task: string): Promise<DirectRun> {
    return this.cooker.run([task], { watched: true }, undefined, (event) => {
      if (event.type === "BuildStarted") this.#wait(task, event.build);
    });
  }

  /** Runs a task to its end, then watches for changes since its tasks began. */
  async round(task: string): Promise<void> {
    const { events: [begun] } = await this.cooker.run([task], { watched: true });
    assert(begun?.type === "BuildStarted");
    this.#wait(task, begun.build);
  }

  /** Returns the files of the next `InputsChanged`, and of each `InputsWritten` before it. */
  async changed(): Promise<{ readonly files: readonly string[]; readonly written: string[] }> {
    const written: string[] = [];
    for (;;) {
      await this.cooker.tickUntilEvent();
      const event = this.cooker.events.shift();
      assert(event !== undefined, "there is no event");
      if (event.type === "InputsWritten") written.push(...event.files);
      if (event.type === "InputsChanged") return { files: event.files, written };
    }
  }

  /** Ticks until there is an event, at most 30 times. That is enough to report past changes. */
  async looks(): Promise<void> {
    for (let tick = 0; tick < 30 && this.cooker.events.length === 0; tick++) {
      await this.cooker.tick();
    }
  }

  /**
   * Runs a task again as long as a change is reported.
   *
   * @returns the number of runs, and the files of `InputsWritten`
   */
  async untilQuiet(task: string): Promise<{ readonly runs: number; readonly written: string[] }> {
    const written: string[] = [];
    for (let runs = 1;; runs++) {
      assert(runs <= 6, "changes are reported without end");
      await this.round(task);
      await this.looks();
      const events = this.cooker.events.splice(0);
      for (const event of events) if (event.type === "InputsWritten") written.push(...event.files);
      if (!events.some(({ type }) => type === "InputsChanged")) return { runs, written };
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.cooker[Symbol.asyncDispose]();
    Deno.removeSync(this.root, { recursive: true });
  }

  #wait(task: string, build: string): void {
    this.cooker.watchInputs([task], `w${++this.#rounds}`, build);
  }
}

/** Copies the input, creates `begun`, and runs until `go` exists. */
const SLOW = "cp src/f out && touch begun && sh -c 'until [ -e go ]; do sleep 0.01; done'";

/** Kinds of dependencies, with the tasks for each. */
const DEPENDENCIES: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  "on nothing": {},
  "on a task that runs every time": { g: "true" },
  "indirectly on a task that runs every time": {
    g: { command: "true", files: ["src"], dependencies: ["h"] },
    h: { dependencies: ["i"] },
    i: "true",
  },
  "on a task with a result": { g: { command: "true", files: ["src"] } },
  "on a task whose files match nothing": { g: { command: "true", files: ["nothing/*"] } },
};

for (const [name, others] of Object.entries(DEPENDENCIES)) {
  for (const output of [["out"], []]) {
    const outputs = output.length > 0 ? "" : " and has no outputs";
    Deno.test(`an edit during a run of a task that depends ${name}${outputs} is reported`, async () => {
      const dependencies = "g" in others ? ["g"] : [];
      const build = { command: SLOW, files: ["src/f"], output, dependencies };
      await using project = new Watched({ ...others, build }, { "src/f": "1" });
      const running = project.begin("build");
      await project.made("begun");
      project.write("src/f", "2");
      assertEquals((await project.changed()).files, ["src/f"], "while it runs");
      project.cooker.cancelAll();
      await running;
      project.remove("begun");
      // Same, but the watch begins after the build has ended.
      const round = project.round("build");
      await project.made("begun");
      project.write("src/f", "3");
      project.write("go", "");
      await round;
      assertEquals((await project.changed()).files, ["src/f"], "after it has ended");
    });
  }
}

Deno.test("an input that is created while its task runs is reported, even if it is the only one", async () => {
  const build = { command: "touch begun && sh -c 'until [ -e go ]; do sleep 0.01; done'" };
  await using project = new Watched({ build: { ...build, files: ["src/*"] } }, {});
  const round = project.round("build");
  await project.made("begun");
  project.write("src/new", "1");
  project.write("go", "");
  await round;
  assertEquals((await project.changed()).files, ["src/new"]);
});

Deno.test("an edit during a run is reported even if other builds have begun since", async () => {
  const build = { command: SLOW, files: ["src/f"], dependencies: ["g"] };
  await using project = new Watched({ g: "true", build }, { "src/f": "1" });
  const running = project.cooker.run(["build"], { watched: true });
  await project.made("begun");
  project.write("src/f", "2");
  project.write("go", "");
  const { events: [begun] } = await running;
  assert(begun?.type === "BuildStarted");
  for (let other = 0; other < 3; other++) await project.cooker.run(["g"]);
  project.cooker.watchInputs(["build"], "w", begun.build);
  assertEquals((await project.changed()).files, ["src/f"]);
});

Deno.test("an edit after a run is reported, although the task's inputs were not read before it", async () => {
  await using project = new Watched({ build: "true" }, { "src/f": "1" });
  await project.round("build");
  // The clock of inodes is coarser than the time between a build's end and this line.
  await new Promise((resolve) => setTimeout(resolve, 20));
  project.write("src/f", "2");
  assertEquals((await project.changed()).files, ["src/f"]);
  assertEquals(await project.untilQuiet("build"), { runs: 1, written: [] });
});

/** Prints another text each time. */
const NOW = "date +%s%N";

/**
 * Tasks that write their own or each other's inputs, with new contents each time, and the files that
 * must be reported as own writes.
 */
const WRITERS: Readonly<Record<string, readonly [Readonly<Record<string, unknown>>, string[]]>> = {
  "its own input": [{ build: { command: `${NOW} > src/one`, files: ["src"] } }, ["src/one"]],
  "its own input and an output": [
    { build: { command: `${NOW} > src/one && cp src/f out`, files: ["src"], output: ["out"] } },
    ["src/one"],
  ],
  "its own input by a rename": [
    {
      build: {
        command: `${NOW} > src/new && mv src/new src/one && ${NOW} > src/two`,
        files: ["src"],
        dependencies: ["other"],
      },
      other: "true",
    },
    ["src/one", "src/two"],
  ],
  "the inputs of both its tasks": [
    {
      one: { command: `${NOW} > src/two`, files: ["src/f", "src/one"] },
      two: { command: `${NOW} > src/one`, files: ["src/f", "src/two"], dependencies: ["one"] },
      build: { dependencies: ["two"] },
    },
    ["src/one"],
  ],
  "a dependency's input": [
    {
      one: { command: "cat src/one", files: ["src"] },
      build: { command: `${NOW} > src/one`, files: ["src/f"], dependencies: ["one"] },
    },
    ["src/one"],
  ],
};

for (const [name, [tasks, own]] of Object.entries(WRITERS)) {
  Deno.test(`a build that writes ${name} runs twice, is reported once, and still reacts to edits`, async () => {
    await using project = new Watched(tasks, { "src/f": "1", "src/one": "1", "src/two": "1" });
    assertEquals(await project.untilQuiet("build"), { runs: 2, written: own });
    project.write("src/f", "2");
    assertEquals(await project.changed(), { files: ["src/f"], written: [] });
    assertEquals(await project.untilQuiet("build"), { runs: 1, written: [] }, "after an edit");
    project.write("src/one", "edited");
    assertEquals(await project.changed(), { files: ["src/one"], written: [] });
    assertEquals(
      await project.untilQuiet("build"),
      { runs: 1, written: [] },
      "after an edit of a file that it writes",
    );
  });
}

Deno.test("an edit during a run is reported along with the task's own writes", async () => {
  const build = { command: `${NOW} > src/stamp && ${SLOW}`, files: ["src"] };
  await using project = new Watched({ build }, { "src/f": "1", go: "" });
  assertEquals(await project.untilQuiet("build"), { runs: 2, written: ["src/stamp"] });
  for (const text of ["2", "3"]) {
    project.remove("begun", "go");
    const running = project.begin("build");
    await project.made("begun");
    project.write("src/f", text);
    assertEquals((await project.changed()).files, ["src/f", "src/stamp"]);
    project.write("go", "");
    await running;
  }
});

Deno.test("a check of inputs that is in progress at the end is waited for", async () => {
  const build = { command: "true", files: ["src"] };
  await using project = new Watched({ build }, { "src/f": "1" });
  await project.round("build");
  // The disposal comes while the check reads the files.
  for (const name of ["f", "g", "h"]) project.write(`src/${name}`, "2".repeat(20_000_000));
  void project.cooker.tick();
});

Deno.test("a task that writes its own input at its start is interrupted only once", async () => {
  const build = { command: `${NOW} > src/stamp && ${SLOW}`, files: ["src"] };
  await using project = new Watched({ build }, { "src/f": "1" });
  const told: string[] = [];
  do {
    const running = project.begin("build");
    await project.made("begun");
    await project.looks();
    const isInterrupted = project.cooker.events.length > 0;
    if (isInterrupted) project.cooker.cancelAll();
    project.write("go", "");
    await running;
    await project.looks();
    project.remove("begun", "go");
    const types = project.cooker.events.splice(0).map(({ type }) => type);
    told.push(`${isInterrupted ? "during" : "after"}: ${types.join(" ")}`);
  } while (told.length < 6 && told.at(-1)?.includes("InputsChanged") === true);
  assertEquals(told, ["during: InputsChanged", "after: InputsChanged", "after: InputsWritten"]);
});

Deno.test("OwnWrites attributes an input to tasks only if it changes in consecutive builds", () => {
  const own = new OwnWrites();
  own.ended(new Set());
  for (const isOwn of [false, false, false, true]) {
    own.ended(new Set(["f"]));
    assertEquals(own.isOwn("f"), isOwn, "edited in builds that follow an undisturbed one");
  }
  own.ended(new Set(["g"]));
  assertEquals([own.isOwn("f"), own.isSuspect("f"), own.isSuspect("g")], [false, false, true]);
  const always = new OwnWrites();
  always.interrupted(["f"]);
  assertEquals([always.isSuspect("f"), always.isOwn("f")], [true, false]);
  for (const isOwn of [false, true, true]) {
    always.ended(new Set(["f"]));
    assertEquals(always.isOwn("f"), isOwn);
  }
  assertEquals([always.takeNew(), always.takeNew()], [["f"], []]);
});
