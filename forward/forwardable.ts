/**
 * Decides which command lines are sent to a running server.
 *
 * @module
 */

/** Names of commands that are sent to a server. */
export const FORWARDED = ["run", "tasks", "graph", "why", "status", "ping"] as const;

/**
 * Options that name a server or a project, or that exclude a server. The source of a regular
 * expression that is valid in JavaScript and in Perl.
 */
export const PLACED = "^(--(server|no-server|config|cwd)\\b|-[a-z]*c)";

const placed = new RegExp(PLACED);

/**
 * Returns true if a command line may be sent to the server that is found from the working
 * directory.
 */
export function isForwardable([name = "", ...args]: readonly string[]): boolean {
  const end = args.indexOf("--");
  const own = end < 0 ? args : args.slice(0, end);
  // The runtime replaces bytes that are not UTF-8 by U+FFFD. The whole client checks such
  // arguments.
  return FORWARDED.some((each) => each === name) && !own.some((arg) => placed.test(arg)) &&
    !args.some((arg) => arg.includes("\ufffd"));
}
