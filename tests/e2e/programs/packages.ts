/**
 * The npm packages of the programs in the table, in pinned versions.
 *
 * @module
 */

const FILES = ["package.json", "deno.lock"] as const;

/**
 * Installs the packages, unless an earlier run has done so.
 *
 * @returns the path of `node_modules`, or `undefined` if the packages cannot be had
 */
export async function preparePackages(): Promise<string | undefined> {
  const texts = await Promise.all(
    FILES.map((name) => Deno.readTextFile(new URL(`./packages/${name}`, import.meta.url))),
  );
  const bytes = new TextEncoder().encode(texts.join("\0"));
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  const cache = Deno.env.get("XDG_CACHE_HOME") ?? `${Deno.env.get("HOME")}/.cache`;
  const folder = `${cache}/simmer-tests/${digest.toHex().slice(0, 16)}`;
  const modules = `${folder}/node_modules`;
  if (await exists(modules)) return modules;
  await Deno.mkdir(`${cache}/simmer-tests`, { recursive: true });
  const made = await Deno.makeTempDir({ dir: `${cache}/simmer-tests` });
  for (const [index, name] of FILES.entries()) {
    await Deno.writeTextFile(`${made}/${name}`, texts[index] ?? "");
  }
  const install = new Deno.Command(Deno.execPath(), {
    args: ["install", "-q", "--frozen"],
    cwd: made,
    signal: AbortSignal.timeout(INSTALL_MS),
  });
  const { success } = await install.output();
  // Another process may have been faster.
  if (success && !await exists(folder)) await Deno.rename(made, folder);
  else await Deno.remove(made, { recursive: true });
  return await exists(modules) ? modules : undefined;
}

/** Milliseconds until packages that have not come are not waited for. */
const INSTALL_MS = 60_000;

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.stat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
