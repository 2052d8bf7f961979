/** Random builds that run at once, and the invariants of executions and slots. */

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { macrotask } from "../../../system/macrotask.ts";
import type { Cancel } from "../../../server/cooker.ts";
import type { SimmerEvent } from "../../../wire/events.ts";
import { effort } from "../../faults/random.ts";
import { BuildsRig, type FakeCommand, type Reaction, type RigBuild } from "./builds_rig.ts";

/** Duration in seconds, multiplied by `SIMMER_SOAK`. */
const SECONDS = effort(6);

/** Number of stories after which the time is checked. */
const BATCH = 10;

/** Exit code of a failing task. */
const FAILS = 3;

/** A task of a project. */
interface ModelTask {
  /** Indices of earlier tasks. */
  readonly before: readonly number[];
  /** True if it declares `files`. */
  readonly hasFiles: boolean;
  readonly fails: boolean;
  readonly reaction: Reaction;
}

/** One step. `at` chooses a task, or one of the commands or builds in progress. */
type Step =
  | {
    readonly kind: "start" | "nest";
    readonly at: number;
    readonly tasks: readonly number[];
    readonly jobs: number;
    readonly keepGoing: boolean;
    readonly force: boolean;
  }
  | { readonly kind: "write"; readonly at: number; readonly text: string }
  | { readonly kind: "end"; readonly at: number }
  | { readonly kind: "leave"; readonly at: number; readonly how: Cancel }
  | { readonly kind: "edit"; readonly at: number }
  | { readonly kind: "stall" | "flow" | "relieve"; readonly at: number };

interface Story {
  readonly tasks: readonly ModelTask[];
  /** Each step, and the number of turns of the event loop after it. */
  readonly steps: readonly (readonly [Step, turns: number])[];
}

const at = fc.nat({ max: 7 });

const wish = {
  at,
  tasks: fc.uniqueArray(at, { minLength: 1, maxLength: 2 }),
  jobs: fc.constantFrom(1, 1, 2, 3),
  keepGoing: fc.boolean(),
  force: fc.constantFrom(false, false, false, true),
};

const hows: fc.Arbitrary<Cancel> = fc.constantFrom<Cancel>(
  { kind: "end" },
  { kind: "kill" },
  { kind: "signal", signal: "SIGINT" },
  { kind: "signal", signal: "SIGTERM" },
);

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant("start" as const), ...wish }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("nest" as const), ...wish }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("write" as const),
      at,
      text: fc.constantFrom("a", "bcd", "E", "FGH", "some more output\n", "LOUD\n".repeat(3000)),
    }),
  },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant("end" as const), at }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("leave" as const), at, how: hows }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("edit" as const), at }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constantFrom("stall" as const, "flow" as const, "relieve" as const),
      at,
    }),
  },
);

const stories: fc.Arbitrary<Story> = fc.record({
  tasks: fc.array(
    fc.record({
      before: fc.uniqueArray(at, { maxLength: 2 }),
      hasFiles: fc.constantFrom(true, true, false),
      fails: fc.constantFrom(false, false, false, true),
      reaction: fc.constantFrom<Reaction>("dies", "dies", "exits", "lingers"),
    }),
    { minLength: 1, maxLength: 5 },
  ).map((rows) =>
    rows.map((row, index) => ({ ...row, before: row.before.filter((each) => each < index) }))
  ),
  steps: fc.array(fc.tuple(step, fc.constantFrom(0, 0, 1, 3, 20)), {
    minLength: 3,
    maxLength: 25,
    size: "max",
  }),
});

function filesOf({ tasks }: Story): Record<string, string> {
  const entries = tasks.map(({ before, hasFiles }, index): [string, unknown] => [`t${index}`, {
    command: `work ${index}`,
    dependencies: before.map((each) => `t${each}`),
    ...(hasFiles ? { files: [`${index}.txt`] } : {}),
  }]);
  const files: Record<string, string> = {
    "deno.json": JSON.stringify({ tasks: Object.fromEntries(entries) }),
  };
  tasks.forEach((_, index) => files[`${index}.txt`] = `${index}\n`);
  return files;
}

type End = Extract<
  SimmerEvent,
  { readonly type: "TaskSucceeded" | "TaskFailed" | "TaskCancelled" | "TaskCached" }
>;

const ENDS: ReadonlySet<string> = new Set([
  "TaskSucceeded",
  "TaskFailed",
  "TaskCancelled",
  "TaskCached",
]);

function isEnd(event: SimmerEvent): event is End {
  return ENDS.has(event.type);
}

/** Numbers of what has happened in the stories. None of them may stay zero. */
interface Tally {
  stories: number;
  builds: number;
  executions: number;
  joined: number;
  nested: number;
  cancelled: number;
  failed: number;
  endless: number;
}

/** Runs one story. */
class Teller {
  readonly #rig: BuildsRig;
  readonly #story: Story;
  readonly #tally: Tally;
  /** Names of tasks whose commands have started builds. */
  readonly #nesting = new Set<string>();
  #edits = 0;
  #reliefs = 0;
  /** Limit of the slots that may be held. */
  #ceiling = 0;

  constructor(rig: BuildsRig, story: Story, tally: Tally) {
    this.#rig = rig;
    this.#story = story;
    this.#tally = tally;
    rig.reaction = (task) => this.#taskOf(task).reaction;
    rig.started = (command) => this.#started(command);
  }

  async tell(): Promise<void> {
    const rig = this.#rig;
    for (const [step, turns] of this.#story.steps) {
      this.#take(step);
      this.#checkSlots();
      for (let turn = 0; turn < turns; turn++) await macrotask();
      this.#checkSlots();
      rig.check();
    }
    await rig.finish((task) => this.#codeOf(task));
    for (const build of rig.builds) this.#checkEnd(build);
    assertEquals([rig.executions.size, rig.slots.held, rig.slots.capacity], [0, 0, 0]);
    for (const { tag } of rig.commands) assertEquals(rig.executions.byTag(tag), undefined);
    this.#tally.stories++;
    this.#tally.builds += rig.builds.length;
    this.#tally.executions += rig.commands.length;
  }

  #take(step: Step): void {
    const rig = this.#rig;
    const command = pick(rig.running, step.at);
    const build = pick(rig.open, step.at);
    switch (step.kind) {
      case "start":
        rig.start({ ...step, tasks: this.#names(step.tasks) });
        return;
      case "nest":
        if (command === undefined || command.cancellation.graceful.aborted) return;
        this.#nesting.add(command.task);
        this.#tally.nested++;
        rig.start({ ...step, tasks: this.#names(step.tasks), inside: command });
        return;
      case "write":
        return command?.write(step.text);
      case "end":
        return command?.end(this.#codeOf(command.task));
      case "leave":
        return build?.cancel(step.how);
      case "edit":
        return rig.edit(`${step.at % this.#story.tasks.length}.txt`, `edit ${++this.#edits}\n`);
      case "stall":
        return build?.stall();
      case "flow":
        return build?.flow();
      case "relieve":
        this.#reliefs++;
        return rig.slots.relieve();
    }
  }

  #started(command: FakeCommand): void {
    const { task, starter } = command;
    const others = this.#rig.running.filter((each) => each !== command);
    if (this.#taskOf(task).hasFiles) {
      assert(!others.some((each) => each.task === task), `${task} runs twice at once`);
    }
    const own = this.#rig.running.filter((each) => each.starter === starter).length;
    assert(own <= starter.wish.jobs, `build ${starter.label} runs ${own} commands`);
    command.cancellation.graceful.addEventListener("abort", () => this.#checkNeeded(command));
  }

  /** Checks that no build needs a command that is asked to end. */
  #checkNeeded({ task, starter }: FakeCommand): void {
    for (const build of this.#rig.open) {
      const started = build.events.find((event) =>
        event.type === "TaskStarted" && event.task === task
      );
      if (started?.type !== "TaskStarted") continue;
      if ((started.shared ?? build.id) !== starter.id) continue;
      const isOver = build.events.some((event) => isEnd(event) && event.task === task);
      const isStopping = build.isAsked || build.events.some(({ type }) => type === "TaskFailed");
      assert(isOver || isStopping, `build ${build.label} still needs ${task}`);
    }
  }

  #checkSlots(): void {
    const { slots, open, builds } = this.#rig;
    const { held, capacity } = slots;
    const starved = open.filter(({ waitsFor }) => waitsFor.includes("a free job slot"));
    assert(starved.length === 0 || held >= capacity, this.#rig.describe());
    // Slots stay held when the build leaves that has raised their number, and a slot that was lent is
    // taken back without waiting.
    this.#ceiling = held <= capacity ? capacity : Math.max(capacity, this.#ceiling);
    const loans = builds.filter(({ wish }) => wish.inside !== undefined).length;
    assert(held <= this.#ceiling + loans + this.#reliefs, this.#rig.describe());
    assert(held >= 0);
  }

  #checkEnd(build: RigBuild): void {
    const { events, label, wish: { keepGoing } } = build;
    const queued = events.flatMap((event) => event.type === "TaskQueued" ? event.task : []);
    const completed = events.filter(({ type }) => type === "BuildCompleted");
    assertEquals(completed, events.slice(-1), `build ${label} has one last event`);
    for (const task of queued) this.#checkTask(build, task);
    const failures = events.flatMap((event) => event.type === "TaskFailed" ? event : []);
    const [first] = failures;
    const outcome = completed[0]?.type === "BuildCompleted" ? completed[0].outcome : undefined;
    if (outcome === "cancelled") {
      assert(build.isAsked, `build ${label} was not asked to end`);
      this.#tally.cancelled++;
      return;
    }
    assertEquals(build.code, first?.exitCode ?? 0, `exit code of build ${label}`);
    if (first !== undefined) this.#tally.failed++;
    if (first?.exitCode === 5) this.#tally.endless++;
    if (keepGoing !== true) assert(failures.length <= 1, `build ${label} fails once`);
    if (queued.some((task) => this.#nesting.has(task))) return;
    const alone = queued.some((task) => this.#taskOf(task).fails) ? FAILS : 0;
    assertEquals(build.code, alone, `build ${label} ends as it would alone`);
  }

  #checkTask(build: RigBuild, task: string): void {
    const what = `${task} of build ${build.label}`;
    const events = build.events.filter((event) => "task" in event && event.task === task);
    const [end, ...more] = events.filter(isEnd);
    assert(end !== undefined && more.length === 0, `${what}: ${JSON.stringify([end, ...more])}`);
    const starts = events.flatMap((event) => event.type === "TaskStarted" ? event : []);
    assert(starts.length <= 1, `${what} started twice`);
    const [start] = starts;
    if (start === undefined) {
      assert(end.type !== "TaskSucceeded", `${what} ended before it started`);
      const isEndless = end.type === "TaskFailed" && end.exitCode === 5;
      assert(end.type !== "TaskFailed" || isEndless, `${what} failed before it started`);
      return;
    }
    if (start.shared !== undefined) this.#tally.joined++;
    assert(events.indexOf(start) < events.indexOf(end), `${what} ended before it started`);
    const command = this.#rig.commands.find((each) =>
      each.task === task && each.starter.id === (start.shared ?? build.id)
    );
    assert(command !== undefined, `${what} had no command`);
    const output = build.outputOf(task);
    if (end.type === "TaskCancelled") assert(command.text.startsWith(output), what);
    else assertEquals(output, command.text, `output of ${what}`);
  }

  #names(tasks: readonly number[]): string[] {
    return [...new Set(tasks.map((each) => `t${each % this.#story.tasks.length}`))];
  }

  #codeOf(task: string): number {
    return this.#taskOf(task).fails ? FAILS : 0;
  }

  #taskOf(name: string): ModelTask {
    const task = this.#story.tasks[Number(name.slice(1))];
    assert(task !== undefined, name);
    return task;
  }
}

function pick<T>(some: readonly T[], index: number): T | undefined {
  return some[index % Math.max(1, some.length)];
}

Deno.test(`random builds that run at once end as they would alone, for ${SECONDS} s`, async () => {
  const tally: Tally = {
    stories: 0,
    builds: 0,
    executions: 0,
    joined: 0,
    nested: 0,
    cancelled: 0,
    failed: 0,
    endless: 0,
  };
  const property = fc.asyncProperty(stories, async (story) => {
    await using rig = BuildsRig.create(filesOf(story));
    await new Teller(rig, story, tally).tell();
  });
  const deadline = performance.now() + SECONDS * 1000;
  while (performance.now() < deadline) await fc.assert(property, { numRuns: BATCH });
  // deno-lint-ignore no-console -- the figures of a run
  console.log(`  ${JSON.stringify(tally)}`);
  for (const [what, count] of Object.entries(tally)) assert(count > 0, `no ${what}`);
});
