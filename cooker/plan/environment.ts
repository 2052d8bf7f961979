/**
 * Builds the environment of a task: the client's variables, and those that script runners add.
 *
 * @module
 */

import type { TaskDefinition } from "../config/tasks.ts";
import { matchingVariables, type VariablePatterns } from "../config/variable_patterns.ts";
import { joinPath } from "../../system/files/files.ts";
import { fitsArgument } from "../execute/long_command.ts";
import type { NpmSetup } from "./npm_setup.ts";

/** The variables of a task. */
export type Environment = Readonly<Record<string, string>>;

/** The folder and environment of the client. */
interface ClientPlace {
  readonly env: Environment;
  /** The working directory. */
  readonly cwd: string;
}

/**
 * Builds the part of the environment that all tasks of a run share. A value of `INIT_CWD` that the
 * client has takes precedence.
 */
export function runEnvironment({ env, cwd }: ClientPlace): Environment {
  return { INIT_CWD: cwd, ...env };
}

/**
 * Builds the environment of one task. Returns `common` itself if the task adds nothing.
 *
 * @param common the result of {@linkcode runEnvironment}
 */
export function taskEnvironment(task: TaskDefinition, common: Environment): Environment {
  const { facts, folder } = task.origin;
  if (facts === undefined) return common;
  const env = declaredEnvironment(task, common);
  for (const [name, value] of facts.config) env[`npm_package_config_${name}`] = value;
  if (facts.name !== undefined) env.npm_package_name = facts.name;
  if (facts.version !== undefined) env.npm_package_version = facts.version;
  return { ...env, ...lifecycle(task, folder), npm_command: "run-script" };
}

/**
 * Builds the environment of a script that runs as `npm run` does, without the variables that name
 * installed programs.
 */
export function scriptEnvironment(
  task: TaskDefinition,
  { env, cwd }: ClientPlace,
  setup: NpmSetup,
): Environment {
  const { facts, folder } = task.origin;
  return {
    ...declaredEnvironment(task, env),
    ...setup.variables,
    ...Object.fromEntries(facts?.npm ?? []),
    ...lifecycle(task, folder),
    INIT_CWD: cwd,
  };
}

/**
 * Returns the names of the variables on which every result of a script depends, because the script
 * gets them from files that are none of its inputs.
 */
export function countedVariables({ origin }: TaskDefinition, setup?: NpmSetup): readonly string[] {
  const { facts } = origin;
  if (facts === undefined) return [];
  if (setup !== undefined) return [...facts.npm.keys(), ...Object.keys(setup.variables)];
  return [
    "npm_package_name",
    "npm_package_version",
    ...[...facts.config.keys()].map((name) => `npm_package_config_${name}`),
  ];
}

function lifecycle({ name, command = "" }: TaskDefinition, folder: string): Environment {
  return {
    npm_package_json: joinPath(folder, "package.json"),
    npm_lifecycle_event: name,
    // The kernel refuses to start a program with a longer variable.
    ...(fitsArgument(`npm_lifecycle_script=${command}`) ? { npm_lifecycle_script: command } : {}),
  };
}

/** Returns the client's variables that a task gets, and those that its declaration sets. */
function declaredEnvironment(
  { declaration }: TaskDefinition,
  all: Environment,
): Record<string, string> {
  const { passed, fixed, defaults } = declaration?.variables ?? {};
  return { ...defaults, ...(passed === undefined ? all : passedVariables(all, passed)), ...fixed };
}

function passedVariables(all: Environment, patterns: VariablePatterns): Environment {
  return Object.fromEntries(
    matchingVariables(patterns, all).map((name) => [name, all[name] ?? ""]),
  );
}
