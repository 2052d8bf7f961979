/**
 * Small programs of the machine that are asked something.
 *
 * @module
 */

/**
 * Runs a program to its end.
 *
 * @returns what it printed, stdout and then stderr, without white space around; `undefined` where
 *   it is not installed
 */
export async function runTool(
  command: string,
  args: readonly string[],
): Promise<string | undefined> {
  try {
    const { stdout, stderr } = await new Deno.Command(command, {
      args: [...args],
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).output();
    const decoder = new TextDecoder();
    return `${decoder.decode(stdout)}\n${decoder.decode(stderr)}`.trim();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
