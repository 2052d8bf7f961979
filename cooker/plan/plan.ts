/**
 * A plan: what exactly a build runs, before anything of it does.
 *
 * @module
 */

import type { ReplayLogs, RunTasksParams } from "../../wire/commands.ts";
import type { CacheDeclaration } from "../cache/fingerprint.ts";
import type { TaskDefinition } from "../config/tasks.ts";
import { baseName, pathInside } from "../../system/files/files.ts";
import { type Environment, runEnvironment, taskEnvironment } from "./environment.ts";
import type { TaskCommand } from "../execute/executor.ts";
import type { TaskGraph, TaskNode } from "./graph.ts";
import type { NpmBins } from "../execute/node_modules.ts";
import { mayOverlap } from "./concurrency.ts";
import { commandLine } from "../../wire/quoting.ts";
import { namedDescriptors } from "./named_descriptors.ts";
import { hasSecret } from "../../wire/redact.ts";
import { stdinReaders } from "./stdin_readers.ts";

/** A task of a build. */
export interface PlannedTask {
  /** Unique in the build. */
  readonly id: string;
  readonly name: string;
  /** The workspace member that it belongs to, where that is told apart. */
  readonly package?: string;
  /** Whether it was asked for, rather than another one needs it. */
  readonly requested: boolean;
  /** Indices of the tasks that come first. */
  readonly dependencies: readonly number[];
  /** Whether another one may run beside it, or could if members did not wait for those they import. */
  readonly prefixed: boolean;
  /** What its lines are prefixed with, if that is more than its name. */
  readonly label?: string;
  /** Where it runs, absolute. */
  readonly cwd: string;
  /** The command line as people see it. */
  readonly header?: string;
  /** Whether it reads the client's stdin, or is to say that no task does; absent: neither. */
  readonly stdin?: "reads" | "lost";
  /** What is executed; absent: the task only stands for its dependencies. */
  readonly command?: TaskCommand;
  /** What its result depends on; absent: it always runs. */
  readonly caching?: CacheDeclaration;
  /** Tells it from every other task of the project, whatever build it is in. */
  readonly key: string;
}

/** Everything that a build needs to know. */
export interface BuildPlan {
  readonly requested: readonly string[];
  readonly tasks: readonly PlannedTask[];
  /** How many run at once, from 1. */
  readonly jobs: number;
  readonly keepGoing: boolean;
  /** Whether tasks run although their results are there. */
  readonly force: boolean;
  /** What is shown of the output of a task whose result is there. */
  readonly replayLogs: ReplayLogs;
  /** Whether a command line has what looks like a secret. */
  readonly hasSecrets: boolean;
  /** Descriptors of the client above stderr that commands, arguments or variables name. */
  readonly descriptors: readonly number[];
}

/** Where a plan is made. */
interface PlanPlace {
  /** The project's root folder, absolute. */
  readonly root: string;
  /** The name that the project's config says, if any. */
  readonly name?: string;
  /** How many tasks run at once where the client does not say. */
  readonly processors: number;
  /** As in {@linkcode TaskCommand}. */
  readonly npmBins?: NpmBins;
  /** As in {@linkcode TaskCommand}. */
  readonly denoFlags?: readonly string[];
}

/** Plans a run of a graph's tasks. */
export function planTasks(graph: TaskGraph, params: RunTasksParams, place: PlanPlace): BuildPlan {
  const labels = labelsOf(graph, place.root);
  const jobs = params.jobs ?? place.processors;
  const readers = stdinReaders(graph, jobs);
  const env = runEnvironment(params.env, params.cwd);
  const tasks = graph.map((node, index) => {
    return plannedTask(node, params, {
      place,
      label: labels[index],
      stdin: readers.get(index),
      env,
    });
  });
  return { tasks, jobs, ...commonParts(params, tasks) };
}

/**
 * For each task what its lines are prefixed with; `undefined` for those that always run alone. Tasks
 * of several folders have their package's name, or else their folder's, in front of their own.
 */
function labelsOf(graph: TaskGraph, root: string): (string | undefined)[] {
  const overlaps = mayOverlap(graph.map((node) => node.declared));
  const prefixed = graph.filter((_, index) => overlaps[index] === true);
  const folders = new Set(prefixed.map(({ definition }) => definition.origin.folder));
  return graph.map(({ name, definition: { origin } }, index) => {
    if (overlaps[index] !== true) return undefined;
    const owner = origin.packageName ??
      (origin.folder === root ? undefined : baseName(origin.folder));
    return folders.size < 2 || owner === undefined ? name : `${owner}#${name}`;
  });
}

function commonParts(
  { tasks: requested, keepGoing, force, replayLogs, env }: RunTasksParams,
  tasks: readonly PlannedTask[],
): Omit<BuildPlan, "tasks" | "jobs"> {
  const headers = tasks.flatMap(({ header }) => header === undefined ? [] : [header]);
  const hasSecrets = headers.some(hasSecret);
  const descriptors = namedDescriptors(headers, env);
  return { requested, keepGoing, force, replayLogs, hasSecrets, descriptors };
}

/** Plans the run of one command line that is no task. */
export function planCommandLine(params: RunTasksParams, place: PlanPlace): BuildPlan {
  const command = params.tasks.join(" ");
  const env = runEnvironment(params.env, params.cwd);
  const cwd = params.taskCwd ?? params.cwd;
  const task: PlannedTask = {
    id: "",
    name: "",
    key: "",
    requested: true,
    dependencies: [],
    prefixed: false,
    cwd,
    header: commandLine(command, params.args),
    stdin: "reads",
    command: {
      name: command,
      command,
      args: params.args,
      cwd,
      env,
      isScript: false,
      ...denoOf(place),
    },
  };
  return { tasks: [task], jobs: 1, ...commonParts(params, [task]) };
}

function plannedTask(
  node: TaskNode,
  params: RunTasksParams,
  { place, label, stdin, env: common }: {
    readonly place: PlanPlace;
    readonly label: string | undefined;
    readonly stdin: PlannedTask["stdin"];
    readonly env: Environment;
  },
): PlannedTask {
  const { id, name, definition, dependencies, requested, package: owner } = node;
  const cwd = params.taskCwd ?? definition.origin.folder;
  const args = node.takesArguments ? params.args : [];
  const key = taskKey(definition, place.root, cwd);
  const same = {
    id,
    name,
    key,
    requested,
    dependencies,
    prefixed: label !== undefined,
    ...(label === undefined || label === name ? {} : { label }),
    cwd,
    ...(owner === undefined ? {} : { package: owner }),
  };
  if (definition.command === undefined) return same;
  const { files, output, env, settings = {} } = definition;
  const clean = settings.clean === undefined ? {} : { clean: settings.clean };
  const names = [place.name, definition.origin.packageName].filter((each) => each !== undefined);
  return {
    ...same,
    ...(files.length === 0 ? {} : { caching: { key, names, files, output, env, ...clean } }),
    header: commandLine(definition.command, args),
    ...(stdin === undefined ? {} : { stdin }),
    command: taskCommand(definition, definition.command, { common, cwd, args, place }),
  };
}

function taskCommand(
  definition: TaskDefinition,
  command: string,
  { common, cwd, args, place }: {
    readonly common: Environment;
    readonly cwd: string;
    readonly args: readonly string[];
    readonly place: PlanPlace;
  },
): TaskCommand {
  return {
    name: definition.name,
    command,
    args,
    cwd,
    env: taskEnvironment(definition, common),
    isScript: definition.origin.source === "package.json",
    ...denoOf(place),
  };
}

function denoOf(
  { npmBins, denoFlags = [] }: PlanPlace,
): Pick<TaskCommand, "npmBins" | "denoFlags"> {
  return {
    ...(npmBins === undefined ? {} : { npmBins }),
    ...(denoFlags.length === 0 ? {} : { denoFlags }),
  };
}

/** A task and where it is in its project: the same in every checkout. */
function taskKey({ name, origin }: TaskDefinition, root: string, cwd: string): string {
  const place = (folder: string): string => pathInside(root, folder) ?? folder;
  const elsewhere = cwd === origin.folder ? [] : [place(cwd)];
  return JSON.stringify([place(origin.folder), origin.source, name, ...elsewhere]);
}
