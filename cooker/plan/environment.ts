/**
 * Builds the environment of a task: the client's variables, and those that script runners add.
 *
 * @module
 */

import type { TaskDefinition } from "../config/tasks.ts";
import { matchingVariables, type VariablePatterns } from "../config/variable_patterns.ts";
import { joinPath } from "../../system/files/files.ts";
import { fitsArgument } from "../execute/long_command.ts";

/** The variables of a task. */
export type Environment = Readonly<Record<string, string>>;

/**
 * Builds the part of the environment that all tasks of a run share.
 *
 * @param base the client's environment
 * @param cwd the client's working directory, for `INIT_CWD`; a value in `base` has precedence
 */
export function runEnvironment(base: Environment, cwd: string): Environment {
  return { INIT_CWD: cwd, ...base };
}

/**
 * Builds the environment of one task. Returns `common` itself if the task adds nothing.
 *
 * @param common the result of {@linkcode runEnvironment}
 */
export function taskEnvironment(task: TaskDefinition, common: Environment): Environment {
  const { facts, folder } = task.origin;
  if (facts === undefined) return common;
  const { passed, fixed, defaults } = task.declaration?.variables ?? {};
  const env: Record<string, string> = {
    ...defaults,
    ...(passed === undefined ? common : passedVariables(common, passed)),
    ...fixed,
  };
  for (const [name, value] of facts.config) env[`npm_package_config_${name}`] = value;
  if (facts.name !== undefined) env.npm_package_name = facts.name;
  if (facts.version !== undefined) env.npm_package_version = facts.version;
  env.npm_package_json = joinPath(folder, "package.json");
  env.npm_lifecycle_event = task.name;
  const script = task.command ?? "";
  // The kernel refuses to start a program with a longer variable.
  if (fitsArgument(`npm_lifecycle_script=${script}`)) env.npm_lifecycle_script = script;
  env.npm_command = "run-script";
  return env;
}

function passedVariables(all: Environment, patterns: VariablePatterns): Environment {
  return Object.fromEntries(
    matchingVariables(patterns, all).map((name) => [name, all[name] ?? ""]),
  );
}
