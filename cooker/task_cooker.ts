/**
 * simmer's own cooker: executes the server's commands that list, plan, run and watch the tasks of a
 * `deno.json` or `package.json`.
 *
 * @module
 */

import type { Clock } from "../system/clock.ts";
import type { Logger } from "../system/logger.ts";
import { processId } from "../system/environment.ts";
import { thisProgram } from "../system/process/self.ts";
import { memoryReleaser } from "../system/process/memory.ts";
import type { PassedDescriptors } from "../system/process/passed_descriptors.ts";
import { ioTurn } from "../system/macrotask.ts";
import { GroupSpawner } from "../system/process/group_spawner.ts";
import { ProcessTags } from "../system/process/process_tag.ts";
import { OwnedWork } from "../system/owned_work.ts";
import { isGroupOrphaned } from "../system/process/processes.ts";
import { Warden } from "../system/process/warden.ts";
import {
  COOKER_COMMANDS,
  type Journal,
  type ListTasksParams,
  type ParamsOf,
  type PlanTasksResult,
  type ResultOf,
  type RunTasksParams,
  type TaskDescription,
  type WatchInputsParams,
} from "../wire/commands.ts";
import { WireError } from "../wire/errors.ts";
import type { ClientInfo } from "../wire/events.ts";
import { Build } from "./build/build.ts";
import type { ResultCache } from "./cache/result_cache.ts";
import { type Execution, Executions } from "./build/executions.ts";
import { ServiceHold } from "./build/service_hold.ts";
import { SlotPool } from "./build/slot_pool.ts";
import { BuildFiles, type BuildFolders, BuildIds, keptJournal } from "./build/build_files.ts";
import { requireFolder } from "../project/root.ts";
import { ProjectPlanner } from "./project_planner.ts";
import { listTasks } from "./task_list.ts";
import { BuildOutcome } from "./build_outcome.ts";
import { ClientInheritance } from "./client_inheritance.ts";
import { ConfigNotifier } from "./config_notifier.ts";
import type {
  AsyncCommand,
  Cancel,
  CommandCall,
  Cooker,
  CookerHost,
  Notifier,
} from "../server/cooker.ts";
import type { Environment } from "./plan/environment.ts";
import type { Executor } from "./execute/executor.ts";
import { type ProjectFolders, ProjectState } from "./project_state.ts";
import { explainPlan } from "./build/explain.ts";
import { ChangeSubscriptions } from "./build/change_subscriptions.ts";
import { BuildRetention } from "./build/build_retention.ts";
import { registerPeriodic } from "./periodic_work.ts";
import type { BuildPlan } from "./plan/plan.ts";
import type { SettledBuilds } from "./settled.ts";
import { type CookerState, Lifecycle } from "./lifecycle.ts";
import { MemoryRelease } from "./memory_release.ts";
import { EXECUTION_VARIABLE, ShellExecutor } from "./execute/shell_executor.ts";
import { TaskRunner } from "./build/task_runner.ts";

/** Options of a {@linkcode TaskCooker}. */
interface TaskCookerOptions {
  /** The project's root folder, absolute, with links resolved. */
  readonly root: string;
  /** The config file that the user has named, absolute. */
  readonly config?: string;
  /** Folders for the files of builds and for the state of the project. */
  readonly state: BuildFolders & ProjectFolders;
  /**
   * The cache folder, common to all projects, absolute: either one for every run, or a function
   * that derives it from the environment of a run. If it is absent or the function returns
   * `undefined`, results are not stored.
   */
  readonly cache?: string | ((env: Environment) => string | undefined);
  readonly clock: Clock;
  readonly log: Logger;
  /** Default: the shell of `deno task`. */
  readonly executor?: Executor;
  /** Receives builds whose outcome is known, because every task was a cache hit. */
  readonly settled?: SettledBuilds;
  /** Descriptors that clients have passed with their command lines, if any. */
  readonly passed?: PassedDescriptors;
  /**
   * True if the cooker ends with its first build. Results are then stored at once. Default: false.
   */
  readonly isBrief?: boolean;
}

type CookerCommands = typeof COOKER_COMMANDS;

type Handlers = {
  readonly [Name in keyof CookerCommands]: (
    params: ParamsOf<CookerCommands[Name]>,
    call: CommandCall,
  ) => CookerCommands[Name]["kind"] extends "async" ? AsyncCommand
    : ResultOf<CookerCommands[Name]> | Promise<ResultOf<CookerCommands[Name]>>;
};

/** Runs a project's tasks. */
export class TaskCooker implements Cooker {
  readonly commands: CookerCommands = COOKER_COMMANDS;
  readonly notifier: Notifier;
  readonly configNotifier: ConfigNotifier;
  readonly #options: TaskCookerOptions;
  readonly #project: ProjectState;
  readonly #planner: ProjectPlanner;
  readonly #lifecycle = new Lifecycle();
  readonly #changes: ChangeSubscriptions;
  readonly #executor: Executor;
  readonly #warden: Warden;
  readonly #tags = new ProcessTags();
  readonly #spawner = new GroupSpawner();
  readonly #inheritance: ClientInheritance;
  readonly #ids = new BuildIds(String(processId()));
  readonly #variables = new Map<string, string>();
  readonly #builds = new Set<Build>();
  readonly #executions = new Executions();
  /** By the process ids of the clients that watch. */
  readonly #holds = new Map<number, ServiceHold>();
  readonly #slots = new SlotPool();
  /** Sentences about the config that builds have shown. Each is shown once. */
  readonly #said = new Set<string>();
  readonly #memory: MemoryRelease;
  readonly #retention: BuildRetention;
  readonly #beside: OwnedWork;
  /** Number of executions that had begun at the last look. */
  #begunBefore = 0;
  /** @param options the project; nothing is read or started before a command needs it */
  constructor(options: TaskCookerOptions) {
    this.#options = options;
    this.#beside = new OwnedWork((what, error) => {
      const text = error instanceof Error ? error.stack ?? error.message : String(error);
      options.log.log("error", `The cooker's ${what} failed: ${text}`);
    });
    this.#project = new ProjectState({ ...options, folders: options.state });
    this.#planner = new ProjectPlanner({ ...options, tracker: this.#project.tracker });
    this.notifier = this.#project.tracker;
    this.configNotifier = new ConfigNotifier(
      this.#project.tracker,
      options.root,
      () => this.#planner.config.entries,
    );
    this.#changes = new ChangeSubscriptions(this.#project.tracker, options);
    this.#memory = new MemoryRelease(options.clock, memoryReleaser, this.#beside);
    this.#retention = new BuildRetention(options.state, options.log);
    this.#inheritance = new ClientInheritance(this.#spawner, options.passed);
    this.#warden = new Warden(undefined, options.clock);
    this.#executor = options.executor ?? new ShellExecutor({
      clock: options.clock,
      host: thisProgram(),
      spawner: this.#spawner,
      warden: this.#warden,
      tags: this.#tags,
      ...(options.config === undefined ? {} : { config: options.config }),
    });
  }

  get notes(): readonly string[] {
    return this.#project.tracker.notes;
  }

  get state(): CookerState {
    return this.#lifecycle.state;
  }

  preServe(host: CookerHost): void {
    this.#lifecycle.serve();
    registerPeriodic(host, { name: "watching inputs", work: () => this.#changes.look() });
    registerPeriodic(host, {
      name: "watching config",
      work: () =>
        this.configNotifier.look(host.hasUIs(), (files) => {
          host.log.log("info", `Config changed: ${files.join(", ")}`);
          host.emit({ type: "ConfigChanged", files });
        }),
    });
    registerPeriodic(host, {
      name: "tidying up",
      work: () => {
        this.#retention.prune(new Set([...this.#builds].map(({ build }) => build)));
        this.#storeIfQuiet();
        this.#slots.relieve();
        const isBusy = host.hasUIs() || this.#builds.size > 0 || !this.#project.deferred.isEmpty;
        return this.#memory.look(isBusy);
      },
    });
  }

  async postServe(): Promise<void> {
    await this.#beside.settled();
    this.#retention.prune();
    await this.#project.close();
    await this.#warden.close();
    this.#tags.close();
    await this.#spawner.close();
  }

  releaseMemory(): void {
    this.#beside.own("releasing memory", this.#memory.giveBack());
  }

  /** Config that was valid once is worth keeping the server: its other state is still of use. */
  fault(): string | undefined {
    const { mistake } = this.#lifecycle;
    if (mistake !== undefined) return `No config has been valid since the start (${mistake})`;
    return this.#planner.config.absence();
  }

  isPartOfWork({ pid }: ClientInfo): boolean {
    const tag = this.#executions.size === 0 ? undefined : this.#tags.of(pid);
    return tag !== undefined && this.#executions.byTag(tag) !== undefined;
  }

  clientComplete({ pid }: ClientInfo, isGone: boolean): void {
    // The server cancels the builds of the UI that left.
    if (isGone) this.#endHold(pid, { kind: "end" });
  }

  /** Returns what keeps the services of a watching client running. */
  #holdOf(client: ClientInfo): ServiceHold {
    const hold = this.#holds.get(client.pid) ?? new ServiceHold(client);
    this.#holds.set(client.pid, hold);
    return hold;
  }

  #endHold(pid: number, how: Cancel): void {
    this.#holds.get(pid)?.cancel(how);
    this.#holds.delete(pid);
  }

  async shutdown(force: boolean): Promise<void> {
    this.#lifecycle.shutdown();
    const builds = [...this.#builds];
    const how: Cancel = { kind: force ? "kill" : "end" };
    for (const build of builds) build.cancel(how);
    for (const pid of [...this.#holds.keys()]) this.#endHold(pid, how);
    await Promise.all(builds.map((build) => build.ended));
    if (force) this.#project.deferred.drop();
    else await this.#project.deferred.finish();
  }

  runCommand(call: CommandCall): unknown {
    if (!isCookerCommand(call.name)) {
      throw new WireError("methodNotFound", `No such command: ${call.name}`);
    }
    // The server has checked the parameters against this row of the table.
    const handler = this.#handlers[call.name] as (params: unknown, call: CommandCall) => unknown;
    const { deferred } = this.#project;
    // The reasons are only known when all deferred results are stored, so the client waits for
    // that.
    if (call.name === "planTasks" && !deferred.isEmpty) {
      return deferred.finish().then(() => handler(call.params, call));
    }
    return handler(call.params, call);
  }

  readonly #handlers: Handlers = {
    listTasks: (params) => this.#read(() => this.#listTasks(params)),
    getVariable: ({ name }) => this.#variables.get(name) ?? null,
    setVariable: ({ name, value }) => {
      this.#variables.set(name, value);
      return null;
    },
    runTasks: (params, call) => this.#read(() => this.#runTasks(params, call)),
    planTasks: (params) => this.#explain(params),
    watchInputs: (params, call) => this.#read(() => this.#watchInputs(params, call)),
    openJournal: ({ build }) => this.#openJournal(build),
  };

  /** Runs `work`, which reads config, and watches the files that it has read. */
  #read<T>(work: () => T): T {
    try {
      return this.#lifecycle.read(() => {
        requireFolder(this.#options.root);
        return work();
      });
    } finally {
      this.configNotifier.noteRead();
    }
  }

  #listTasks(params: ListTasksParams): TaskDescription[] {
    this.#project.sync();
    const { config, workspace } = this.#planner;
    return listTasks(params, { root: this.#options.root, config, workspace });
  }

  #runTasks(params: RunTasksParams, call: CommandCall): AsyncCommand {
    this.#project.sync();
    const { plan, validity: planned } = this.#planner.planFor(params);
    const passed = this.#inheritance.descriptorsFor(plan, params);
    const rank = this.#project.rank(plan);
    const { state, clock } = this.#options;
    const cache = this.#results(params);
    const outcome = new BuildOutcome(plan, {
      project: this.#project,
      cache,
      planned,
      inProgress: this.#builds,
    });
    const id = this.#ids.next(clock.now());
    const parent = this.#parentOf(params);
    const build = new Build({
      id,
      plan,
      notes: this.#newNotes(),
      call,
      detached: params.detach,
      executions: this.#executions,
      slots: this.#slots,
      // A nested build that names no number of jobs has that of the build around it.
      ...(parent === undefined || params.jobs !== undefined ? {} : { jobs: parent.starter.jobs }),
      ...(parent === undefined ? {} : { parent }),
      hasInput: (pid) => this.#spawner.hasInput(pid),
      canSuspend: (pid) => !isGroupOrphaned(pid),
      ...(params.watched ? { hold: this.#holdOf(call.client) } : {}),
      own: (what, work) => this.#beside.own(what, this.#inheritance.during(params, work)),
      executor: this.#executor,
      files: BuildFiles.create(id, state),
      clock,
      cache,
      deferred: this.#project.deferred,
      keepsAtOnce: this.#options.isBrief === true || params.watched,
      isWatched: params.watched,
      ran: (task, durationMs) => this.#project.ran(task, durationMs),
      ...(rank === undefined ? {} : { rank }),
      ...(params.stdinPid === undefined ? {} : { stdinPid: params.stdinPid }),
      ...(passed === undefined ? {} : { passed }),
      ...(params.output === undefined ? {} : { output: params.output }),
      ...(params.keyboard === undefined ? {} : { keyboard: params.keyboard }),
      attributes: this.#inheritance.attributesOf(call.client.pid, params.detach),
    });
    this.#builds.add(build);
    this.#project.deferred.pause();
    const watcher = params.watched ? watcherOf(call, plan) : undefined;
    this.#beside.own("comparing a build's inputs", this.#changes.begin(build, watcher));
    this.#beside.own(
      "work after a build",
      build.ended.then(async () => {
        this.#builds.delete(build);
        const validity = outcome.validityOf(build);
        this.#options.settled?.note(
          validity === undefined ? undefined : { pid: call.client.pid, validity },
        );
        this.#retention.built();
        this.#project.save();
        // The client learns of the end first.
        await ioTurn();
        if (this.#builds.size === 0) this.#project.deferred.resume();
        this.#project.trim();
        if (!build.isAllCached) this.#memory.built(plan.tasks.length);
      }),
    );
    return build;
  }

  /** Returns what no build has said yet about the config. */
  #newNotes(): string[] {
    const notes = this.#planner.config.notes.filter((note) => !this.#said.has(note));
    for (const note of notes) this.#said.add(note);
    return notes;
  }

  /**
   * Stores deferred results if no task has begun since the last call. A build may run for ever, so
   * its end is not waited for.
   */
  #storeIfQuiet(): void {
    const { begun } = this.#executions;
    if (begun === this.#begunBefore) this.#project.deferred.resume();
    this.#begunBefore = begun;
  }

  /**
   * Returns the execution whose task has started the client of a build. A detached build belongs to
   * none: it goes on when its client has left.
   */
  #parentOf({ client, env, detach }: RunTasksParams): Execution | undefined {
    if (detach || this.#executions.size === 0) return undefined;
    const tag = this.#tags.of(client.pid) ?? env[EXECUTION_VARIABLE];
    return tag === undefined ? undefined : this.#executions.byTag(tag);
  }

  /** Returns the result cache of a run, whose own environment names the cache folder. */
  #results({ env }: RunTasksParams): ResultCache {
    const { cache } = this.#options;
    return this.#project.results(typeof cache === "function" ? cache(env) : cache);
  }

  async #explain(params: RunTasksParams): Promise<PlanTasksResult> {
    const plan = this.#read(() => {
      this.#project.sync();
      return this.#planner.plan(params);
    });
    const { last } = this.#project;
    const cache = this.#results(params);
    const runner = new TaskRunner({
      ...plan,
      executor: this.#executor,
      clock: this.#options.clock,
      cache,
    });
    return await explainPlan({ plan, cache, last, runner });
  }

  #openJournal(build: string | undefined): Journal | null {
    const running = [...this.#builds];
    const found = build === undefined
      ? running.at(-1)
      : running.find((each) => each.build === build);
    if (found !== undefined) return { build: found.build, path: found.writeJournal() };
    return keptJournal(build, this.#options.state) ?? null;
  }

  #watchInputs(params: WatchInputsParams, call: CommandCall): null {
    const { watch } = params;
    this.#project.sync();
    this.#changes.wait(watch, this.#planner.plan(params), params.build, {
      changed: (files) => void call.emit({ type: "InputsChanged", watch, files }),
      written: (files) => void call.emit({ type: "InputsWritten", watch, files }),
    });
    return null;
  }
}

/** Returns a key for a client that runs the same tasks repeatedly (`--watch`). */
function watcherOf({ client }: CommandCall, { tasks }: BuildPlan): string {
  return JSON.stringify([client.pid, ...tasks.map(({ key }) => key)]);
}

function isCookerCommand(name: string): name is keyof CookerCommands {
  return Object.hasOwn(COOKER_COMMANDS, name);
}
