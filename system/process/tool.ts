/**
 * Small programs of the machine that are asked something.
 *
 * @module
 */

/** Milliseconds after which a tool is taken for stuck, as `lsof` gets on a dead network mount. */
const PATIENCE_MS = 10_000;

/**
 * Runs a program to its end.
 *
 * @param patienceMs milliseconds after which it is ended; what it printed until then counts
 * @returns what it printed, stdout and then stderr, without white space around; `undefined` where
 *   it is not installed, or not for this user
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
