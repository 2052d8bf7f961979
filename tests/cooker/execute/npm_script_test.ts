/** Scripts of a `package.json`: which way they run, what their keys contain, and how they end. */

import { assertEquals, assertMatch } from "@std/assert";
import { parseNpmrc, settingVariables } from "../../../cooker/config/npmrc.ts";
import { scriptLine, startsProgram } from "../../../cooker/execute/npm_script.ts";
import { processesIn } from "../../e2e/support.ts";
import { DirectCooker, type DirectRun } from "../direct_cooker.ts";

type Files = Readonly<Record<string, unknown>>;

/** A project in a temporary folder. */
class Project implements AsyncDisposable {
  readonly root: string;
  readonly cooker: DirectCooker;

  private constructor(root: string) {
    this.root = root;
    this.cooker = new DirectCooker(root);
  }

  static async create(files: Files): Promise<Project> {
    const project = new Project(await Deno.realPath(await Deno.makeTempDir()));
    for (const [path, content] of Object.entries(files)) project.write(path, content);
    return project;
  }

  /** Writes a file. A text that begins with `#!` is executable. */
  write(path: string, content: unknown): void {
    const file = `${this.root}/${path}`;
    Deno.mkdirSync(file.replace(/\/[^/]*$/, ""), { recursive: true });
    const text = typeof content === "string" ? content : JSON.stringify(content);
    Deno.writeTextFileSync(file, text, { mode: text.startsWith("#!") ? 0o755 : 0o644 });
  }

  /** Runs a task. The programs `node` and `npm` are those of the project's folder `bin`. */
  async run(task: string, more: Parameters<DirectCooker["run"]>[1] = {}): Promise<DirectRun> {
    const env = { PATH: `${this.root}/bin:/usr/bin:/bin`, HOME: this.root };
    return await this.cooker.run([task], { env, ...more });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.cooker[Symbol.asyncDispose]();
    await Deno.remove(this.root, { recursive: true });
  }
}

/** Prints the way in which it runs: only `sh` knows `if`. */
const WAY = "if true; then echo npm; fi";

Deno.test("scripts run as npm run does, and as deno task does with a deno.json, unless a setting or option decides", async () => {
  const scripts = { way: WAY };
  const wayOf = async (files: Files, more: Parameters<DirectCooker["run"]>[1] = {}) => {
    await using project = await Project.create(files);
    const cwd = "member/package.json" in files ? `${project.root}/member` : project.root;
    const { stdout } = await project.run("way", { cwd, ...more });
    return stdout === "npm\n" ? "npm" : "deno";
  };
  const settings = (way: string): unknown => ({ scripts, simmer: { scripts: way } });
  const workspaces = ["member"];
  assertEquals(await wayOf({ "package.json": { scripts } }), "npm");
  assertEquals(await wayOf({ "package.json": { scripts } }, { scripts: "deno" }), "deno");
  assertEquals(await wayOf({ "package.json": { scripts }, "deno.json": {} }), "deno");
  assertEquals(
    await wayOf({ "package.json": { scripts }, "deno.json": {} }, { scripts: "npm" }),
    "npm",
  );
  assertEquals(await wayOf({ "package.json": settings("deno") }), "deno");
  assertEquals(await wayOf({ "package.json": settings("npm"), "deno.jsonc": {} }), "npm");
  assertEquals(
    await wayOf({ "package.json": { scripts }, "deno.json": { simmer: { scripts: "npm" } } }),
    "npm",
  );
  assertEquals(
    await wayOf({ "package.json": { workspaces }, "member/package.json": { scripts } }),
    "npm",
  );
  assertEquals(
    await wayOf({
      "package.json": { workspaces, simmer: { scripts: "deno" } },
      "member/package.json": { scripts },
    }),
    "deno",
  );
  assertEquals(
    await wayOf({
      "package.json": { workspaces },
      "member/package.json": { scripts },
      "member/deno.json": {},
    }),
    "deno",
  );
});

Deno.test("a wrong value of simmer.scripts is a mistake in the config, with its place", async () => {
  await using project = await Project.create({
    "package.json": '{\n  "scripts": { "a": "" },\n  "simmer": { "scripts": "yarn" }\n}',
  });
  const { error } = await project.run("a");
  assertEquals(
    error?.message,
    `Invalid config: ${project.root}/package.json:3:26: "simmer.scripts" must be "npm" or "deno", ` +
      'but found the string "yarn"',
  );
});

Deno.test("the key of a script names the way, Node, the shell, and what it gets from package.json and .npmrc", async () => {
  const facts = { name: "x", version: "1.0.0", config: { port: 1 } };
  const config = (more: object): unknown => ({
    ...facts,
    ...more,
    scripts: { build: "echo $npm_package_version" },
    simmer: { tasks: { build: { files: ["in"] } } },
  });
  await using project = await Project.create({
    "in": "1",
    "package.json": config({}),
    "bin/node": "#!/bin/sh\necho v20.0.0\n",
  });
  const isCached = async (more = {}): Promise<boolean> =>
    (await project.run("build", more)).cached.length === 1;
  const rerunsOnce = async (why: string): Promise<void> => {
    const { tasks: [planned] } = await project.cooker.plan(["build"], {
      env: { PATH: `${project.root}/bin:/usr/bin:/bin`, HOME: project.root },
    });
    assertMatch(planned?.reasons.map(({ text }) => text).join("\n") ?? "", new RegExp(why));
    assertEquals([await isCached(), await isCached()], [false, true], why);
  };
  await rerunsOnce("not succeeded");
  project.write("package.json", config({ version: "1.0.1" }));
  await rerunsOnce("the variable npm_package_version has a different value");
  project.write("package.json", config({ engines: { node: "20" } }));
  await rerunsOnce("the variable npm_package_engines_node was added");
  project.write(".npmrc", "node-options=--no-warnings\n");
  await rerunsOnce("the variable npm_config_node_options was added");
  project.write(".npmrc", "node-options=--no-warnings\nscript-shell=bash\n");
  await rerunsOnce("runtime changed .* npm run, bash");
  project.write("bin/node", "#!/bin/sh\necho v22.0.0-rc\n");
  await rerunsOnce("runtime changed");
  assertEquals(await isCached({ scripts: "deno", env: { PATH: "/usr/bin:/bin" } }), false);
});

Deno.test("script-shell and ignore-scripts of .npmrc count, and a variable of the client has precedence", async () => {
  await using project = await Project.create({
    "package.json": {
      scripts: { prea: "echo pre", a: "echo a ${BASH_VERSION:+bash}", posta: "echo post" },
    },
    ".npmrc": "script-shell=/bin/bash\nignore-scripts=true\n",
  });
  assertEquals((await project.run("a")).stdout, "a bash\n");
  const env = {
    PATH: "/usr/bin:/bin",
    npm_config_script_shell: "sh",
    npm_config_ignore_scripts: "false",
  };
  assertEquals((await project.run("a", { env })).stdout, "pre\na\npost\n");
  const missing = await project.run("a", { env: { ...env, npm_config_script_shell: "no-shell" } });
  assertEquals(missing.exitCode, 127);
  assertEquals(
    missing.events.flatMap((event) => event.type === "TaskFailed" ? event.reason : []),
    ["Cannot start prea: the script-shell of .npmrc does not exist: no-shell"],
  );
});

Deno.test("the package manager is the one that package.json names, or that of the lockfile", async () => {
  const agentOf = async (files: Files): Promise<readonly string[]> => {
    await using project = await Project.create({
      "bin/node": "#!/bin/sh\necho v20.0.0\n",
      "bin/npm": "#!/bin/sh\n",
      "package.json": {},
      ...files,
    });
    const file = JSON.parse(await Deno.readTextFile(`${project.root}/package.json`));
    const scripts = { a: "echo $npm_config_user_agent; echo $npm_execpath" };
    project.write("package.json", { ...file, scripts });
    const { stdout } = await project.run("a");
    return stdout.trimEnd().replaceAll(project.root, "~").split("\n");
  };
  const platform = "node/v20.0.0 linux x64";
  const isUsual = Deno.build.os === "linux" && Deno.build.arch === "x86_64";
  if (!isUsual) return;
  assertEquals(await agentOf({}), [`npm/? ${platform} workspaces/false`, "~/bin/npm"]);
  assertEquals(await agentOf({ "pnpm-lock.yaml": "" }), [`pnpm/? npm/? ${platform}`]);
  assertEquals(await agentOf({ "bun.lock": "" }), [`bun/? npm/? ${platform}`]);
  assertEquals(
    await agentOf({ "package.json": { packageManager: "pnpm@9.1.0+sha512.ab" }, "yarn.lock": "" }),
    [`pnpm/9.1.0 npm/? ${platform}`],
  );
  assertEquals(
    await agentOf({
      "yarn.lock": "",
      "bin/yarn": "#!/bin/sh\n",
    }),
    [`yarn/? npm/? ${platform}`, "~/bin/yarn"],
  );
});

Deno.test("a cancelled script leaves no process, also none that it has started in the background", async () => {
  await using project = await Project.create({
    "package.json": {
      scripts: { wait: "sleep 600 & sh -c 'echo $$; exec sleep 600'; echo never" },
    },
  });
  const { stdout } = await project.cooker.run(
    ["wait"],
    { env: { PATH: "/usr/bin:/bin" } },
    "TaskOutput",
  );
  assertMatch(stdout, /^\d+\n$/);
  assertEquals(await processesIn(project.root), []);
});

Deno.test("a script of more than 128 KiB runs, as does an empty one", async () => {
  const long = "w".repeat(200_000);
  await using project = await Project.create({
    "package.json": { scripts: { long: `echo ${long} | wc -c`, empty: "", comment: "# no" } },
  });
  assertEquals((await project.run("long", { args: ["a b"] })).exitCode, 1, "wc has no such file");
  assertEquals((await project.run("long")).stdout.trim(), "200001");
  assertEquals((await project.run("empty")).exitCode, 0);
  assertEquals((await project.run("comment")).exitCode, 0);
});

Deno.test("arguments of scripts are quoted as npm does", () => {
  assertEquals(
    scriptLine({ command: "x", args: ["a", "", "a b", "it's", "'q'", "x=y", "$A", "ä"] }),
    `x a '' 'a b' 'it'\\''s' \\''q'\\' x=y '$A' ä`,
  );
});

Deno.test("parseNpmrc reads what npm reads, and secrets are no variables", () => {
  const text = [
    "; comment",
    "# comment",
    "a=1",
    "b = two words ; comment",
    'c="quoted ; text"',
    "flag",
    "off=false",
    "none=null",
    "list[]=x",
    "list[]=y",
    "path=${HOME}/x${MISSING?}${MISSING}",
    "//host/:_authToken=secret",
    "_auth=secret",
    "@scope:registry=http://host/",
    "a=3",
    "[section]",
    "in=section",
  ].join("\n");
  assertEquals(settingVariables(parseNpmrc(text, { HOME: "/home" })), {
    npm_config_a: "3",
    npm_config_b: "two words",
    npm_config_c: "quoted ; text",
    npm_config_flag: "true",
    npm_config_off: "",
    npm_config_none: "",
    npm_config_list: "x\n\ny",
    npm_config_path: "/home/x${MISSING}",
  });
});

Deno.test("a script that only starts a program is recognized, and one with shell syntax is not", () => {
  const starts = (command: string, shell?: string): boolean =>
    startsProgram({
      command,
      cwd: "/usr",
      npm: { root: "/", identity: "", ...(shell === undefined ? {} : { shell }) },
    }, "/usr/bin:/bin");
  for (const line of ["env", " env -i  A=b", "/usr/bin/env", "bin/env x", "ls --a=b @c/d"]) {
    assertEquals(starts(line), true, line);
  }
  const others = [
    "",
    "echo a",
    "test -f x",
    "A=b env",
    "env | cat",
    "env > x",
    "env $A",
    "env 'a'",
    "env *",
    "env; env",
    "env\nenv",
    "no-such-program",
    "./no-such-program",
    "bin",
    "time env",
    "# env",
    "! env",
  ];
  for (const line of others) assertEquals(starts(line), false, line);
  assertEquals([starts("env", "/bin/bash"), starts("env", "fish")], [true, false]);
});
