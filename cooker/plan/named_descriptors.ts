/**
 * Finds the file descriptors above stderr that a run names. The client has to pass them on to the
 * tasks. Examples are `<(command)` in a shell, `3<<<text` with `<&3`, make's job server and Node's
 * IPC.
 *
 * @module
 */

/** Matches in a word of a command line, or anywhere in a variable's value. */
const PATH = /\/fd\/(\d{1,7})\b/g;
/** Matches in a command line. */
const REDIRECTION = /[<>]&\s*(\d{1,7})\b/g;
const JOB_SERVER = /--jobserver-(?:auth|fds)=(\d{1,7}),(\d{1,7})\b/g;

/**
 * Returns the descriptors that command lines and variables name, without duplicates.
 *
 * @param commandLines with their arguments
 */
export function namedDescriptors(
  commandLines: readonly string[],
  env: Readonly<Record<string, string>>,
): readonly number[] {
  const named = new Set<number>();
  const find = (text: string, pattern: RegExp): void => {
    for (const [, ...numbers] of text.matchAll(pattern)) {
      for (const each of numbers) if (Number(each) > 2) named.add(Number(each));
    }
  };
  for (const line of commandLines) {
    if (line.includes("/fd/")) find(line, PATH);
    if (line.includes("&")) find(line, REDIRECTION);
  }
  for (const value of Object.values(env)) if (value.includes("/fd/")) find(value, PATH);
  const { MAKEFLAGS = "", NODE_CHANNEL_FD = "" } = env;
  find(MAKEFLAGS, JOB_SERVER);
  find(NODE_CHANNEL_FD, /^(\d{1,7})$/g);
  return [...named];
}
