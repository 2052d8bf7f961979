import { assert, assertEquals } from "@std/assert";
import type { MadeOutputs } from "../../../cooker/cache/output_runs.ts";
import type { Beginning, DeferredResult } from "../../../cooker/cache/deferred_results.ts";
import { isUncacheable } from "../../../cooker/cache/cache_key.ts";
import type { ResultCache } from "../../../cooker/cache/result_cache.ts";
import { ProjectState } from "../../../cooker/project_state.ts";
import { KeptTasks } from "../../../cooker/store/kept_tasks.ts";
import { statePaths } from "../../../project/state.ts";
import { systemClock } from "../../../system/clock.ts";
import { MemoryLogger } from "../../../system/logger.ts";

const ignore = Deno.build.os !== "linux";

/** A project with its cache, whose tasks each make one file from `a.txt`. */
class Place implements AsyncDisposable {
  readonly base = Deno.realPathSync(Deno.makeTempDirSync());
  readonly root = `${this.base}/project`;
  readonly project: ProjectState;

  constructor() {
    Deno.mkdirSync(this.root);
    this.write("a.txt", "one");
    this.project = new ProjectState({
      root: this.root,
      folders: statePaths(this.root),
      clock: systemClock,
      log: new MemoryLogger(),
    });
    this.project.tracker.sync();
  }

  get results(): ResultCache {
    return this.project.results(`${this.base}/cache`);
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
    return await this.project.deferred.begin(this.results, this.question(key), dependencies);
  }

  /** Runs a task and postpones its result. */
  async make(
    { key = "b", dependencies = [], log }: {
      readonly key?: string;
      readonly dependencies?: Beginning["dependencies"];
      readonly log?: Uint8Array;
    } = {},
  ): Promise<DeferredResult> {
    const beginning = await this.begin(key, dependencies);
    assert(beginning !== undefined);
    const made = await this.run(beginning, () => this.write(`${key}.txt`, "made"));
    const result = await this.project.deferred.add(beginning, { made, log, durationMs: 1 });
    assert(result !== undefined);
    return result;
  }

  /** Runs a task successfully and returns the outputs that it has made. */
  async run(beginning: Beginning, work: () => void): Promise<MadeOutputs> {
    const warn = (): void => {};
    const prepared = await this.results.prepare(beginning, warn);
    work();
    const { declaration } = beginning.question;
    return await this.results.finish(prepared, declaration, { isWhole: true, warn });
  }

  /** Returns true if the cache has a result for a task's current inputs. */
  async isKept(
    key = "b",
    dependencies: Readonly<Record<string, string>> = {},
  ): Promise<boolean> {
    this.project.tracker.drain();
    const cacheKey = await this.results.cacheKey({ ...this.question(key), dependencies });
    return !isUncacheable(cacheKey) && this.results.has(cacheKey);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.project.tracker.stop();
    await this.project.close();
    Deno.removeSync(this.base, { recursive: true });
  }
}

Deno.test({
  name: "a first result is stored later, together with those of its dependencies",
  ignore,
  fn: async () => {
    await using place = new Place();
    const first = await place.make();
    const second = await place.make({ key: "c", dependencies: [["b", first]] });
    assertEquals([await place.isKept(), place.project.deferred.has("b")], [false, true]);
    const fingerprint = await place.project.deferred.keep(second);
    assert(fingerprint !== undefined);
    assertEquals([await place.isKept(), place.project.deferred.isEmpty], [true, true]);
    assertEquals(await place.isKept("c", { b: await first.fingerprint ?? "" }), true);
    assertEquals(await place.begin(), undefined, "there may be a result now");
  },
});

Deno.test({
  name: "finish stores all waiting results, even after a pause",
  ignore,
  fn: async () => {
    await using place = new Place();
    await place.make();
    await place.make({ key: "c" });
    place.project.deferred.pause();
    await place.project.deferred.finish();
    assertEquals([await place.isKept(), await place.isKept("c")], [true, true]);
  },
});

Deno.test({
  name: "a result with a large log is stored at once",
  ignore,
  fn: async () => {
    await using place = new Place();
    await place.make({ log: new Uint8Array(100_000) });
    assertEquals([place.project.deferred.isEmpty, await place.isKept()], [true, true]);
  },
});

/** Writes a file until its modification time is after `moment`: the file system's clock is coarse. */
function writeAfter(moment: number, path: string): void {
  do Deno.writeTextFileSync(path, "two"); while (
    (Deno.statSync(path).mtime?.getTime() ?? 0) <= moment
  );
}

/** Changes between a task's end and the attempt to store its result. */
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
  "the project is renamed": ({ base, root }) => {
    Deno.renameSync(root, `${base}/moved`);
    Deno.mkdirSync(root);
  },
};

for (const [what, meddle] of Object.entries(MEDDLING)) {
  Deno.test({
    name: `a waiting result is not stored if ${what} first`,
    ignore,
    fn: async () => {
      await using place = new Place();
      const result = await place.make();
      meddle(place);
      assertEquals(await place.project.deferred.keep(result), undefined);
      assertEquals(await place.isKept(), false);
      place.write("a.txt", "one");
      assertEquals(await place.isKept(), false);
      assertEquals(await place.begin(), undefined, "the next result is stored at once");
    },
  });
}

Deno.test({
  name:
    "a waiting result is not stored if an output changes within one tick of the file system's clock",
  ignore,
  fn: async () => {
    // Most of these changes do not alter the file's times.
    for (let count = 0; count < 40; count++) {
      await using place = new Place();
      const result = await place.make();
      place.write("b.txt", "mine");
      assertEquals(await place.project.deferred.keep(result), undefined);
      assertEquals(await place.isKept(), false);
    }
  },
});

Deno.test({
  name: "a waiting result is not stored if an input was edited through a hard link elsewhere",
  ignore,
  fn: async () => {
    for (const isGone of [true, false]) {
      await using place = new Place();
      const other = `${place.base}/other`;
      Deno.linkSync(`${place.root}/a.txt`, other);
      const result = await place.make();
      writeAfter(result.begunAt, other);
      if (isGone) Deno.removeSync(other);
      assertEquals(await place.project.deferred.keep(result), undefined);
      assertEquals(await place.isKept(), false);
    }
  },
});

Deno.test({
  name: "an edit through a hard link is noticed even if its modification time is set back",
  ignore,
  fn: async () => {
    await using place = new Place();
    const other = `${place.base}/other`;
    Deno.linkSync(`${place.root}/a.txt`, other);
    const result = await place.make();
    writeAfter(result.begunAt, other);
    Deno.utimeSync(other, 1000, 1000);
    assertEquals(await place.project.deferred.keep(result), undefined);
    assertEquals(await place.isKept(), false);
  },
});

Deno.test({
  name: "a waiting result is stored even if an input's modification time is in the future",
  ignore,
  fn: async () => {
    await using place = new Place();
    const future = new Date(Date.now() + 1e9);
    Deno.utimeSync(`${place.root}/a.txt`, future, future);
    const result = await place.make();
    assert(await place.project.deferred.keep(result) !== undefined);
    assertEquals(await place.isKept(), true);
  },
});

Deno.test({
  name: "a result is not stored if an input changed while the task ran",
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
    assertEquals(await place.project.deferred.add(beginning, options), undefined);
    assertEquals(await place.isKept(), false);
  },
});

Deno.test("KeptTasks knows which tasks have results, and assumes any for a store of an earlier version", async () => {
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
