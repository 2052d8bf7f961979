/**
 * Recognizes command lines for which a shell would do nothing but start a program. These programs
 * are started without a shell.
 *
 * A line is left to the shell if the shell could interpret it as more than plain words, or if it
 * could find another program than the one that is named.
 *
 * @module
 */

import { platformAgent, Programs } from "../../system/process/programs.ts";
import type { TaskCommand } from "./executor.ts";
import { hasNpmProgram, npmBinFolders, pathBehind } from "./node_modules.ts";

/** A program with its arguments. */
interface PlainCommand {
  /** Absolute path. */
  readonly program: string;
  readonly args: readonly string[];
  /** The whole environment, including the variables that the shell adds. */
  readonly env: Readonly<Record<string, string>>;
}

/** A word without any special meaning for a shell. */
const WORD = /^[A-Za-z0-9_.\/@%+=:,-]+$/;

/**
 * Returns the program that a command line starts, or `undefined` if the line needs a shell. The
 * program must be a path or `deno`: other names can stand for a built-in command of the shell or
 * for a program of an npm package.
 *
 * @param deno the `deno` that runs the tasks
 * @param programs the cache of programs that have been checked before
 */
export function plainCommand(
  command: TaskCommand,
  deno: string,
  programs = new Programs(),
): PlainCommand | undefined {
  const [name = "", ...words] = command.command.trim().split(/[ \t]+/);
  if (command.isScript || !WORD.test(name) || !words.every((word) => WORD.test(word))) {
    return undefined;
  }
  const { cwd, npmBins } = command;
  const program = name === "deno" ? deno : pathOf(name, cwd);
  if (program === undefined || npmBins === undefined) return undefined;
  const folders = npmBins === "above" ? npmBinFolders(cwd) : [];
  if (name === "deno" && folders.length > 0 && hasNpmProgram(name, cwd)) return undefined;
  if (!programs.has(program)) return undefined;
  const { PATH } = command.env;
  return {
    program,
    args: [...words, ...command.args],
    env: {
      npm_config_user_agent: platformAgent(),
      ...command.env,
      PWD: cwd,
      ...(folders.length === 0 ? {} : { PATH: pathBehind(folders, PATH) }),
    },
  };
}

/** Characters by which a command line may be more than one pipeline, also if they are quoted. */
const MORE_THAN_PIPELINE = /[;&\n()`]|\|\|/;

/**
 * Returns the number of commands in a command line that is one pipeline, or more if it contains a
 * quoted `|`. Returns `undefined` if the shell may have more to do after the first commands.
 */
export function pipelineLength(line: string): number | undefined {
  const text = line.trim();
  return MORE_THAN_PIPELINE.test(text) ? undefined : text.split("|").length;
}

/**
 * Returns the path that a word names. A word with a slash is a path, unless it is an assignment.
 */
function pathOf(name: string, cwd: string): string | undefined {
  if (!name.includes("/") || name.includes("=")) return undefined;
  return name.startsWith("/") ? name : `${cwd}/${name}`;
}
