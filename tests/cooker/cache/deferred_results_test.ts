import { assert, assertEquals } from "@std/assert";
import type { MadeOutputs } from "../../../cooker/cache/output_runs.ts";
import type { Beginning, PostponedResult } from "../../../cooker/cache/deferred_results.ts";
import { isUnkeyed, type ResultCache } from "../../../cooker/cache/result_cache.ts";
import { HotProject } from "../../../cooker/project_state.ts";
import { KeptTasks } from "../../../cooker/store/kept_tasks.ts";
import { statePaths } from "../../../project/state.ts";
import { systemClock } from "../../../system/clock.ts";
import { MemoryLogger } from "../../../system/logger.ts";

const ignore = Deno.build.os !== "linux";

/** A project with one task, `b.txt` from `a.txt`, and what is kept of it. */
class Place implements AsyncDisposable {
  readonly base = Deno.realPathSync(Deno.makeTempDirSync());
  readonly root = `${this.base}/project`;
  readonly hot: HotProject;

  constructor() {
    Deno.mkdirSync(this.root);
    this.write("a.txt", "one");
    this.hot = new HotProject({
      root: this.root,
      folders: statePaths(this.root),
      clock: systemClock,
      log: new MemoryLogger(),
    });
    this.hot.tracker.sync();
  }

  get results(): ResultCache {
    return this.hot.results(`${this.base}/cache`);
  }

  write(name: string, text: string): void {
    Deno.writeTextFileSync(`${this.root}/${name}`, text);
  }

  question(key: string): Beginning["question"] {
    const command = { name: key, command: key, args: [], cwd: this.root, env: {}, isScript: false };
    return {
      declaration: { key, files: ["a.txt"], output: [`${key}.txt`], env: [] },
      command,
    };
  }

  async begin(
    key = "b",
    dependencies: Beginning["dependencies"] = [],
  ): Promise<Beginning | undefined> {
    return await this.hot.postponed.begin(this.results, this.question(key), dependencies);
  }

  /** Begins and ends a task. */
  async make(
    { key = "b", dependencies = [], log }: {
      readonly key?: string;
      readonly dependencies?: Beginning["dependencies"];
      readonly log?: Uint8Array;
    } = {},
  ): Promise<PostponedResult> {
    const beginning = await this.begin(key, dependencies);
    assert(beginning !== undefined);
    const made = await this.run(beginning, () => this.write(`${key}.txt`, "made"));
    const result = await this.hot.postponed.add(beginning, { made, log, durationMs: 1 });
    assert(result !== undefined);
    return result;
  }

  /** What a task makes that runs well. */
  async run(beginning: Beginning, work: () => void): Promise<MadeOutputs> {
    const warn = (): void => {};
    const prepared = await this.results.prepare(beginning, warn);
    work();
    const { declaration } = beginning.question;
    return await this.results.finish(prepared, declaration, { isWhole: true, warn });
  }

  /** Whether a task's result is there for its inputs as they are now. */
  async isKept(
    key = "b",
    dependencies: Readonly<Record<string, string>> = {},
  ): Promise<boolean> {
    this.hot.tracker.drain();
    const prospect = await this.results.prospect({ ...this.question(key), dependencies });
    return !isUnkeyed(prospect) && this.results.has(prospect);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.hot.tracker.stop();
    await this.hot.close();
    Deno.removeSync(this.base, { recursive: true });
  }
}

Deno.test({
  name: "a first result is kept later, and those of its dependencies before it",
  ignore,
  fn: async () => {
    await using place = new Place();
    const first = await place.make();
    const second = await place.make({ key: "c", dependencies: [["b", first]] });
    assertEquals([await place.isKept(), place.hot.postponed.has("b")], [false, true]);
    const fingerprint = await place.hot.postponed.keep(second);
    assert(fingerprint !== undefined);
    assertEquals([await place.isKept(), place.hot.postponed.isEmpty], [true, true]);
    assertEquals(await place.isKept("c", { b: await first.fingerprint ?? "" }), true);
    assertEquals(await place.begin(), undefined, "there may be a result now");
  },
});

Deno.test({
  name: "all of them are kept when there is time, or at the end",
  ignore,
  fn: async () => {
    await using place = new Place();
    await place.make();
    await place.make({ key: "c" });
    place.hot.postponed.pause();
    await place.hot.postponed.finish();
    assertEquals([await place.isKept(), await place.isKept("c")], [true, true]);
  },
});

Deno.test({
  name: "what printed much is kept at once",
  ignore,
  fn: async () => {
    await using place = new Place();
    await place.make({ log: new Uint8Array(100_000) });
    assertEquals([place.hot.postponed.isEmpty, await place.isKept()], [true, true]);
  },
});

/** Writes a file until its modification time lies behind a moment: the file system's clock has ticks. */
function writeAfter(moment: number, path: string): void {
  do Deno.writeTextFileSync(path, "two"); while (
    (Deno.statSync(path).mtime?.getTime() ?? 0) <= moment
  );
}

/** What somebody does between a task's end and the moment in which its result is kept. */
const MEDDLING: Readonly<Record<string, (place: Place) => void>> = {
  "an input is changed": (place) => place.write("a.txt", "two"),
  "an input is changed and changed back": (place) => {
    place.write("a.txt", "two");
    place.write("a.txt", "one");
  },
  "an input is removed": ({ root }) => Deno.removeSync(`${root}/a.txt`),
  "an input is replaced": (place) => {
    place.write("new", "two");
    Deno.renameSync(`${place.root}/new`, `${place.root}/a.txt`);
  },
  "an output is changed": (place) => place.write("b.txt", "mine"),
  "an output is removed": ({ root }) => Deno.removeSync(`${root}/b.txt`),
  "the project is given another name": ({ base, root }) => {
    Deno.renameSync(root, `${base}/moved`);
    Deno.mkdirSync(root);
  },
};

for (const [what, meddle] of Object.entries(MEDDLING)) {
  Deno.test({
    name: `nothing is kept where ${what} before`,
    ignore,
    fn: async () => {
      await using place = new Place();
      const result = await place.make();
      meddle(place);
      assertEquals(await place.hot.postponed.keep(result), undefined);
      assertEquals(await place.isKept(), false);
      place.write("a.txt", "one");
      assertEquals(await place.isKept(), false);
      assertEquals(await place.begin(), undefined, "the next time it is kept at once");
    },
  });
}

Deno.test({
  name: "nothing is kept where an output is changed within one tick of the file system's clock",
  ignore,
  fn: async () => {
    // Most of these changes leave the file's times as they were.
    for (let count = 0; count < 40; count++) {
      await using place = new Place();
      const result = await place.make();
      place.write("b.txt", "mine");
      assertEquals(await place.hot.postponed.keep(result), undefined);
      assertEquals(await place.isKept(), false);
    }
  },
});

Deno.test({
  name: "nothing is kept where an input was changed by another name, of which nobody tells",
  ignore,
  fn: async () => {
    for (const isGone of [true, false]) {
      await using place = new Place();
      const other = `${place.base}/other`;
      Deno.linkSync(`${place.root}/a.txt`, other);
      const result = await place.make();
      writeAfter(result.begunAt, other);
      if (isGone) Deno.removeSync(other);
      assertEquals(await place.hot.postponed.keep(result), undefined);
      assertEquals(await place.isKept(), false);
    }
  },
});

Deno.test({
  name: "an edit by another name is noticed if its modification time is set back",
  ignore,
  fn: async () => {
    await using place = new Place();
    const other = `${place.base}/other`;
    Deno.linkSync(`${place.root}/a.txt`, other);
    const result = await place.make();
    writeAfter(result.begunAt, other);
    Deno.utimeSync(other, 1000, 1000);
    assertEquals(await place.hot.postponed.keep(result), undefined);
    assertEquals(await place.isKept(), false);
  },
});

Deno.test({
  name: "a result is kept if an input's modification time lies in the future",
  ignore,
  fn: async () => {
    await using place = new Place();
    const future = new Date(Date.now() + 1e9);
    Deno.utimeSync(`${place.root}/a.txt`, future, future);
    const result = await place.make();
    assert(await place.hot.postponed.keep(result) !== undefined);
    assertEquals(await place.isKept(), true);
  },
});

Deno.test({
  name: "nothing is kept where an input was changed while the task ran",
  ignore,
  fn: async () => {
    await using place = new Place();
    const beginning = await place.begin();
    assert(beginning !== undefined);
    const made = await place.run(beginning, () => {
      place.write("a.txt", "two");
      place.write("b.txt", "made");
    });
    const options = { made, log: undefined, durationMs: 1 };
    assertEquals(await place.hot.postponed.add(beginning, options), undefined);
    assertEquals(await place.isKept(), false);
  },
});

Deno.test("a store knows of which tasks it has results; one of an earlier version may have any", async () => {
  const base = await Deno.makeTempDir();
  const tasks = new KeptTasks(`${base}/tasks`);
  tasks.make(`${base}/results`);
  assertEquals(tasks.has("a"), false);
  tasks.add("a");
  const other = new KeptTasks(`${base}/tasks`);
  assertEquals([tasks.has("a"), other.has("a"), other.has("b")], [true, true, false]);
  tasks.clear();
  assertEquals([tasks.has("a"), new KeptTasks(`${base}/tasks`).has("a")], [false, false]);
  await Deno.mkdir(`${base}/old/results`, { recursive: true });
  const old = new KeptTasks(`${base}/old/tasks`);
  old.make(`${base}/old/results`);
  assertEquals(old.has("a"), true);
  await Deno.remove(base, { recursive: true });
});
