/** The npm package, installed from its archive in a project where nothing else is installed. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { compileBinary } from "../../pack/binary.ts";
import { makeNpmPackage, packNpmPackage } from "../../pack/npm_package.ts";
import { VERSION } from "../../wire/version.ts";

const ROOT = new URL("../../", import.meta.url);
const decoder = new TextDecoder();

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function run(
  command: string,
  args: readonly string[],
  options: Deno.CommandOptions = {},
): Promise<Outcome> {
  const { code, stdout, stderr } = await new Deno.Command(command, {
    args: [...args],
    stdin: "null",
    ...options,
  }).output();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

/** Returns the reason why no package can be installed here, if there is one. */
async function obstacle(): Promise<string | undefined> {
  try {
    const signal = AbortSignal.timeout(10_000);
    const args = ["view", "--prefer-offline", `deno@${Deno.version.deno}`, "version"];
    const { code } = await run("npm", args, { signal });
    return code === 0 ? undefined : "the npm registry cannot be reached";
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "npm is missing";
    throw error;
  }
}

const OBSTACLE = await obstacle();

/** An environment in which only these programs can be found: no Node, no Deno. */
async function bareEnvironment(folder: string): Promise<Record<string, string>> {
  await Deno.mkdir(`${folder}/path`);
  for (const program of ["sh", "readlink"]) {
    const { stdout } = await run("/bin/sh", ["-c", `command -v ${program}`]);
    await Deno.symlink(stdout.trim(), `${folder}/path/${program}`);
  }
  const runtime = Deno.env.get("XDG_RUNTIME_DIR");
  return {
    PATH: `${folder}/path`,
    HOME: `${folder}/home`,
    NO_COLOR: "1",
    ...(runtime === undefined ? {} : { XDG_RUNTIME_DIR: runtime }),
  };
}

Deno.test({
  name: OBSTACLE === undefined
    ? "the packed npm package runs tasks, starts no Node, has its own runtime, and deno install accepts it"
    : `the packed npm package runs tasks (skipped: ${OBSTACLE})`,
  ignore: OBSTACLE !== undefined,
  fn: async () => {
    const base = await Deno.realPath(await Deno.makeTempDir());
    const project = `${base}/project`;
    await Deno.mkdir(project);
    await Deno.mkdir(`${base}/home`);
    await makeNpmPackage(`${base}/package`);
    const archive = await packNpmPackage(`${base}/package`, base);
    await Deno.writeTextFile(
      `${project}/package.json`,
      JSON.stringify({ scripts: { build: "echo built $npm_lifecycle_event" } }),
    );
    const options = ["--prefer-offline", "--no-audit", "--no-fund", "--silent"];
    // Install scripts are what package managers refuse by default.
    const install = ["install", "--ignore-scripts", ...options, "-D", archive];
    const installed = await run("npm", install, { cwd: project });
    assertEquals(installed.code, 0, installed.stderr);
    const names = [...Deno.readDirSync(`${project}/node_modules`)].map(({ name }) => name);
    const packages = names.filter((name) => !name.startsWith(".")).sort();
    assertEquals(packages, ["@deno", "deno", "simmer"]);

    const env = await bareEnvironment(base);
    const simmer = (...args: readonly string[]): Promise<Outcome> =>
      run(`${project}/node_modules/.bin/simmer`, args, { cwd: project, clearEnv: true, env });
    assertEquals((await simmer("--version")).stdout, `simmer ${VERSION}\n`);
    // The first run starts the server. The second one only sends it the command line.
    for (const _ of [1, 2]) {
      const { code, stdout, stderr } = await simmer("run", "-q", "build");
      assertEquals({ code, stdout, stderr }, { code: 0, stdout: "built build\n", stderr: "" });
    }
    assertStringIncludes((await simmer("tasks")).stdout, "build");
    await Deno.writeTextFile(`${project}/deno.json`, '{"tasks":{"task":"echo task | cat"}}');
    assertEquals((await simmer("run", "-q", "task")).stdout, "task\n");
    assertEquals((await simmer("run", "-q", "--no-server", "task")).stdout, "task\n");
    const { code, stdout } = await run("npx", ["--no", "simmer", "run", "-q", "build"], {
      cwd: project,
      env: { HOME: `${base}/home` },
    });
    assertEquals([code, stdout], [0, "built build\n"]);
    const stopped = await simmer("stop", "--force");
    assertEquals(stopped.code, 0, stopped.stderr);

    const global = await run(
      Deno.execPath(),
      ["install", "-gAf", "-n", "simmer", `${base}/package/lib/main.js`],
      { env: { DENO_INSTALL_ROOT: `${base}/global`, NO_COLOR: "1" } },
    );
    assertEquals(global.code, 0, global.stderr);
    const byDeno = await run(`${base}/global/bin/simmer`, ["run", "-q", "--no-server", "task"], {
      cwd: project,
    });
    assertEquals([byDeno.code, byDeno.stdout], [0, "task\n"], byDeno.stderr);

    for (const name of ["deno", "@deno"]) {
      await Deno.remove(`${project}/node_modules/${name}`, { recursive: true });
    }
    const { code: missing, stderr } = await simmer("--version");
    assertEquals(missing, 3);
    assertStringIncludes(stderr, "cannot find Deno: install simmer together with its dependency");
    await Deno.remove(base, { recursive: true });
  },
});

Deno.test("the version is the same in deno.json, in the program and in the changelog", async () => {
  const { version, name } = JSON.parse(await Deno.readTextFile(new URL("deno.json", ROOT)));
  assertEquals([name, version], ["@simmer/simmer", VERSION]);
  const changelog = await Deno.readTextFile(new URL("CHANGELOG.md", ROOT));
  assertEquals(/^## (\S+)/m.exec(changelog)?.[1], VERSION);
});

Deno.test("compiling without a base binary says what is missing", async () => {
  const folder = await Deno.makeTempDir();
  const output = `${folder}/simmer`;
  const { code, report } = await compileBinary(output, { DENORT_BIN: `${folder}/missing` });
  assert(code !== 0);
  assertStringIncludes(report, "Cannot compile: the modules are complete, but Deno");
  assertStringIncludes(report, "DENORT_BIN=FILE names a copy of it");
  await Deno.remove(folder, { recursive: true });
});

Deno.test("deno publish accepts the package, without its tests", async () => {
  const { code, stdout, stderr } = await run(
    Deno.execPath(),
    ["publish", "--dry-run", "--allow-dirty"],
    { cwd: ROOT, env: { NO_COLOR: "1" } },
  );
  assertEquals(code, 0, stderr);
  const files = `${stdout}${stderr}`.match(/^ +file:\S+/gm) ?? [];
  assert(files.some((file) => file.endsWith("/main.ts")));
  assertEquals(files.filter((file) => file.includes("/tests/")), []);
});
