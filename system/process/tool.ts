/**
 * Runs small tools such as `lsof` and `git`, and returns their output.
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

/** The result of a program that has ended. */
export interface ProgramEnd {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs a program until it ends, with exactly this environment.
 *
 * @param command a name on the PATH of `env`, or a path
 * @param options `cwd`: absolute
 * @returns `undefined` if the program is not installed or this user may not run it
 */
export async function runProgram(
  command: string,
  args: readonly string[],
  { cwd, env }: { readonly cwd: string; readonly env: Readonly<Record<string, string>> },
): Promise<ProgramEnd | undefined> {
  try {
    const { code, stdout, stderr } = await new Deno.Command(command, {
      args: [...args],
      cwd,
      clearEnv: true,
      env: { ...env },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).output();
    const decoder = new TextDecoder();
    return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    if (error instanceof Deno.errors.PermissionDenied) return undefined;
    throw error;
  }
}
