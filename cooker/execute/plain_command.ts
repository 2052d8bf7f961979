/**
 * Command lines for which a shell would do nothing but start a program: these are started without
 * one.
 *
 * A line is left to the shell wherever the shell could see more in it than words, or could find
 * another program than the one that is named.
 *
 * @module
 */

import { platformAgent, Programs } from "../../system/process/programs.ts";
import type { TaskCommand } from "./executor.ts";
import { hasNpmProgram, npmBinFolders, pathBehind } from "./node_modules.ts";

/** A program with its arguments. */
interface PlainCommand {
  /** Absolute. */
  readonly program: string;
  readonly args: readonly string[];
  /** The whole environment, with what the shell adds. */
  readonly env: Readonly<Record<string, string>>;
}

/** A word in which a shell sees nothing but a word. */
const WORD = /^[A-Za-z0-9_.\/@%+=:,-]+$/;

/**
 * A command line as a program, where it is one: a path, or `deno`. Other names can stand for what a
 * shell has built in, or for a program of an npm package.
 *
 * @param deno the `deno` that tasks mean
 * @param programs knows some already
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

/** What contains a slash is a path; an assignment is none. */
function pathOf(name: string, cwd: string): string | undefined {
  if (!name.includes("/") || name.includes("=")) return undefined;
  return name.startsWith("/") ? name : `${cwd}/${name}`;
}
