/**
 * Runs small system tools such as `lsof` and returns their output.
 *
 * @module
 */

/**
 * Timeout in milliseconds after which a tool counts as stuck. `lsof` gets stuck on a dead network
 * mount.
 */
const PATIENCE_MS = 10_000;

/**
 * Runs a program until it ends.
 *
 * @param patienceMs timeout in milliseconds after which the program is killed; its output until
 *   then is returned
 * @returns its stdout followed by its stderr, without surrounding white space; `undefined` if the
 *   program is not installed or this user may not run it
 */
export async function runTool(
  command: string,
  args: readonly string[],
  patienceMs = PATIENCE_MS,
): Promise<string | undefined> {
  const patience = new AbortController();
  const timer = setTimeout(() => patience.abort(), patienceMs);
  try {
    const { stdout, stderr } = await new Deno.Command(command, {
      args: [...args],
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
      signal: patience.signal,
    }).output();
    const decoder = new TextDecoder();
    return `${decoder.decode(stdout)}\n${decoder.decode(stderr)}`.trim();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    if (error instanceof Deno.errors.PermissionDenied) return undefined;
    throw error;
  } finally {
    clearTimeout(timer);
  }
}
