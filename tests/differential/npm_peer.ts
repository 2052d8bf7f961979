/**
 * Gets programs of the npm registry that tests compare with. They are installed once, in the user's
 * cache folder.
 *
 * @module
 */

/**
 * Returns the path of a file of a package.
 *
 * @param name the package
 * @param version its exact version
 * @param file path in its folder
 * @returns `undefined` if it cannot be had; the reason is printed
 */
export async function peerFile(
  name: string,
  version: string,
  file: string,
): Promise<string | undefined> {
  const cache = Deno.env.get("XDG_CACHE_HOME") ?? `${Deno.env.get("HOME") ?? "/tmp"}/.cache`;
  const folder = `${cache}/simmer-test-peers/${name.replaceAll("/", "+")}-${version}`;
  const path = `${folder}/node_modules/${name}/${file}`;
  if (await exists(path)) return path;
  try {
    await Deno.mkdir(folder, { recursive: true });
    const { success, stderr } = await new Deno.Command("npm", {
      args: ["install", "--no-audit", "--no-fund", "--prefix", folder, `${name}@${version}`],
      signal: AbortSignal.timeout(60_000),
    }).output();
    if (success) return path;
    say(`${name}@${version} cannot be had: ${new TextDecoder().decode(stderr).trim()}`);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    say(`${name}@${version} cannot be had: ${error.message}`);
  }
  return undefined;
}

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.stat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** Prints a line about a comparison. */
export function say(line: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(`${line}\n`));
}
