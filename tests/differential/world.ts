/** Runs one story twice: in a project for `deno task`, and in the same project for simmer. */

import { assert, assertEquals } from "@std/assert";
import { DirectCooker, type DirectRun } from "../cooker/direct_cooker.ts";
import type { TaskCached, TaskStarted } from "../../wire/events.ts";
import { configText, type ModelRun, type ModelStep, type ModelStory } from "./model.ts";

/** The number of intended differences between simmer and `deno task`, by kind. */
export interface Differences {
  /** Task run by `deno task`, which stores one result per task; a hit for simmer, which stores many. */
  manyResults: number;
  /** Task run by simmer, whose keys contain the output globs; a hit for `deno task`. */
  keyedByOutput: number;
  /** Task run by simmer, because a run without declared outputs has failed in between. */
  afterFailure: number;
  /** Failure while other tasks could run: which of them ran depends on timing. */
  raced: number;
}

/** The numbers of compared and of equal runs, and of differences. */
export interface Tally extends Differences {
  runs: number;
  equal: number;
}

/** Creates a tally of zeros. */
export function emptyTally(): Tally {
  return { manyResults: 0, keyedByOutput: 0, afterFailure: 0, raced: 0, runs: 0, equal: 0 };
}

/**
 * Runs a story with `deno task` and with simmer, and compares each run.
 *
 * @param builds number of builds of simmer that do each run at once
 */
export async function tell(story: ModelStory, tally: Tally, builds = 1): Promise<void> {
  await using world = await World.make(story);
  for (const run of story.runs) {
    for (const step of run.steps) await world.apply(step);
    if (!await world.run(run, tally, builds)) return;
  }
}

class World implements AsyncDisposable {
  readonly #base: string;
  readonly #deno: string;
  readonly #simmer: string;
  #tasks: ModelStory["project"]["tasks"];
  #env = "";
  #cooker: DirectCooker;
  /** The tasks that simmer has run, with arguments and variables. */
  readonly #seen = new Set<string>();
  readonly #undeclared = new Set<string>();
  /** Tasks that have failed. */
  readonly #failed = new Set<string>();

  private constructor(base: string, story: ModelStory) {
    this.#base = base;
    this.#deno = `${base}/deno`;
    this.#simmer = `${base}/simmer`;
    this.#tasks = story.project.tasks;
    this.#cooker = new DirectCooker(this.#simmer);
  }

  static async make(story: ModelStory): Promise<World> {
    const base = await Deno.realPath(await Deno.makeTempDir());
    const world = new World(base, story);
    for (const folder of world.#folders) {
      await Deno.mkdir(`${folder}/src`, { recursive: true });
      await Deno.mkdir(`${folder}/out`);
      await Deno.mkdir(`${folder}/ran`);
      for (const { name } of story.project.tasks) {
        await Deno.writeTextFile(`${folder}/src/${name}.txt`, `${name}\n`);
      }
    }
    await world.#configure();
    return world;
  }

  async apply(step: ModelStep): Promise<void> {
    if (step.kind === "env") this.#env = step.value;
    if (step.kind === "restart") {
      await this.#cooker[Symbol.asyncDispose]();
      this.#cooker = new DirectCooker(this.#simmer);
    }
    if (!("task" in step)) return;
    const at = step.task % this.#tasks.length;
    const { name } = this.#tasks[at] ?? { name: "" };
    if (step.kind === "mend" || step.kind === "undeclare") {
      this.#tasks = this.#tasks.map((task, index) => {
        if (index !== at) return task;
        return step.kind === "mend"
          ? { ...task, fails: task.fails === 0 ? 3 : 0 }
          : { ...task, output: task.output === "none" ? "file" : "none" };
      });
      if (step.kind === "undeclare") this.#undeclared.add(name);
      await this.#configure();
    }
    if (step.kind === "spoil" || step.kind === "delete") {
      // A result can be stored after its build, but only as long as the outputs exist. A plan is
      // answered when all results are stored.
      await this.#cooker.plan(["t*"]);
    }
    for (const folder of this.#folders) {
      const [source, output] = [`${folder}/src/${name}.txt`, `${folder}/out/${name}.txt`];
      if (step.kind === "edit") await Deno.writeTextFile(source, `${step.text}\n`);
      if (step.kind === "touch") await Deno.utime(source, new Date(), new Date());
      if (step.kind === "spoil") await Deno.writeTextFile(output, "spoilt\n");
      if (step.kind === "delete") await Deno.remove(output).catch(ignoreAbsent);
    }
  }

  /** @returns true if both projects are in the same state, so that the story can go on */
  async run(run: ModelRun, tally: Tally, builds: number): Promise<boolean> {
    const target = run.target === "wildcard" ? "t*" : `t${run.target % this.#tasks.length}`;
    const build = (): Promise<DirectRun> =>
      this.#cooker.run([target], {
        args: run.args,
        jobs: run.jobs,
        env: { ...BASE_ENV, MODEL: this.#env },
      });
    const [expected, first, ...others] = await Promise.all([
      this.#runDeno(target, run),
      build(),
      ...Array.from({ length: builds - 1 }, build),
    ]);
    tally.runs++;
    const [ranByDeno, ranBySimmer] = await Promise.all(this.#folders.map(takeRan));
    const story = `${target} ${JSON.stringify(run)}\n${configText(this.#tasks)}`;
    for (const each of [first, ...others]) {
      this.#checkOrder(each, story);
      assertEquals(each.exitCode, first.exitCode, `one of several: ${story}`);
    }
    const actual = together([first, ...others]);
    if (expected !== 0 && actual.exitCode === 0) {
      // One of the two had a hit where the other ran the task. An undeclared output was missing there.
      const meant = this.#compare(ranByDeno ?? [], ranBySimmer ?? [], actual, story);
      assert(meant.length > 0, story);
      for (const name of meant) tally[name]++;
      return false;
    }
    if (expected !== 0 && run.jobs > 1) {
      assert(actual.exitCode !== 0, story);
      tally.raced++;
      return false;
    }
    assertEquals(actual.exitCode, expected, story);
    assertEquals(new Set(actual.ran).size, actual.ran.length, `run twice: ${story}`);
    assertEquals([...actual.ran].sort(), ranBySimmer?.sort(), story);
    const difference = this.#compare(ranByDeno ?? [], ranBySimmer ?? [], actual, story);
    for (const name of difference) tally[name]++;
    if (difference.length === 0) tally.equal++;
    for (const event of actual.events) {
      if (event.type === "TaskFailed") this.#failed.add(event.task);
    }
    for (const event of actual.events) {
      if (event.type === "TaskStarted") this.#seen.add(this.#seenKey(event));
    }
    // `deno task` had a hit for other outputs than the declared ones, so the states differ now.
    if (difference.includes("keyedByOutput")) return false;
    const [outputs, own] = await Promise.all(this.#folders.map(readOutputs));
    assertEquals(own, outputs, story);
    return true;
  }

  /** @returns the intended differences; any other one fails the test */
  #compare(
    expected: readonly string[],
    actual: readonly string[],
    { events }: DirectRun,
    story: string,
  ): (keyof Differences)[] {
    const differences: (keyof Differences)[] = [];
    for (const name of expected.filter((each) => !actual.includes(each))) {
      const found = events.find((event) => event.type === "TaskCached" && event.task === name);
      assert(found?.type === "TaskCached", `${name} was left out by simmer: ${story}`);
      assert(this.#seen.has(this.#seenKey(found)), `${name} can't be known: ${story}`);
      differences.push("manyResults");
    }
    for (const name of actual.filter((each) => !expected.includes(each))) {
      const isMeant = this.#isAfter(this.#undeclared, name) || this.#isAfter(this.#failed, name);
      assert(isMeant, `${name} was run by simmer alone: ${story}`);
      differences.push(
        this.#isAfter(this.#undeclared, name) ? "keyedByOutput" : "afterFailure",
      );
    }
    return differences;
  }

  /** Returns true if a task or one of its dependencies, also indirect ones, is in a set. */
  #isAfter(some: ReadonlySet<string>, name: string): boolean {
    if (some.has(name)) return true;
    const task = this.#tasks.find((each) => each.name === name);
    return task?.dependencies.some((each) => this.#isAfter(some, each)) ?? false;
  }

  /** Checks that each task starts after its dependencies have ended. */
  #checkOrder({ events }: DirectRun, story: string): void {
    const over = new Set<string>();
    for (const event of events) {
      if (event.type === "TaskSucceeded" || event.type === "TaskCached") over.add(event.task);
      if (event.type !== "TaskStarted" && event.type !== "TaskCached") continue;
      const task = this.#tasks.find((each) => each.name === event.task);
      for (const before of task?.dependencies ?? []) {
        assert(over.has(before), `${event.task} began before ${before} was over: ${story}`);
      }
    }
  }

  /** Returns a key of a task, its command with arguments, and its declared variable. */
  #seenKey({ task, command }: TaskStarted | TaskCached): string {
    const isKeyed = this.#tasks.find((each) => each.name === task)?.env === true;
    return JSON.stringify([task, command, isKeyed ? this.#env : ""]);
  }

  async #runDeno(target: string, run: ModelRun): Promise<number> {
    const { code } = await new Deno.Command(Deno.execPath(), {
      args: ["task", "--quiet", "-j", String(run.jobs), target, ...run.args],
      cwd: this.#deno,
      clearEnv: true,
      env: { ...BASE_ENV, MODEL: this.#env, DENO_DIR: `${this.#base}/deno_dir` },
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).output();
    return code;
  }

  get #folders(): readonly string[] {
    return [this.#deno, this.#simmer];
  }

  async #configure(): Promise<void> {
    for (const folder of this.#folders) {
      await Deno.writeTextFile(`${folder}/deno.json`, configText(this.#tasks));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#cooker[Symbol.asyncDispose]();
    await Deno.remove(this.#base, { recursive: true });
  }
}

/** Returns what several builds have done together. A failing task may have run in each of them. */
function together(runs: readonly [DirectRun, ...DirectRun[]]): DirectRun {
  const [first] = runs;
  if (runs.length === 1) return first;
  const events = runs.flatMap((run) => run.events);
  const failed = new Set(
    events.flatMap((event) => event.type === "TaskFailed" ? event.task : []),
  );
  const own = events.filter((event) => event.type !== "TaskStarted" || event.shared === undefined);
  const ran = own.flatMap((event) => event.type === "TaskStarted" ? event.name : []);
  const once = ran.filter((name, index) => !failed.has(name) || ran.indexOf(name) === index);
  return { ...first, events: own, ran: once };
}

const BASE_ENV = { PATH: Deno.env.get("PATH") ?? "", NO_COLOR: "1" };

/** Returns the names of the tasks that have run since the last call. */
async function takeRan(folder: string): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of Deno.readDir(`${folder}/ran`)) names.push(name);
  for (const name of names) await Deno.remove(`${folder}/ran/${name}`);
  return names;
}

async function readOutputs(folder: string): Promise<Record<string, string>> {
  const outputs: Record<string, string> = {};
  for await (const { name } of Deno.readDir(`${folder}/out`)) {
    outputs[name] = await Deno.readTextFile(`${folder}/out/${name}`);
  }
  return Object.fromEntries(Object.entries(outputs).sort());
}

function ignoreAbsent(error: unknown): void {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
}
