/** Runs builds on common executions and slots, with commands that the test controls. */

import { assert, assertEquals } from "@std/assert";
import { Build } from "../../../cooker/build/build.ts";
import { BuildFiles, BuildIds } from "../../../cooker/build/build_files.ts";
import { Executions } from "../../../cooker/build/executions.ts";
import { SlotPool } from "../../../cooker/build/slot_pool.ts";
import { ProjectConfig } from "../../../cooker/config/project.ts";
import type { Cancellation } from "../../../cooker/execute/cancellation.ts";
import type {
  Executor,
  ExitStatus,
  LeftoverProcesses,
  OutputSink,
  TaskCommand,
} from "../../../cooker/execute/executor.ts";
import { buildGraph } from "../../../cooker/plan/graph.ts";
import { planTasks } from "../../../cooker/plan/plan.ts";
import { ProjectState } from "../../../cooker/project_state.ts";
import { statePaths } from "../../../project/state.ts";
import type { Cancel, Emitted } from "../../../server/cooker.ts";
import { FakeClock } from "../../../system/fake_clock.ts";
import { MemoryLogger } from "../../../system/logger.ts";
import { ioTurn } from "../../../system/macrotask.ts";
import { OwnedWork } from "../../../system/owned_work.ts";
import { signalExitCode } from "../../../system/process/signals.ts";
import type { ReplayLogs } from "../../../wire/commands.ts";
import type { EventBody, SimmerEvent } from "../../../wire/events.ts";
import { decodeOutput } from "../../../wire/output.ts";

/** Variable that names the build to the executor. It is part of no task's cache key. */
const LABEL = "BUILD_LABEL";

/** Milliseconds without any progress after which a build counts as hung. */
const HANG_MS = 20_000;

/** A process id that no process has. */
const NO_PID = 2 ** 30;

/** Behaviour of a command that is asked to end. */
export type Reaction = "dies" | "exits" | "lingers";

/** A build's request. */
export interface BuildWish {
  readonly tasks: readonly string[];
  readonly jobs: number;
  readonly keepGoing?: boolean;
  readonly force?: boolean;
  readonly replayLogs?: ReplayLogs;
  /** The command that starts the build and waits for it. */
  readonly inside?: FakeCommand;
}

/** A command in progress. It writes and ends when the test says so. */
export class FakeCommand {
  readonly task: string;
  readonly starter: RigBuild;
  readonly tag = crypto.randomUUID();
  readonly cancellation: Cancellation;
  /** Builds that the command has started, and waits for. */
  readonly nested = new Set<RigBuild>();
  /** All output. */
  text = "";
  readonly #sink: OutputSink;
  readonly #exit = Promise.withResolvers<ExitStatus>();
  #written: Promise<void> = Promise.resolve();
  /** The first exit code other than 0 of a nested build. */
  #nestedCode = 0;
  #isOver = false;

  constructor(
    task: string,
    starter: RigBuild,
    sink: OutputSink,
    cancellation: Cancellation,
    reaction: Reaction,
  ) {
    this.task = task;
    this.starter = starter;
    this.#sink = sink;
    this.cancellation = cancellation;
    cancellation.graceful.addEventListener("abort", () => {
      const { signal } = cancellation;
      // The clients of nested builds get the signal, too.
      for (const build of this.nested) build.cancel({ kind: "signal", signal });
      if (reaction === "dies") this.#over({ code: signalExitCode(signal), signal });
      if (reaction === "exits") this.#over({ code: 7 });
    });
    cancellation.forced.addEventListener("abort", () => {
      for (const build of this.nested) build.cancel({ kind: "end" });
      this.#over({ code: signalExitCode("SIGKILL"), signal: "SIGKILL" });
    });
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Writes text: lower case to stdout, upper case to stderr. */
  write(text: string): void {
    if (this.#isOver) return;
    this.text += text;
    const stream = text === text.toLowerCase() ? "stdout" : "stderr";
    this.#written = this.#written.then(() =>
      this.#sink.write(stream, new TextEncoder().encode(text))
    );
  }

  /** Ends the command, unless it waits for a nested build. */
  end(code: number, leftovers?: LeftoverProcesses): void {
    if (this.nested.size > 0) return;
    this.#over({
      code: this.#nestedCode === 0 ? code : this.#nestedCode,
      ...(leftovers === undefined ? {} : { leftovers }),
    });
  }

  /** Called when a nested build has ended. */
  nestedEnded(build: RigBuild): void {
    this.nested.delete(build);
    if (this.#nestedCode === 0) this.#nestedCode = build.code ?? 0;
  }

  /** Resolves when the command has ended and its output was taken. */
  async status(): Promise<ExitStatus> {
    const status = await this.#exit.promise;
    await this.#written;
    return status;
  }

  #over(status: ExitStatus): void {
    this.#isOver = true;
    this.#exit.resolve(status);
  }
}

/** A build in progress, and what its client has seen. */
export class RigBuild {
  readonly label: string;
  readonly wish: BuildWish;
  readonly events: SimmerEvent[] = [];
  /** Resolves when the build has ended. */
  readonly over: Promise<void>;
  /** The exit code, after the end. */
  code: number | undefined;
  /** True if its client was asked to leave. */
  isAsked = false;
  readonly #build: Build;
  #stall: PromiseWithResolvers<void> | undefined;
  #seq = 0;

  constructor(label: string, wish: BuildWish, make: (emit: RigBuild["emit"]) => Build) {
    this.label = label;
    this.wish = wish;
    this.#build = make((body) => this.emit(body));
    this.over = this.#drive();
  }

  get id(): string {
    return this.#build.build;
  }

  get waitsFor(): readonly string[] {
    return this.#build.activity.waitsFor;
  }

  emit(body: EventBody): Emitted {
    const event = { ...body, seq: ++this.#seq, time: 0 };
    this.events.push(event);
    const isHeldBack = body.type === "TaskOutput" && this.#stall !== undefined;
    return isHeldBack ? { event, ready: this.#stall?.promise ?? Promise.resolve() } : { event };
  }

  cancel(how: Cancel): void {
    this.isAsked = true;
    // The server releases the back-pressure of a client that kills its build.
    if (how.kind === "kill") this.flow();
    this.#build.cancel(how);
  }

  /** The client reads no further. */
  stall(): void {
    this.#stall ??= Promise.withResolvers();
  }

  /** The client reads again. */
  flow(): void {
    this.#stall?.resolve();
    this.#stall = undefined;
  }

  /** The output of a task. */
  outputOf(task: string): string {
    return this.events.map((event) =>
      event.type === "TaskOutput" && event.task === task
        ? new TextDecoder().decode(decodeOutput(event))
        : ""
    ).join("");
  }

  async #drive(): Promise<void> {
    for (let next = this.#build.step(); next !== false; next = this.#build.step()) await next;
    const outcome = this.#build.outcome();
    this.code = outcome.kind === "exit" ? outcome.exitCode : 0;
  }
}

/** A project, and the builds in progress. */
export class BuildsRig implements AsyncDisposable {
  readonly root: string;
  readonly executions = new Executions();
  readonly slots = new SlotPool();
  readonly clock = new FakeClock();
  readonly log = new MemoryLogger();
  /** All builds. */
  readonly builds: RigBuild[] = [];
  /** All commands that have started. */
  readonly commands: FakeCommand[] = [];
  /** Called when a command has started. */
  started: (command: FakeCommand) => void = () => {};
  reaction: (task: string) => Reaction = () => "dies";
  readonly #config: ProjectConfig;
  readonly #project: ProjectState;
  readonly #ids = new BuildIds("rig");
  readonly #failures: unknown[] = [];
  readonly #work = new OwnedWork((_, error) => this.#failures.push(error));
  readonly #executor: Executor;

  private constructor(root: string) {
    this.root = root;
    this.#config = new ProjectConfig({ root });
    const { clock, log } = this;
    this.#project = new ProjectState({ root, folders: statePaths(root), clock, log });
    this.#executor = { execute: (...asked) => this.#execute(...asked) };
  }

  /** Creates a project from the texts of its files. */
  static create(files: Readonly<Record<string, string>>): BuildsRig {
    const root = Deno.realPathSync(Deno.makeTempDirSync({ prefix: "simmer_builds_" }));
    for (const [path, text] of Object.entries(files)) {
      Deno.writeTextFileSync(`${root}/${path}`, text);
    }
    return new BuildsRig(root);
  }

  /** Builds that have not ended. */
  get open(): readonly RigBuild[] {
    return this.builds.filter(({ code }) => code === undefined);
  }

  /** Commands that have not ended. */
  get running(): readonly FakeCommand[] {
    return this.commands.filter(({ isOver }) => !isOver);
  }

  /** Begins a build. */
  start(wish: BuildWish): RigBuild {
    this.#project.sync();
    const label = String(this.builds.length);
    const build = new RigBuild(label, wish, (emit) => this.#make(label, wish, emit));
    this.builds.push(build);
    wish.inside?.nested.add(build);
    this.#project.deferred.pause();
    this.#work.own(
      `build ${label}`,
      build.over.finally(() => {
        wish.inside?.nestedEnded(build);
        if (this.open.length === 0) this.#project.deferred.resume();
      }),
    );
    return build;
  }

  /** Changes a file. */
  edit(path: string, text: string): void {
    Deno.writeTextFileSync(`${this.root}/${path}`, text);
  }

  /** Resolves when a condition holds. Fails if that takes too long. */
  async until(holds: () => boolean, what: () => string): Promise<void> {
    const deadline = performance.now() + HANG_MS;
    while (!holds()) {
      this.check();
      assert(performance.now() < deadline, what());
      await ioTurn();
    }
  }

  /** Ends all commands until no build is left. */
  async finish(codeOf: (task: string) => number): Promise<void> {
    for (const build of this.builds) build.flow();
    await this.until(() => {
      for (const command of this.running) command.end(codeOf(command.task));
      return this.open.length === 0;
    }, () => `hung: ${this.describe()}`);
    await this.#work.settled();
    this.check();
  }

  /** Describes what is in progress, for failures. */
  describe(): string {
    const builds = this.open.map(({ label, wish: { tasks, jobs }, waitsFor }) =>
      `build ${label} (${tasks}, -j${jobs}) waits for [${waitsFor.join("; ")}]`
    );
    const commands = this.running.map(({ task, starter, nested }) =>
      `${task} of build ${starter.label}, nested ${[...nested].map(({ label }) => label)}`
    );
    const { held, capacity } = this.slots;
    return `${[...builds, ...commands].join("\n")}\n${held} of ${capacity} slots`;
  }

  /** Throws the error of work that has failed. */
  check(): void {
    if (this.#failures.length > 0) throw this.#failures[0];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const build of this.open) build.cancel({ kind: "kill" });
    await Promise.all(this.builds.map(({ over }) => over.catch(() => {})));
    await this.#work.settled();
    await this.#project.deferred.finish();
    await this.#project.tracker.stop();
    await this.#project.close();
    Deno.removeSync(this.root, { recursive: true });
  }

  #make(
    label: string,
    { tasks, jobs, keepGoing = false, force = false, replayLogs = "none", inside }: BuildWish,
    emit: RigBuild["emit"],
  ): Build {
    const client = { pid: NO_PID, command: `simmer run ${tasks.join(" ")}` };
    const workspace = this.#config.workspace();
    const scope = this.#config.scopeAt(this.root);
    const plan = planTasks(buildGraph({ workspace, scope, names: tasks, ifPresent: false }), {
      tasks,
      jobs,
      keepGoing,
      force,
      client,
      cwd: this.root,
      env: { [LABEL]: label },
      args: [],
      recursive: false,
      members: false,
      eval: false,
      ifPresent: false,
      denoFlags: [],
      audit: false,
      detach: false,
      noPrefix: false,
      replayLogs,
      watched: false,
    }, { root: this.root, processors: jobs });
    const id = this.#ids.next(this.clock.now());
    const parent = inside === undefined ? undefined : this.executions.byTag(inside.tag);
    assertEquals(parent === undefined, inside === undefined, "the tag names the execution");
    const rank = this.#project.rank(plan);
    return new Build({
      id,
      plan,
      call: { name: "runTasks", params: {}, client, emit },
      detached: false,
      executions: this.executions,
      slots: this.slots,
      ...(parent === undefined ? {} : { parent }),
      hasInput: () => false,
      canSuspend: () => true,
      own: (what, work) => this.#work.own(what, work),
      executor: this.#executor,
      files: BuildFiles.create(id, statePaths(this.root)),
      clock: this.clock,
      cache: this.#project.results(`${this.root}/.simmer/cache`),
      deferred: this.#project.deferred,
      ran: (task, durationMs) => this.#project.ran(task, durationMs),
      ...(rank === undefined ? {} : { rank }),
    });
  }

  async #execute(
    { name, env }: TaskCommand,
    sink: OutputSink,
    cancellation: Cancellation,
  ): Promise<ExitStatus> {
    const starter = this.builds[Number(env[LABEL])];
    assert(starter !== undefined);
    const command = new FakeCommand(name, starter, sink, cancellation, this.reaction(name));
    sink.tagged?.(command.tag);
    this.commands.push(command);
    this.started(command);
    return await command.status();
  }
}
