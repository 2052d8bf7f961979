/**
 * Executes the actions of BitBake's command line with simmer's tasks. An action either finishes
 * here, or returns the run that the caller must start.
 *
 * @module
 */

import { joinPath, writeAtomically } from "../../system/files/files.ts";
import type { PlanTasksResult, RunTasksInput, TaskDescription } from "../../wire/commands.ts";
import { WireError } from "../../wire/errors.ts";
import type { PyObject, PyValue } from "../pickle/mod.ts";
import type { Configuration } from "./configuration.ts";
import {
  commandCompleted,
  commandFailed,
  LEVELS,
  logRecord,
  noProvider,
  parsed,
} from "./objects.ts";
import { DEFAULT_TASK, findTarget } from "./targets.ts";

/** The parts of a client's session that {@linkcode Actions} uses. */
interface ActionContext {
  /** Sends a command to the server. */
  call(name: string, params?: unknown): Promise<unknown>;
  readonly configuration: Configuration;
  /** The project's root folder, absolute. */
  readonly root: string;
  emit(object: PyObject): void;
}

/** The input of a run that the caller must start. */
export type ActionRun = Omit<RunTasksInput, "client">;

const ACTIONS: ReadonlySet<string> = new Set([
  "buildTargets",
  "parseFiles",
  "showVersions",
  "showEnvironment",
  "showEnvironmentTarget",
  "generateDotGraph",
]);

/** Executes the actions of one client. */
export class Actions {
  readonly #context: ActionContext;

  constructor(context: ActionContext) {
    this.#context = context;
  }

  /** Returns true if an action of that name is supported. */
  has(name: string): boolean {
    return ACTIONS.has(name);
  }

  /**
   * Executes an action, except for the run of tasks that it may require. An action without a run
   * has sent its last event when the promise resolves.
   *
   * @returns the run that the action requires, if any; the events of the run are then those of the
   *   action
   * @throws {WireError} if the server refuses
   */
  async carryOut(name: string, first: PyValue, second: PyValue): Promise<ActionRun | undefined> {
    const tasks = await this.#tasks();
    switch (name) {
      case "buildTargets":
        return await this.#build(textsOf(first), textOf(second), tasks);
      case "parseFiles":
        return this.#finish(parsed(tasks.length));
      case "showVersions":
        return this.#finish(
          tasks.map(({ name, package: owner, command }) =>
            plain(`${(owner ?? "").padEnd(20)} ${name.padEnd(20)} ${command ?? ""}`.trim())
          ),
        );
      case "showEnvironment":
        return this.#finish(this.#environment());
      case "showEnvironmentTarget":
        return this.#showTask(textsOf(first), textOf(second), tasks);
      case "generateDotGraph":
        return await this.#graph(textsOf(first), textOf(second), tasks);
      default:
        throw new WireError("methodNotFound", "No such command");
    }
  }

  async #tasks(): Promise<readonly TaskDescription[]> {
    const tasks = await this.#context.call("listTasks", { recursive: true });
    return tasks as TaskDescription[];
  }

  async #build(
    targets: readonly string[],
    task: string | undefined,
    tasks: readonly TaskDescription[],
  ): Promise<ActionRun | undefined> {
    const run = this.#runOf(targets, task, tasks);
    if (run === undefined || !this.#context.configuration.isSet("dry_run")) return run;
    const plan = await this.#plan(run);
    return this.#finish(
      plan.tasks.map(({ task, verdict, command }) =>
        plain(`${verdict === "cached" ? "cached" : "would run"}: ${task}  ${command ?? ""}`.trim())
      ),
    );
  }

  #runOf(
    targets: readonly string[],
    task: string | undefined,
    tasks: readonly TaskDescription[],
  ): ActionRun | undefined {
    const found = new Set<string>();
    for (const target of targets) {
      const name = findTarget(target, task ?? DEFAULT_TASK, tasks);
      if (name === undefined) return this.#unknown(target, tasks);
      found.add(name);
    }
    const { root, configuration } = this.#context;
    return {
      tasks: [...found],
      cwd: root,
      env: configuration.environment,
      keepGoing: !configuration.isSet("halt"),
      force: configuration.isSet("force"),
    };
  }

  #unknown(target: string, tasks: readonly TaskDescription[]): undefined {
    const start = target.slice(0, 2);
    const near = tasks.find((task) => task.name.startsWith(start))?.name;
    this.#context.emit(noProvider(target, near));
    this.#context.emit(commandFailed(""));
    return undefined;
  }

  #environment(): PyObject[] {
    const { configuration, root } = this.#context;
    return [
      plain(`SIMMER_ROOT="${root}"`),
      ...Object.entries(configuration.environment).sort()
        .map(([name, value]) => plain(`${name}="${value}"`)),
    ];
  }

  #showTask(
    targets: readonly string[],
    task: string | undefined,
    tasks: readonly TaskDescription[],
  ): undefined {
    for (const target of targets) {
      const meant = findTarget(target, task ?? DEFAULT_TASK, tasks);
      const found = tasks.find((each) => each.task === meant);
      if (found === undefined) return this.#unknown(target, tasks);
      for (const [name, value] of Object.entries(found)) {
        this.#context.emit(plain(`${name}=${JSON.stringify(value)}`));
      }
    }
    return this.#finish([]);
  }

  async #graph(
    targets: readonly string[],
    task: string | undefined,
    tasks: readonly TaskDescription[],
  ): Promise<undefined> {
    const run = this.#runOf(targets, task, tasks);
    if (run === undefined) return undefined;
    const plan = await this.#plan(run);
    const quoted = (text: string): string => JSON.stringify(text);
    const lines = plan.tasks.flatMap(({ task, dependencies }) => [
      `${quoted(task)} [label=${quoted(task)}]`,
      ...dependencies.map((each) => `${quoted(task)} -> ${quoted(each)}`),
    ]);
    const path = joinPath(this.#context.root, "task-depends.dot");
    writeAtomically(path, `digraph depends {\n${lines.join("\n")}\n}\n`, 0o644);
    return this.#finish([plain(`The graph of the tasks is in ${path}`)]);
  }

  async #plan(run: ActionRun): Promise<PlanTasksResult> {
    const client = { pid: 1, command: this.#context.configuration.commandLine };
    return await this.#context.call("planTasks", { ...run, client }) as PlanTasksResult;
  }

  #finish(objects: readonly PyObject[]): undefined {
    for (const object of [...objects, commandCompleted()]) this.#context.emit(object);
    return undefined;
  }
}

function plain(text: string): PyObject {
  return logRecord(LEVELS.plain, text);
}

function textsOf(value: PyValue): string[] {
  return Array.isArray(value) ? value.filter((each) => typeof each === "string") : [];
}

function textOf(value: PyValue): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}
