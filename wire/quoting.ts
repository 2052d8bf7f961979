/**
 * Arguments on a shell command line.
 *
 * @module
 */

/**
 * A word that the shell takes exactly as it is.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { quoteArgument } from "./quoting.ts";
 *
 * assertEquals(quoteArgument("$HOME"), "'$HOME'");
 * assertEquals(quoteArgument("it's"), `'it'"'"'s'`);
 * ```
 */
export function quoteArgument(argument: string): string {
  return `'${argument.replaceAll("'", `'"'"'`)}'`;
}

/** A command line followed by arguments, as a task's header shows it and the shell reads it. */
export function commandLine(command: string, args: readonly string[]): string {
  return [command, ...args.map(quoteArgument)].join(" ").trim();
}
