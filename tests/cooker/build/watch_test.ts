/** Watching: what counts as an edit while tasks run, and what is the tasks' own work. */

import { assert, assertEquals } from "@std/assert";
import { OwnWrites } from "../../../cooker/build/own_writes.ts";
import { macrotask } from "../../../system/macrotask.ts";
import { DirectCooker, type DirectRun } from "../direct_cooker.ts";

/** A project that is watched, as `simmer watch` does it. */
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

  /** Resolves when a file is there, which a task makes. */
  async made(path: string): Promise<void> {
    while (!exists(`${this.root}/${path}`)) await macrotask();
  }

  /** Begins a run, and waits for changes since its tasks began as long as it goes on. */
  begin(task: string): Promise<DirectRun> {
    return this.cooker.run([task], { watched: true }, undefined, (event) => {
      if (event.type === "BuildStarted") this.#wait(task, event.build);
    });
  }

  /** Runs a task to its end, and waits for changes since its tasks began. */
  async round(task: string): Promise<void> {
    const { events: [begun] } = await this.cooker.run([task], { watched: true });
    assert(begun?.type === "BuildStarted");
    this.#wait(task, begun.build);
  }

  /** The files of the next `InputsChanged`, and what was said of the tasks' own work before it. */
  async changed(): Promise<{ readonly files: readonly string[]; readonly written: string[] }> {
    const written: string[] = [];
    for (;;) {
      await this.cooker.tickUntilEvent();
      const event = this.cooker.events.shift();
      assert(event !== undefined, "nothing is told");
      if (event.type === "InputsWritten") written.push(...event.files);
      if (event.type === "InputsChanged") return { files: event.files, written };
    }
  }

  /** Some looks: more than it takes to tell of what has changed already. */
  async looks(): Promise<void> {
    for (let tick = 0; tick < 30 && this.cooker.events.length === 0; tick++) {
      await this.cooker.tick();
    }
  }

  /**
   * Runs a task again as long as a change is told.
   *
   * @returns how often it ran, and what was said of the tasks' own work
   */
  async untilQuiet(task: string): Promise<{ readonly runs: number; readonly written: string[] }> {
    const written: string[] = [];
    for (let runs = 1;; runs++) {
      assert(runs <= 6, "it goes on and on");
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

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** Copies its input, says that it did, and goes on until it may end. */
const SLOW = "cp src/f out && touch begun && sh -c 'until [ -e go ]; do sleep 0.01; done'";

/** What a task may depend on. */
const DEPENDENCIES: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  "on nothing": {},
  "on a task that runs every time": { g: "true" },
  "on one that does so further behind": {
    g: { command: "true", files: ["src"], dependencies: ["h"] },
    h: { dependencies: ["i"] },
    i: "true",
  },
  "on one with a result": { g: { command: "true", files: ["src"] } },
  "on one whose files match nothing": { g: { command: "true", files: ["nothing/*"] } },
};

for (const [name, others] of Object.entries(DEPENDENCIES)) {
  for (const output of [["out"], []]) {
    const outputs = output.length > 0 ? "" : ", without outputs";
    Deno.test(`an edit during a run is told: of a task that depends ${name}${outputs}`, async () => {
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
      // The same, where the wait begins when the build has ended.
      const round = project.round("build");
      await project.made("begun");
      project.write("src/f", "3");
      project.write("go", "");
      await round;
      assertEquals((await project.changed()).files, ["src/f"], "after it has ended");
    });
  }
}

Deno.test("an input that comes while its task runs is told, also if none was there before", async () => {
  const build = { command: "touch begun && sh -c 'until [ -e go ]; do sleep 0.01; done'" };
  await using project = new Watched({ build: { ...build, files: ["src/*"] } }, {});
  const round = project.round("build");
  await project.made("begun");
  project.write("src/new", "1");
  project.write("go", "");
  await round;
  assertEquals((await project.changed()).files, ["src/new"]);
});

Deno.test("an edit during a run is told although other builds have begun since", async () => {
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

/** Prints another text each time. */
const NOW = "date +%s%N";

/** Tasks that write what they or others read, each time something else, and what they write. */
const WRITERS: Readonly<Record<string, readonly [Readonly<Record<string, unknown>>, string[]]>> = {
  "its own input": [{ build: { command: `${NOW} > src/one`, files: ["src"] } }, ["src/one"]],
  "its own input and has outputs": [
    { build: { command: `${NOW} > src/one && cp src/f out`, files: ["src"], output: ["out"] } },
    ["src/one"],
  ],
  "its own input, by a new file": [
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
  "each other's inputs": [
    {
      one: { command: `${NOW} > src/two`, files: ["src/f", "src/one"] },
      two: { command: `${NOW} > src/one`, files: ["src/f", "src/two"], dependencies: ["one"] },
      build: { dependencies: ["two"] },
    },
    ["src/one"],
  ],
  "the input of one that it depends on": [
    {
      one: { command: "cat src/one", files: ["src"] },
      build: { command: `${NOW} > src/one`, files: ["src/f"], dependencies: ["one"] },
    },
    ["src/one"],
  ],
};

for (const [name, [tasks, own]] of Object.entries(WRITERS)) {
  Deno.test(`a build that changes ${name} runs twice, it is said once, and edits count`, async () => {
    await using project = new Watched(tasks, { "src/f": "1", "src/one": "1", "src/two": "1" });
    assertEquals(await project.untilQuiet("build"), { runs: 2, written: own });
    project.write("src/f", "2");
    assertEquals(await project.changed(), { files: ["src/f"], written: [] });
    assertEquals(await project.untilQuiet("build"), { runs: 1, written: [] }, "after an edit");
    project.write("src/one", "edited");
    assertEquals(await project.changed(), { files: ["src/one"], written: [] });
    assertEquals(await project.untilQuiet("build"), { runs: 1, written: [] }, "of what it writes");
  });
}

Deno.test("an edit during a run is told beside the tasks' own work", async () => {
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

Deno.test("a task that writes its input at its start is interrupted for that once", async () => {
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

Deno.test("only what changes in each build is taken for the tasks' own work", () => {
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
