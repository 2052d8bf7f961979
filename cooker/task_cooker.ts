/**
 * simmer's own cooker: the tasks of a `deno.json` or `package.json`.
 *
 * @module
 */

import type { Clock } from "../system/clock.ts";
import { processId, processorCount } from "../system/environment.ts";
import { fileKind, realPath } from "../system/files.ts";
import { thisProgram } from "../system/self.ts";
import { Warden } from "../system/warden.ts";
import {
  COOKER_COMMANDS,
  type ParamsOf,
  type ResultOf,
  type RunTasksParams,
  type TaskDescription,
} from "../wire/commands.ts";
import { WireError } from "../wire/errors.ts";
import { Build } from "./build.ts";
import { BuildFiles, type BuildFolders, BuildIds } from "./build_files.ts";
import { ProjectConfig } from "./config/project.ts";
import type { TaskDefinition } from "./config/tasks.ts";
import type { AsyncCommand, CommandCall, Cooker, Notifier } from "./cooker.ts";
import type { Executor } from "./executor.ts";
import { planCommandLine, planTasks } from "./plan.ts";
import { ShellExecutor } from "./shell_executor.ts";

/** What a {@linkcode TaskCooker} is made of. */
export interface TaskCookerOptions {
  /** The project's root folder, absolute, with links resolved. */
  readonly root: string;
  /** The config file that was named, absolute. */
  readonly config?: string;
  /** Where builds leave their files. */
  readonly state: BuildFolders;
  readonly clock: Clock;
  /** Default: the shell of `deno task`. */
  readonly executor?: Executor;
}

type CookerCommands = typeof COOKER_COMMANDS;

type Handlers = {
  readonly [Name in keyof CookerCommands]: (
    params: ParamsOf<CookerCommands[Name]>,
    call: CommandCall,
  ) => CookerCommands[Name]["kind"] extends "async" ? AsyncCommand : ResultOf<CookerCommands[Name]>;
};

/** Where the cooker is in its life. */
export type CookerState = "initial" | "parsing" | "running" | "shutdown" | "error";

/** Nothing is watched: config is read for each run, and no result is kept between runs. */
const UNWATCHED: Notifier = { stop: () => {} };

/** Runs a project's tasks. */
export class TaskCooker implements Cooker {
  readonly commands: CookerCommands = COOKER_COMMANDS;
  readonly notifier: Notifier = UNWATCHED;
  readonly configNotifier: Notifier = UNWATCHED;
  readonly notes: readonly string[] = [];
  readonly #options: TaskCookerOptions;
  readonly #config: ProjectConfig;
  readonly #executor: Executor;
  readonly #warden = new Warden();
  readonly #ids = new BuildIds(String(processId()));
  readonly #variables = new Map<string, string>();
  readonly #builds = new Set<Build>();
  #state: CookerState = "initial";

  /** @param options nothing is read or started before a command asks for it */
  constructor(options: TaskCookerOptions) {
    this.#options = options;
    this.#config = new ProjectConfig(options);
    this.#executor = options.executor ?? new ShellExecutor({
      clock: options.clock,
      host: thisProgram(),
      warden: this.#warden,
      ...(options.config === undefined ? {} : { config: options.config }),
    });
  }

  get state(): CookerState {
    return this.#state;
  }

  preServe(): void {
    this.#state = "running";
  }

  async postServe(): Promise<void> {
    await this.#warden.close();
  }

  clientComplete(): void {
    // A build of the UI that left is cancelled by the server; nothing else belongs to a UI.
  }

  async shutdown(force: boolean): Promise<void> {
    this.#state = "shutdown";
    const builds = [...this.#builds];
    for (const build of builds) build.cancel(force);
    await Promise.all(builds.map((build) => build.ended));
  }

  runCommand(call: CommandCall): unknown {
    if (!isCookerCommand(call.name)) {
      throw new WireError("methodNotFound", `No such command: ${call.name}`);
    }
    // The server has checked the parameters against this very row.
    const handler = this.#handlers[call.name] as (params: unknown, call: CommandCall) => unknown;
    return handler(call.params, call);
  }

  readonly #handlers: Handlers = {
    listTasks: ({ cwd }) => this.#read(() => this.#listTasks(cwd)),
    getVariable: ({ name }) => this.#variables.get(name) ?? null,
    setVariable: ({ name, value }) => {
      this.#variables.set(name, value);
      return null;
    },
    runTasks: (params, call) => this.#read(() => this.#runTasks(params, call)),
  };

  /** Reading config is the one thing that can put the cooker into the state `error`. */
  #read<T>(work: () => T): T {
    const before = this.#state;
    this.#state = "parsing";
    try {
      const result = work();
      this.#state = before === "error" ? "running" : before;
      return result;
    } catch (error) {
      this.#state = error instanceof WireError && error.is("projectError") ? "error" : before;
      throw error;
    }
  }

  #listTasks(cwd: string | undefined): TaskDescription[] {
    return this.#config.scopeAt(this.#place(cwd)).tasks().map(describe);
  }

  #runTasks(params: RunTasksParams, call: CommandCall): AsyncCommand {
    const plan = params.eval ? planCommandLine(params) : planTasks(
      this.#config.scopeAt(this.#place(params.taskCwd ?? params.cwd)),
      params,
      processorCount(),
    );
    const { state, clock } = this.#options;
    const id = this.#ids.next(clock.now());
    const build = new Build({
      id,
      plan,
      call,
      detached: params.detach,
      executor: this.#executor,
      files: BuildFiles.create(id, state),
      clock,
    });
    this.#builds.add(build);
    build.ended.then(() => this.#builds.delete(build));
    return build;
  }

  #place(cwd: string | undefined): string {
    const folder = cwd ?? this.#options.root;
    return fileKind(folder) === "folder" ? realPath(folder) : folder;
  }
}

function isCookerCommand(name: string): name is keyof CookerCommands {
  return Object.hasOwn(COOKER_COMMANDS, name);
}

function describe(task: TaskDefinition): TaskDescription {
  const { name, description, command, dependencies, origin } = task;
  return {
    name,
    dependencies: [...dependencies],
    source: origin.source,
    file: origin.file,
    ...(description === undefined ? {} : { description }),
    ...(command === undefined ? {} : { command }),
  };
}
