/**
 * The command lines that a server can carry out for another process.
 *
 * @module
 */

/** Names of commands that are sent to a server. */
export const FORWARDED = ["run", "tasks", "graph", "why", "status", "ping"] as const;

/**
 * Options that say where the server or the project is, or that there is to be no server: the source
 * of an expression that Perl takes, too.
 */
export const PLACED = "^(--(server|no-server|config|cwd)\\b|-[a-z]*c)";

const placed = new RegExp(PLACED);

/** Whether the server that is found from the working directory is the one that is meant. */
export function isForwardable([name = "", ...args]: readonly string[]): boolean {
  const end = args.indexOf("--");
  const own = end < 0 ? args : args.slice(0, end);
  // The runtime has U+FFFD for bytes that are not UTF-8: the whole client looks into that.
  return FORWARDED.some((each) => each === name) && !own.some((arg) => placed.test(arg)) &&
    !args.some((arg) => arg.includes("\ufffd"));
}
