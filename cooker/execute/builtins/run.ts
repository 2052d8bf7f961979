/**
 * Executes the beginning of a command line without a shell, as far as possible.
 *
 * Some command lines begin with `rm`, `cp` and the like, and some contain little else. A process
 * for each of these commands takes a hundred times as long as the command itself.
 *
 * @module
 */

import { fileKind, isSystemError } from "../../../system/files/files.ts";
import { OrdinaryPaths } from "../../../system/files/ordinary_paths.ts";
import { fileFacts, writeBytes } from "../../../system/files/small_files.ts";
import { withUmask } from "../../../system/process/start_attributes.ts";
import type { Cancellation } from "../cancellation.ts";
import type { OutputSink, TaskCommand } from "../executor.ts";
import { hasNpmProgram } from "../node_modules.ts";
import { DIRECT_COMMANDS } from "./commands.ts";
import { parseLine, type Step, type Word } from "./line.ts";
import { expandWords } from "./words.ts";

/** Maximum bytes of output that are passed to the sink in one piece. */
const MOST_PRINTED = 64 * 1024;

/**
 * Executes a command line up to the first command that needs a shell or a program.
 *
 * @returns the rest of the command line; `""` if all of it has been executed successfully
 */
export async function runDirectly(
  command: TaskCommand,
  sink: OutputSink,
  cancellation: Cancellation,
): Promise<string> {
  const steps = parseLine(command.command) ?? [];
  // After a `;`, or after the target of a redirect, arguments would form a command of their own.
  const isWhole = command.args.length === 0 ||
    (steps.at(-1)?.redirect === undefined && !/;\s*$/.test(command.command));
  if (steps.length === 0 || !isWhole) return command.command;
  const paths = OrdinaryPaths.at(command.cwd);
  if (paths === undefined) return command.command;
  for (const [index, step] of steps.entries()) {
    const more = index === steps.length - 1 ? command.args : [];
    const name = step.words[0]?.text ?? "";
    // A program of an npm package takes precedence over the shell's built-in command of the same
    // name.
    const isReplaced = DIRECT_COMMANDS.has(name) && hasNpmProgram(name, command.cwd);
    const printed = cancellation.graceful.aborted || isReplaced
      ? undefined
      : withUmask(command.attributes?.umask, () => perform(step, more, paths));
    if (printed === undefined) return command.command.slice(step.start);
    if (printed.length > 0) await sink.write("stdout", printed);
  }
  return "";
}

/**
 * Executes one command and returns its output. Returns `undefined` if the command is left to the
 * shell, which can execute it from its beginning.
 */
function perform(
  step: Step,
  more: readonly string[],
  paths: OrdinaryPaths,
): Uint8Array | undefined {
  const [first, ...rest] = step.words;
  const command = DIRECT_COMMANDS.get(first?.text ?? "");
  if (command === undefined) return undefined;
  try {
    const words = expandWords(rest, paths);
    if (words === undefined) return undefined;
    const args = [...words, ...more];
    const { redirect } = step;
    if (redirect === undefined) {
      const printed = command.run({ args, paths });
      return printed !== undefined && printed.length <= MOST_PRINTED ? printed : undefined;
    }
    const path = targetOf(redirect.target, paths);
    if (path === undefined || !command.onlyPrints) return undefined;
    const target = fileFacts(path);
    const printed = command.run({ args, paths, ...(target === undefined ? {} : { target }) });
    if (printed === undefined) return undefined;
    writeBytes(path, printed, redirect.append);
    return new Uint8Array(0);
  } catch (error) {
    if (isSystemError(error)) return undefined;
    throw error;
  }
}

/** Returns the path of a redirect's target if it is a regular file or does not exist yet. */
function targetOf({ text, isPattern }: Word, paths: OrdinaryPaths): string | undefined {
  if (isPattern || text === "" || text.endsWith("/")) return undefined;
  const path = paths.resolve(text);
  if (path === undefined) return undefined;
  const kind = fileKind(path);
  return kind === undefined || kind === "file" ? path : undefined;
}
