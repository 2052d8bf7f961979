/**
 * Starts the process that leads a task's group, where that is not the shell of `deno task`: the shell
 * of a script that runs as `npm run` does, or this program itself on a machine without `deno`.
 *
 * @module
 */

import { isSystemError } from "../../system/files/files.ts";
import type { GroupProcess, SpawnOptions } from "../../system/process/group_process.ts";
import { platformAgent } from "../../system/process/programs.ts";
import { type ProgramDescription, selfCommand, TASK_SHELL } from "../../system/process/self.ts";
import { commandLine } from "../../wire/quoting.ts";
import type { GroupLeader } from "./deliver_once.ts";
import type { ExitStatus, TaskCommand } from "./executor.ts";
import { fitsArgument, LongScript } from "./long_command.ts";
import { npmBinFolders, pathBehind } from "./node_modules.ts";
import { type NpmScript, scriptLine, shellOf, startsProgram } from "./npm_script.ts";
import { pipelineLength } from "./plain_command.ts";

/** Exit code of a command that could not be started, as in shells. */
export const NOT_STARTED = 127;

/** The process that leads a task's group. */
export interface Leader extends GroupLeader {
  readonly process: GroupProcess;
}

/** Returns true if Deno was given options of its own. With these, it may refuse to run anything. */
export function needsDeno({ denoFlags = [] }: TaskCommand): boolean {
  return denoFlags.length > 0;
}

/** Starts a program in the folder, and with the streams, of a command. */
type Spawn = (
  options: Pick<SpawnOptions, "command" | "calledAs" | "args" | "env">,
) => GroupProcess;

/** Starts a command in the shell that this program contains, for a machine without `deno`. */
export function startWithoutDeno(
  command: TaskCommand,
  host: ProgramDescription,
  spawn: Spawn,
  needed: DisposableStack,
): Leader | ExitStatus {
  const { name, args, cwd, npmBins } = command;
  if (needsDeno(command)) {
    const options = command.denoFlags?.join(" ") ?? "";
    const reason = `Cannot start ${name}: ${options} needs deno, which is not on the PATH`;
    return { code: NOT_STARTED, reason };
  }
  const line = commandLine(command.command, args);
  const words = fitsArgument(line) ? [line] : ["--file", needed.use(LongScript.create(line)).file];
  const [program = "", ...own] = selfCommand(host);
  const bins = npmBins === "none" ? [] : npmBinFolders(cwd);
  const PATH = pathBehind(bins, command.env.PATH);
  try {
    const env = { npm_config_user_agent: platformAgent(), ...command.env, PWD: cwd, PATH };
    const process = spawn({ command: program, args: [...own, TASK_SHELL, ...words], env });
    return { process, kind: "shell", programs: pipelineLength(command.command) };
  } catch (error) {
    if (!isSystemError(error)) throw error;
    return { code: NOT_STARTED, reason: `Cannot start ${name}: ${error.message}` };
  }
}

/** Starts a script in its shell, as `npm run` does. */
export function startScript(
  command: TaskCommand,
  npm: NpmScript,
  spawn: Spawn,
  needed: DisposableStack,
): Leader | ExitStatus {
  const { name, cwd, env } = command;
  const shell = shellOf(npm, env.PATH ?? "", cwd);
  if (shell === undefined) {
    const missing = npm.shell === undefined
      ? "sh is not on the PATH"
      : `the script-shell of .npmrc does not exist: ${npm.shell}`;
    return { code: NOT_STARTED, reason: `Cannot start ${name}: ${missing}` };
  }
  const prefix = startsProgram(command, env.PATH ?? "") ? "exec " : "";
  const line = `${prefix}${scriptLine(command).trimStart()}`;
  const args = fitsArgument(line) ? ["-c", line] : [needed.use(LongScript.create(line)).file];
  try {
    const process = spawn({ command: shell, calledAs: npm.shell ?? "sh", args, env });
    return { process, kind: "program" };
  } catch (error) {
    if (!isSystemError(error)) throw error;
    return { code: NOT_STARTED, reason: `Cannot start ${name}: ${shell}: ${error.message}` };
  }
}
