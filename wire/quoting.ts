/**
 * Quoting of arguments for a shell command line.
 *
 * @module
 */

/**
 * Quotes a word so that the shell takes it literally.
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

/**
 * Quotes a word for a command line that a person may copy: only if the shell would not take it
 * literally.
 */
export function quoteIfNeeded(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : quoteArgument(word);
}

/** Appends arguments to a command line, for a task's header and for the shell. */
export function commandLine(command: string, args: readonly string[]): string {
  return [command, ...args.map(quoteArgument)].join(" ").trim();
}
