/**
 * Turns a task graph into a build plan: everything that a build runs, decided before it starts.
 *
 * @module
 */

import type { ReplayLogs, RunTasksParams } from "../../wire/commands.ts";
import type { CacheDeclaration } from "../cache/fingerprint.ts";
import type { ServiceSettings } from "../config/service.ts";
import type { TaskDefinition, TaskFile } from "../config/tasks.ts";
import { joinPath, pathInside, relativePath } from "../../system/files/files.ts";
import {
  countedVariables,
  type Environment,
  runEnvironment,
  scriptEnvironment,
  taskEnvironment,
} from "./environment.ts";
import type { NpmSetup, OutsideState } from "./npm_setup.ts";
import type { TaskCommand } from "../execute/executor.ts";
import type { TaskGraph, TaskNode } from "./graph.ts";
import type { NpmBins } from "../execute/node_modules.ts";
import type { LockfileInput } from "../lockfiles/lockfile_input.ts";
import { cacheDeclaration } from "./cache_declarations.ts";
import { mayOverlap } from "./concurrency.ts";
import { commandLine } from "../../wire/quoting.ts";
import { namedDescriptors } from "./named_descriptors.ts";
import { hasSecret } from "../../wire/redact.ts";
import { stdinReaders } from "./stdin_readers.ts";

/** A task of a build. */
export interface PlannedTask {
  /** Unique in the build: the task's full name, `package#task` in a workspace. */
  readonly id: string;
  readonly name: string;
  /** The package that it belongs to, if the project is a workspace. */
  readonly package?: string;
  /** True if the client requested the task. False if it only runs as a dependency. */
  readonly requested: boolean;
  /** Indices of the tasks that must finish first. */
  readonly dependencies: readonly number[];
  /**
   * The subset of `dependencies` whose results count for the task's own. It has not those that only
   * order the task, because its package imports theirs: their files are among its inputs.
   */
  readonly counted: readonly number[];
  /**
   * True if another task may run in parallel, or could if members did not wait for those they
   * import.
   */
  readonly prefixed: boolean;
  /** The prefix of its output lines, if it differs from the name. */
  readonly label?: string;
  /** The folder that it runs in, absolute. */
  readonly cwd: string;
  /** The command line as it is shown to people. */
  readonly header?: string;
  /**
   * `reads` if the task reads the client's stdin, `lost` if it warns that no task does. If absent,
   * the task reads an empty stdin.
   */
  readonly stdin?: "reads" | "lost";
  /** The command to execute. If absent, the task only runs its dependencies. */
  readonly command?: TaskCommand;
  /**
   * Stands for the command in the fingerprint of a task that declares inputs but only runs its
   * dependencies.
   */
  readonly passing?: TaskCommand;
  /** The declaration of its inputs and outputs. If absent, the task always runs. */
  readonly caching?: CacheDeclaration;
  /** Present if the task is a service. Its result is not cached. */
  readonly service?: ServiceSettings;
  /** Identifies the task in the project, across builds. */
  readonly key: string;
}

/** The whole input of a build. */
export interface BuildPlan {
  readonly requested: readonly string[];
  readonly tasks: readonly PlannedTask[];
  /** The number of tasks that may run at once, at least 1. */
  readonly jobs: number;
  readonly keepGoing: boolean;
  /** True if tasks run in spite of cache hits. */
  readonly force: boolean;
  /** Selects which output of a cached task is replayed. */
  readonly replayLogs: ReplayLogs;
  /** True if a command line contains something that looks like a secret. */
  readonly hasSecrets: boolean;
  /** The client's descriptors above stderr that commands, arguments or variables name. */
  readonly descriptors: readonly number[];
  /** State outside of the project that the plan depends on. */
  readonly outside: readonly OutsideState[];
  /** The project's root folder, absolute. */
  readonly root: string;
}

/** The project that a plan is made for. */
interface PlanPlace {
  /** The project's root folder, absolute. */
  readonly root: string;
  /** The project's name, if its config has one. */
  readonly name?: string;
  /** Returns the lockfiles that concern a task's package. Default: none. */
  readonly lockfilesOf?: (definition: TaskDefinition) => readonly LockfileInput[];
  /** The number of tasks that run at once if the client does not specify it. */
  readonly processors: number;
  /** As in {@linkcode TaskCommand}. */
  readonly npmBins?: NpmBins;
  /** As in {@linkcode TaskCommand}. */
  readonly denoFlags?: readonly string[];
  /** Returns the settings for the scripts of a file if they run as `npm run` does. */
  readonly npm?: (file: TaskFile) => NpmSetup | undefined;
}

/** Plans a run of a graph's tasks. */
export function planTasks(graph: TaskGraph, params: RunTasksParams, place: PlanPlace): BuildPlan {
  const labels = labelsOf(graph);
  const jobs = params.jobs ?? place.processors;
  const readers = stdinReaders(graph, jobs);
  const env = runEnvironment(params);
  const tasks = graph.map((node, index) => {
    return plannedTask(node, params, {
      place,
      label: labels[index],
      stdin: readers.get(index),
      env,
    });
  });
  const setups = new Set(graph.map(({ definition }) => place.npm?.(definition.origin)));
  const outside = [...setups].flatMap((setup) => setup === undefined ? [] : [setup.outside]);
  return { tasks, jobs, outside, root: place.root, ...commonParts(params, tasks) };
}

/**
 * Returns the prefix of each task's output lines, and `undefined` for tasks that always run alone.
 * As in `deno task`, it is the task's name if all prefixed tasks belong to one folder, and its full
 * name otherwise.
 */
function labelsOf(graph: TaskGraph): (string | undefined)[] {
  const overlaps = mayOverlap(graph.map((node) => node.declared));
  const prefixed = graph.filter((_, index) => overlaps[index] === true);
  const folders = new Set(prefixed.map(({ definition }) => definition.origin.folder));
  return graph.map(({ id, name }, index) => {
    if (overlaps[index] !== true) return undefined;
    return folders.size < 2 ? name : id;
  });
}

function commonParts(
  { tasks: requested, keepGoing, force, audit, replayLogs, env }: RunTasksParams,
  tasks: readonly PlannedTask[],
): Omit<BuildPlan, "tasks" | "jobs" | "outside" | "root"> {
  const headers = tasks.flatMap(({ header }) => header === undefined ? [] : [header]);
  const hasSecrets = headers.some(hasSecret);
  const descriptors = namedDescriptors(headers, env);
  // Only tasks that run can be audited.
  return { requested, keepGoing, force: force || audit, replayLogs, hasSecrets, descriptors };
}

/** Plans the run of a command line that is not a task. */
export function planCommandLine(params: RunTasksParams, place: PlanPlace): BuildPlan {
  const command = params.tasks.join(" ");
  const env = runEnvironment(params);
  const cwd = params.taskCwd ?? params.cwd;
  const task: PlannedTask = {
    id: "",
    name: "",
    key: "",
    requested: true,
    dependencies: [],
    counted: [],
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
  return {
    tasks: [task],
    jobs: 1,
    outside: [],
    root: place.root,
    ...commonParts(params, [task]),
  };
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
  const setup = place.npm?.(definition.origin);
  // npm passes no arguments to pre and post scripts.
  const takesArguments = node.takesArguments && (setup === undefined || !node.isHook);
  const args = takesArguments ? params.args : [];
  const key = taskKey(definition, place.root, cwd);
  const same = {
    id,
    name,
    key,
    requested,
    dependencies,
    counted: node.counted,
    prefixed: label !== undefined,
    ...(label === undefined || label === name ? {} : { label }),
    cwd,
    ...(owner === undefined ? {} : { package: owner }),
  };
  const { settings, declaration } = definition;
  const names = [place.name, definition.origin.packageName].filter((each) => each !== undefined);
  const { folder } = definition.origin;
  const lockfilesOf = (each: TaskDefinition): readonly LockfileInput[] => {
    const found = place.lockfilesOf?.(each) ?? [];
    if (cwd === folder) return found;
    return found.map((input) => ({
      ...input,
      path: relativePath(cwd, joinPath(folder, input.path)),
    }));
  };
  // Globs of other tools are relative to the package, whatever folder the task runs in.
  const isElsewhere = cwd !== folder && declaration !== undefined;
  const declared = isElsewhere
    ? undefined
    : cacheDeclaration(definition, { key, names, imported: node.imported, lockfilesOf });
  const caching = declared && {
    ...declared,
    env: [...declared.env, ...countedVariables(definition, setup)],
  };
  const cached = caching === undefined ? {} : { caching };
  if (definition.command === undefined) {
    // Tasks that only run their dependencies have no inputs of their own in our configs.
    if (caching === undefined || declaration === undefined) return same;
    return {
      ...same,
      ...cached,
      passing: {
        name: definition.name,
        command: "",
        args: [],
        cwd,
        ...underDeno(definition, common, place),
      },
    };
  }
  const service = settings?.service ?? declaration?.service;
  return {
    ...same,
    ...cached,
    ...(service === undefined ? {} : { service }),
    header: commandLine(definition.command, args),
    ...(stdin === undefined ? {} : { stdin }),
    command: {
      name: definition.name,
      command: definition.command,
      args,
      cwd,
      ...(setup === undefined
        ? underDeno(definition, common, place)
        : underNpm(definition, params, setup, cwd)),
      ...(label === undefined || params.noPrefix ? {} : { waitsForOutput: true }),
      ...(params.audit && service === undefined ? { isTraced: true } : {}),
    },
  };
}

/** The parts of a command that depend on what runs it. */
type Surroundings = Pick<TaskCommand, "env" | "isScript" | "npm" | "npmBins" | "denoFlags">;

/** Returns the surroundings of a command that runs as with `deno task`. */
function underDeno(
  definition: TaskDefinition,
  common: Environment,
  place: PlanPlace,
): Surroundings {
  return {
    env: taskEnvironment(definition, common),
    isScript: definition.origin.source === "package.json",
    ...denoOf(place),
  };
}

/** Returns the surroundings of a script that runs as with `npm run`. */
function underNpm(
  definition: TaskDefinition,
  params: RunTasksParams,
  setup: NpmSetup,
  cwd: string,
): Surroundings {
  return {
    env: scriptEnvironment(definition, params, setup),
    isScript: true,
    npm: setup.script(cwd),
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

/**
 * Returns a key made of the task's name and its location in the project. It is the same in every
 * checkout.
 */
function taskKey({ name, origin }: TaskDefinition, root: string, cwd: string): string {
  const place = (folder: string): string => pathInside(root, folder) ?? folder;
  const elsewhere = cwd === origin.folder ? [] : [place(cwd)];
  return JSON.stringify([place(origin.folder), origin.source, name, ...elsewhere]);
}
