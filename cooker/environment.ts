/**
 * The environment of a task: that of the client that asked, and what runners of scripts add to it.
 *
 * @module
 */

import type { TaskDefinition } from "./config/tasks.ts";
import { joinPath } from "../system/files.ts";

/** A task's environment. */
export type Environment = Readonly<Record<string, string>>;

/**
 * The environment of one task.
 *
 * @param base the client's own
 * @param cwd where the client was, for `INIT_CWD`; one that is set already is kept
 */
export function taskEnvironment(task: TaskDefinition, base: Environment, cwd: string): Environment {
  const env: Record<string, string> = { ...base };
  env.INIT_CWD ??= cwd;
  const { facts, folder } = task.origin;
  if (facts === undefined) return env;
  for (const [name, value] of facts.config) env[`npm_package_config_${name}`] = value;
  if (facts.name !== undefined) env.npm_package_name = facts.name;
  if (facts.version !== undefined) env.npm_package_version = facts.version;
  env.npm_package_json = joinPath(folder, "package.json");
  env.npm_lifecycle_event = task.name;
  env.npm_lifecycle_script = task.command ?? "";
  env.npm_command = "run-script";
  return env;
}
