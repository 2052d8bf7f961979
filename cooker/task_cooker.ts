/**
 * simmer's own cooker: executes the server's commands that list, plan, run and watch the tasks of a
 * `deno.json` or `package.json`.
 *
 * @module
 */

import type { Clock } from "../system/clock.ts";
import type { Logger } from "../system/logger.ts";
import { thisProgram } from "../system/process/self.ts";
import { memoryReleaser } from "../system/process/memory.ts";
import type { PassedDescriptors } from "../system/process/passed_descriptors.ts";
import { GroupSpawner } from "../system/process/group_spawner.ts";
import { ProcessTags } from "../system/process/process_tag.ts";
import { OwnedWork } from "../system/owned_work.ts";
import { Warden } from "../system/process/warden.ts";
import {
  COOKER_COMMANDS,
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
import type { ResultCache } from "./cache/result_cache.ts";
import type { BuildFolders } from "./build/build_files.ts";
import { requireFolder } from "../project/root.ts";
import { ProjectPlanner } from "./project_planner.ts";
import { listTasks } from "./task_list.ts";
import { Builds } from "./builds.ts";
import { ConfigNotifier } from "./config_notifier.ts";
import type { AsyncCommand, CommandCall, Cooker, CookerHost, Notifier } from "../server/cooker.ts";
import type { Environment } from "./plan/environment.ts";
import type { Executor } from "./execute/executor.ts";
import { type ProjectFolders, ProjectState } from "./project_state.ts";
import { explainPlan } from "./build/explain.ts";
import { ChangeSubscriptions } from "./build/change_subscriptions.ts";
import { registerPeriodic } from "./periodic_work.ts";
import type { SettledBuilds } from "./settled.ts";
import { type CookerState, Lifecycle } from "./lifecycle.ts";
import { MemoryRelease } from "./memory_release.ts";
import { ShellExecutor } from "./execute/shell_executor.ts";

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
  readonly #variables = new Map<string, string>();
  readonly #builds: Builds;
  readonly #memory: MemoryRelease;
  readonly #beside: OwnedWork;

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
    this.#warden = new Warden(undefined, options.clock);
    this.#executor = options.executor ?? new ShellExecutor({
      clock: options.clock,
      host: thisProgram(),
      spawner: this.#spawner,
      warden: this.#warden,
      tags: this.#tags,
      ...(options.config === undefined ? {} : { config: options.config }),
    });
    this.#builds = new Builds({
      ...options,
      project: this.#project,
      config: this.#planner.config,
      changes: this.#changes,
      executor: this.#executor,
      tags: this.#tags,
      spawner: this.#spawner,
      beside: this.#beside,
      memory: this.#memory,
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
        this.#builds.tidy();
        const isBusy = host.hasUIs() || this.#builds.size > 0 || !this.#project.deferred.isEmpty;
        return this.#memory.look(isBusy);
      },
    });
  }

  async postServe(): Promise<void> {
    await this.#beside.settled();
    this.#builds.prune();
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
    return this.#builds.includesProcess(pid);
  }

  clientComplete({ pid }: ClientInfo, isGone: boolean): void {
    // The server cancels the builds of the UI that left.
    if (isGone) this.#builds.endWatch(pid);
  }

  async shutdown(force: boolean): Promise<void> {
    this.#lifecycle.shutdown();
    await this.#builds.end({ kind: force ? "kill" : "end" });
    if (force) return this.#project.deferred.drop();
    await this.#project.deferred.finish();
    await this.#changes.close();
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
    openJournal: ({ build }) => this.#builds.journal(build),
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
    const planned = this.#planner.planFor(params);
    return this.#builds.start(params, call, { ...planned, cache: this.#results(params) });
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
    return await explainPlan({ plan, cache, last });
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

function isCookerCommand(name: string): name is keyof CookerCommands {
  return Object.hasOwn(COOKER_COMMANDS, name);
}
