/**
 * Makes the npm package of simmer: `deno task pack:npm`. It contains the bundled program, and the
 * quick client as its command, which starts no Node. Its runtime is npm's package `deno`.
 *
 * @module
 */

import { copy } from "@std/fs";
import { ensureDir } from "@std/fs/ensure-dir";
import { quickClient } from "../forward/quick_client.ts";
import { VERSION } from "../wire/version.ts";

const ROOT = new URL("../", import.meta.url);

/**
 * Modules that the program loads by their address when it needs them. Bundles have their paths, with
 * another ending.
 */
const ENTRIES = ["main.ts", "cli.ts", "forward/raw_terminal.ts", "system/process/processes.ts"];

/** Matches such an address in a bundle. */
const ADDRESS = /import\.meta\.resolve\("(?:\.\.?\/)+([\w/]+)\.ts"\)/g;

/** Files of the project that are part of the package. */
const COPIED = ["README.md", "LICENSE", "CHANGELOG.md", "schema/simmer.schema.json"];

const EXECUTABLE = 0o755;

/**
 * Finds the runtime: npm's package `deno` in the nearest `node_modules`, or its package for this
 * platform if no install script has run, or else `deno` on the PATH.
 */
const WHOLE = `#!/bin/sh
# The whole client of simmer: it finds Deno and runs the program.
package=$(cd -P "\${0%/*}/.." && pwd) || exit 3
folder=$package
while :; do
  if [ -d "$folder/node_modules/deno" ]; then
    own=$(cd -P "$folder/node_modules/deno" && pwd)
    for deno in "$own/deno" "$own"/../@deno/*/deno "$own"/node_modules/@deno/*/deno; do
      [ -x "$deno" ] && exec "$deno" run -A "$package/lib/main.js" "$@"
    done
  fi
  [ -z "$folder" ] && break
  folder=\${folder%/*}
done
if deno=$(command -v deno); then exec "$deno" run -A "$package/lib/main.js" "$@"; fi
echo "simmer: cannot find Deno: install simmer together with its dependency, the package 'deno'" >&2
exit 3
`;

async function run(command: string, args: readonly string[], cwd: URL | string): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(command, {
    args: [...args],
    cwd,
    env: { NO_COLOR: "1" },
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  if (!success) throw new Error(`${command} ${args[0]} failed:\n${decoder.decode(stderr)}`);
  return decoder.decode(stdout);
}

/** Top-level entries that the program does not need. */
const OUTSIDE = /^(?:\.|bench$|coverage$|dist$|docs$|examples$|node_modules$|pack$|tests$)/;

/**
 * Copies the program's sources, with two changes. The bundler does not know `import defer`: it
 * evaluates such a module early, which costs a few milliseconds. And it follows the entry `module` of
 * the package `@xterm/headless`, which names a file that the package does not contain.
 */
async function copySources(folder: string): Promise<void> {
  for await (const { name } of Deno.readDir(ROOT)) {
    if (!OUTSIDE.test(name)) await copy(new URL(name, ROOT), `${folder}/${name}`);
  }
  const config = await Deno.readTextFile(`${folder}/deno.json`);
  await Deno.writeTextFile(
    `${folder}/deno.json`,
    config.replace(/npm:@xterm\/headless@[\d.]+/, "$&/lib-headless/xterm-headless.js"),
  );
  const open = [folder];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    for await (const { name, isDirectory } of Deno.readDir(next)) {
      const path = `${next}/${name}`;
      if (isDirectory) open.push(path);
      if (!name.endsWith(".ts")) continue;
      const text = await Deno.readTextFile(path);
      const known = text.replace(/^import defer \* as /gm, "import * as ");
      if (known !== text) await Deno.writeTextFile(path, known);
    }
  }
}

/** Bundles the program. The modules of {@linkcode ENTRIES} stay apart, and are loaded when needed. */
async function bundle(folder: string): Promise<void> {
  const sources = await Deno.makeTempDir({ prefix: "simmer_pack_" });
  try {
    await copySources(sources);
    const options = ["bundle", "--quiet", "--code-splitting", "--outdir", folder];
    await run(Deno.execPath(), [...options, ...ENTRIES], sources);
  } finally {
    await Deno.remove(sources, { recursive: true });
  }
  for await (const { name } of Deno.readDir(folder)) {
    if (!name.endsWith(".js")) continue;
    const path = `${folder}/${name}`;
    const text = await Deno.readTextFile(path);
    const found = text.replace(ADDRESS, (_, module: string) => {
      const entry = ENTRIES.find((each) =>
        each === `${module}.ts` || each.endsWith(`/${module}.ts`)
      );
      if (entry === undefined) {
        throw new Error(`${module}.ts is loaded, but is no entry of the bundle`);
      }
      return `import.meta.resolve("./${entry.replace(/ts$/, "js")}")`;
    });
    if (found !== text) await Deno.writeTextFile(path, found);
  }
}

/** The `package.json` of the package. */
function packageJson(): Record<string, unknown> {
  return {
    name: "simmer",
    version: VERSION,
    description: "Runs the tasks of a project, cached, through a server that stays in memory",
    keywords: ["task", "build", "cache", "monorepo", "deno", "npm-scripts"],
    license: "MIT",
    type: "module",
    bin: { simmer: "bin/simmer" },
    os: ["linux", "darwin"],
    preferUnplugged: true,
    dependencies: { deno: Deno.version.deno },
  };
}

/**
 * Makes the package.
 *
 * @param folder the folder for it, absolute; it is emptied
 */
export async function makeNpmPackage(folder: string): Promise<void> {
  await Deno.remove(folder, { recursive: true }).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
  for (const part of ["", "/bin", "/schema"]) await ensureDir(`${folder}${part}`);
  await bundle(`${folder}/lib`);
  for (const file of COPIED) await Deno.copyFile(new URL(file, ROOT), `${folder}/${file}`);
  await Deno.writeTextFile(`${folder}/package.json`, `${JSON.stringify(packageJson(), null, 2)}\n`);
  const quick = quickClient({
    version: VERSION,
    whole: { beside: "whole" },
    perl: "/usr/bin/perl",
    os: "any",
    arch: Deno.build.arch,
  });
  await Deno.writeTextFile(`${folder}/bin/simmer`, quick, { mode: EXECUTABLE });
  await Deno.writeTextFile(`${folder}/bin/whole`, WHOLE, { mode: EXECUTABLE });
}

/**
 * Packs the package as `npm publish` does.
 *
 * @param folder the package, absolute
 * @param target the folder for the archive, absolute
 * @returns the path of the archive
 */
export async function packNpmPackage(folder: string, target: string): Promise<string> {
  const output = await run("npm", ["pack", "--silent", "--pack-destination", target], folder);
  return `${target}/${output.trim().split("\n").at(-1) ?? ""}`;
}

async function print(line: string): Promise<void> {
  await Deno.stdout.write(new TextEncoder().encode(`${line}\n`));
}

if (import.meta.main) {
  const dist = new URL("dist/", ROOT).pathname;
  await makeNpmPackage(`${dist}npm`);
  try {
    await print(await packNpmPackage(`${dist}npm`, dist.replace(/\/$/, "")));
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    await print(`${dist}npm: not packed, because npm is not installed`);
  }
}
