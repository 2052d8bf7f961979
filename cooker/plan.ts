/**
 * A plan: what exactly a build runs, before anything of it does.
 *
 * @module
 */

import type { RunTasksParams } from "../wire/commands.ts";
import type { TaskScope } from "./config/scope.ts";
import type { TaskDefinition } from "./config/tasks.ts";
import { taskEnvironment } from "./environment.ts";
import type { TaskCommand } from "./executor.ts";
import { buildGraph, type TaskNode } from "./graph.ts";
import { mayOverlap } from "./overlap.ts";
import { commandLine } from "./quoting.ts";

/** A task of a build. */
export interface PlannedTask {
  /** Unique in the build. */
  readonly id: string;
  readonly name: string;
  /** Indices of the tasks that come first. */
  readonly dependencies: readonly number[];
  /** Whether another one may run beside it. */
  readonly prefixed: boolean;
  /** Where it runs, absolute. */
  readonly cwd: string;
  /** The command line as people see it. */
  readonly header?: string;
  /** What is executed; absent: the task only stands for its dependencies. */
  readonly command?: TaskCommand;
}

/** Everything that a build needs to know. */
export interface BuildPlan {
  readonly requested: readonly string[];
  readonly tasks: readonly PlannedTask[];
  /** How many run at once, from 1. */
  readonly jobs: number;
  readonly keepGoing: boolean;
}

/**
 * Plans a run of a project's tasks.
 *
 * @param processors how many tasks run at once where the client does not say
 * @throws {WireError} `projectError` of kind `unknown-task` or `cycle`
 */
export function planTasks(scope: TaskScope, params: RunTasksParams, processors: number): BuildPlan {
  const graph = buildGraph({ scope, names: params.tasks, ifPresent: params.ifPresent });
  const dependencies = graph.map((node) => node.dependencies);
  const overlaps = mayOverlap(dependencies);
  const jobs = params.jobs ?? processors;
  const tasks = graph.map((node, index) =>
    plannedTask(node, params, jobs > 1 && overlaps[index] === true, graph.length === 1)
  );
  return { requested: params.tasks, tasks, jobs, keepGoing: params.keepGoing };
}

/** Plans the run of one command line that is no task. */
export function planCommandLine(params: RunTasksParams): BuildPlan {
  const command = params.tasks.join(" ");
  const env: Record<string, string> = { ...params.env };
  env.INIT_CWD ??= params.cwd;
  const cwd = params.taskCwd ?? params.cwd;
  const task: PlannedTask = {
    id: "",
    name: "",
    dependencies: [],
    prefixed: false,
    cwd,
    header: commandLine(command, params.args),
    command: {
      name: command,
      command,
      args: params.args,
      cwd,
      env,
      isScript: false,
      ...(params.stdinPid === undefined ? {} : { stdinPid: params.stdinPid }),
    },
  };
  return { requested: params.tasks, tasks: [task], jobs: 1, keepGoing: params.keepGoing };
}

function plannedTask(
  node: TaskNode,
  params: RunTasksParams,
  prefixed: boolean,
  isAlone: boolean,
): PlannedTask {
  const { id, name, definition, dependencies } = node;
  const cwd = params.taskCwd ?? definition.origin.folder;
  const args = node.takesArguments ? params.args : [];
  const common = { id, name, dependencies, prefixed, cwd };
  if (definition.command === undefined) return common;
  const stdinPid = isAlone ? params.stdinPid : undefined;
  return {
    ...common,
    header: commandLine(definition.command, args),
    command: taskCommand(definition, definition.command, { params, cwd, args, stdinPid }),
  };
}

function taskCommand(
  definition: TaskDefinition,
  command: string,
  { params, cwd, args, stdinPid }: {
    readonly params: RunTasksParams;
    readonly cwd: string;
    readonly args: readonly string[];
    readonly stdinPid: number | undefined;
  },
): TaskCommand {
  return {
    name: definition.name,
    command,
    args,
    cwd,
    env: taskEnvironment(definition, params.env, params.cwd),
    isScript: definition.origin.source === "package.json",
    ...(stdinPid === undefined ? {} : { stdinPid }),
  };
}
