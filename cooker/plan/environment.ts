/**
 * The environment of a task: that of the client that asked, and what runners of scripts add to it.
 *
 * @module
 */

import type { TaskDefinition } from "../config/tasks.ts";
import { joinPath } from "../../system/files/files.ts";
import { fitsArgument } from "../execute/long_command.ts";

/** A task's environment. */
export type Environment = Readonly<Record<string, string>>;

/**
 * What the tasks of one run have in common.
 *
 * @param base the client's own
 * @param cwd where the client was, for `INIT_CWD`; one that is set already is kept
 */
export function runEnvironment(base: Environment, cwd: string): Environment {
  return { INIT_CWD: cwd, ...base };
}

/**
 * The environment of one task: the run's, as it is, where the task adds nothing.
 *
 * @param common of {@linkcode runEnvironment}
 */
export function taskEnvironment(task: TaskDefinition, common: Environment): Environment {
  const { facts, folder } = task.origin;
  if (facts === undefined) return common;
  const env: Record<string, string> = { ...common };
  for (const [name, value] of facts.config) env[`npm_package_config_${name}`] = value;
  if (facts.name !== undefined) env.npm_package_name = facts.name;
  if (facts.version !== undefined) env.npm_package_version = facts.version;
  env.npm_package_json = joinPath(folder, "package.json");
  env.npm_lifecycle_event = task.name;
  const script = task.command ?? "";
  // The system starts no program with a longer variable.
  if (fitsArgument(`npm_lifecycle_script=${script}`)) env.npm_lifecycle_script = script;
  env.npm_command = "run-script";
  return env;
}
