/**
 * Definition of a command: combines its option rows with the function that carries it out.
 *
 * @module
 */

import { projectErrorData } from "../wire/errors.ts";
import { VERSION } from "../wire/hello.ts";
import {
  parseArguments,
  type ParsedArguments,
  UsageError,
  type ValuesFor,
} from "./args/arguments.ts";
import type { Invocation } from "./invocation.ts";
import { type CommandSpec, COMMON_OPTIONS, type OptionRow } from "./args/options.ts";

/** A command of the command line. */
export interface Command {
  readonly spec: CommandSpec;
  /**
   * Runs the command.
   *
   * @returns the exit code
   * @throws {ClientError} or `WireError` if the command fails
   */
  run(invocation: Invocation): Promise<number>;
}

/** Defines a command from its rows and its function. Handles `--help` and `--version` itself. */
export function defineCommand<const Rows extends readonly OptionRow[]>(
  spec: CommandSpec<Rows>,
  work: (invocation: Invocation, parsed: ParsedArguments<ValuesFor<Rows>>) => Promise<number>,
): Command {
  return {
    spec,
    run: async (invocation) => {
      const parsed = await parsedFor(spec, invocation.args);
      const { help, version } = parsed.values as { help: boolean; version: boolean };
      if (help) {
        const { commandHelp } = await import("./args/help.ts");
        invocation.output.write("stdout", await commandHelp(spec));
        return 0;
      }
      if (version) {
        invocation.output.write("stdout", `simmer ${VERSION}\n`);
        return 0;
      }
      try {
        return await work(invocation, parsed);
      } catch (error) {
        throw spec.takesRest === true ? await withAdvice(error, spec, parsed.words) : error;
      }
    },
  };
}

async function withAdvice(
  error: unknown,
  { name }: CommandSpec,
  words: readonly string[],
): Promise<unknown> {
  if (words.length < 2 || projectErrorData(error) === undefined) return error;
  const { withArgumentHint } = await import("./args/argument_hint.ts");
  return withArgumentHint(error, name, words);
}

async function parsedFor<const Rows extends readonly OptionRow[]>(
  spec: CommandSpec<Rows>,
  args: readonly string[],
): Promise<ParsedArguments<ValuesFor<Rows>>> {
  try {
    return parseArguments(spec, args);
  } catch (error) {
    if (!(error instanceof UsageError) || error.unknownOption === undefined) throw error;
    throw await withHint(error, error.unknownOption, spec);
  }
}

async function withHint(error: UsageError, option: string, spec: CommandSpec): Promise<UsageError> {
  const { nearestName } = await import("./args/nearest.ts");
  const names = [...COMMON_OPTIONS, ...spec.options].map((row) => `--${row.name}`);
  const nearest = option.startsWith("--") ? nearestName(option, names) : undefined;
  const hint = nearest === undefined
    ? `'simmer ${spec.name} --help' lists the options`
    : `did you mean '${nearest}'?`;
  const own = spec.takesRest === true ? ["Arguments for a task go after '--'."] : [];
  return new UsageError(`${error.message}: ${hint}`, own);
}
