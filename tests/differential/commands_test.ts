/** Compares stdout and exit codes of commands, with and without a shell, with those of `deno task`. */

import { assertEquals } from "@std/assert";
import { DirectCooker } from "../cooker/direct_cooker.ts";

type Files = Readonly<Record<string, unknown>>;

interface Story {
  /** Contents by path. Objects are JSON. Bytes, and texts that begin with `#!`, are executable. */
  readonly files: Files;
  /** The tasks to run one after the other, each with its working directory. */
  readonly tasks: readonly (readonly [name: string, folder?: string])[];
  readonly env?: Readonly<Record<string, string>>;
}

const DENO_FOLDER = Deno.execPath().replace(/\/[^/]*$/, "");
const ENV = { PATH: `/usr/bin:/bin:${DENO_FOLDER}`, HOME: "/", NO_COLOR: "1" };

async function write(root: string, files: Files): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    await Deno.mkdir(`${root}/${path}`.replace(/\/[^/]*$/, ""), { recursive: true });
    const bytes = content instanceof Uint8Array
      ? content
      : new TextEncoder().encode(typeof content === "string" ? content : JSON.stringify(content));
    const isProgram = content instanceof Uint8Array || String(content).startsWith("#!");
    await Deno.writeFile(`${root}/${path}`, bytes, { mode: isProgram ? 0o755 : 0o644 });
  }
}

interface Outcome {
  readonly code: number;
  readonly stdout: string;
}

async function byDeno(root: string, { tasks, env }: Story): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const [name, folder = ""] of tasks) {
    const { code, stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["task", "--quiet", name],
      cwd: `${root}/${folder}`,
      clearEnv: true,
      env: { ...ENV, ...env },
      stdin: "null",
      stderr: "null",
    }).output();
    outcomes.push({ code, stdout: new TextDecoder().decode(stdout).replaceAll(root, "~") });
  }
  return outcomes;
}

async function bySimmer(root: string, { tasks, env }: Story): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  await using cooker = new DirectCooker(root);
  for (const [name, folder = ""] of tasks) {
    const run = await cooker.run([name], {
      cwd: folder === "" ? root : `${root}/${folder}`,
      env: { ...ENV, ...env },
      jobs: 1,
      scripts: "deno",
    });
    outcomes.push({ code: run.exitCode, stdout: run.stdout.replaceAll(root, "~") });
  }
  return outcomes;
}

async function compare(stories: readonly Story[]): Promise<void> {
  for (const story of stories) {
    const base = await Deno.realPath(await Deno.makeTempDir());
    const roots = [`${base}/a`, `${base}/b`] as const;
    for (const root of roots) await write(root, story.files);
    const [theirs, ours] = await Promise.all([byDeno(roots[0], story), bySimmer(roots[1], story)]);
    assertEquals(ours, theirs, JSON.stringify(story).slice(0, 2000));
    await Deno.remove(base, { recursive: true });
  }
}

const PATHS = {
  tasks: { path: "/usr/bin/printenv PATH", shell: "sh -c 'echo $PATH'", script: "./path.sh" },
};
const SCRIPT = {
  "path.sh": '#!/bin/sh\necho "$PATH"\n',
  "deep/er/path.sh": '#!/bin/sh\necho "$PATH"\n',
};
const ALL = [["path"], ["shell"], ["script"]] as const;
const DEEP = ALL.map(([name]) => [name, "deep/er"] as const);

Deno.test("PATH has the same node_modules/.bin folders with a shell and without", async () => {
  await compare([
    { files: { ...SCRIPT, "deno.json": PATHS }, tasks: [...ALL, ...DEEP] },
    { files: { ...SCRIPT, "deno.json": PATHS, "node_modules/.bin/x": "#!/bin/sh\n" }, tasks: ALL },
    { files: { ...SCRIPT, "deno.json": PATHS, "package.json": {} }, tasks: [...ALL, ...DEEP] },
    { files: { ...SCRIPT, "package.json": { scripts: PATHS.tasks } }, tasks: ALL },
    ...["auto", "none", "manual", true, false].flatMap((nodeModulesDir) => [
      { files: { ...SCRIPT, "deno.json": { ...PATHS, nodeModulesDir } }, tasks: ALL },
      {
        files: { ...SCRIPT, "deno.json": { ...PATHS, nodeModulesDir }, "package.json": {} },
        tasks: ALL,
      },
    ]),
    {
      files: {
        ...SCRIPT,
        "deno.json": { workspace: ["./deep/er"] },
        "package.json": {},
        "deep/er/deno.json": PATHS,
      },
      tasks: DEEP,
    },
    {
      files: {
        ...SCRIPT,
        "deno.json": { ...PATHS, workspace: ["./deep/er"] },
        "deep/er/deno.json": PATHS,
        "deep/er/package.json": {},
      },
      tasks: [...ALL, ...DEEP],
    },
    {
      files: { ...SCRIPT, "deno.json": PATHS, "package.json": {} },
      tasks: ALL,
      env: { DENO_NO_PACKAGE_JSON: "1" },
    },
  ]);
});

const LATE = "mkdir -p node_modules/.bin && /bin/cp tool node_modules/.bin/late";

Deno.test("R12 a program in node_modules/.bin is found by './x' and 'deno', even if a task creates it", async () => {
  const run = "await new Deno.Command('late').spawn().status";
  const files = {
    "package.json": { name: "x" },
    "run.sh": "#!/bin/sh\nlate\n",
    "make.sh": `#!/bin/sh\n${LATE}\nlate\n`,
    "run.ts": run,
    "tool": "#!/bin/sh\necho ok\n",
    "deep/run.sh": "#!/bin/sh\nlate\n",
    "deno.json": {
      tasks: {
        late: "late",
        inst: LATE,
        after: { command: "./run.sh", dependencies: ["inst"] },
        run: { command: "deno run -A run.ts", dependencies: ["inst"] },
        deep: { command: "./deep/run.sh", dependencies: ["inst"] },
        script: "./run.sh",
        own: "./make.sh",
        line: `${LATE} && ./run.sh`,
        rest: `${LATE} && late`,
      },
    },
  };
  const { "package.json": _, ...withoutPackage } = files;
  const names = ["script", "after", "script", "run", "deep"] as const;
  await compare([
    { files, tasks: names.map((name) => [name] as const) },
    { files, tasks: [["own"], ["own"]] },
    { files, tasks: [["line"]] },
    { files, tasks: [["rest"]] },
    { files: withoutPackage, tasks: [["own"], ["after"], ["script"]] },
  ]);
});

Deno.test("a program that cannot be started has the same exit code with a shell and without", async () => {
  const files = {
    "bad.sh": "#!/no/such/interpreter\n",
    "again.sh": "#!./bad.sh\n",
    "noexec.sh": "#!./text\n",
    "relative.sh": "#!./good.sh\n",
    "good.sh": "#!/bin/sh\necho good\n",
    "blank.sh": "#!\necho blank\n",
    "junk": new TextEncoder().encode("\x7fELFjunk"),
    "empty": new Uint8Array(0),
    "text": "echo text\n",
    "folder/x": "",
  };
  const names = Object.keys(files).map((path) => path.replace(/\/x$/, ""));
  const lines = [...names.map((name) => `./${name}`), "./nothing", "/nothing/at/all", "./bad.sh/x"];
  const tasks = Object.fromEntries(lines.flatMap((line, index) => [
    [`plain ${index}`, line],
    [`shell ${index}`, `${line} | /bin/cat`],
    [`after ${index}`, `echo before && ${line}`],
  ]));
  await compare([{
    files: { ...files, "deno.json": { tasks } },
    tasks: Object.keys(tasks).map((name) => [name] as const),
  }]);
});

Deno.test("R11 a command line may have any length", async () => {
  // The words are long instead of many, because the shell needs seconds for many words.
  const words = ` ${"w".repeat(60_000)}`.repeat(3);
  const letters = "x".repeat(140_000);
  const tasks = {
    plain: `sh -c "echo ok"${words}`,
    exact: `echo ${"x".repeat(128 * 1024 - 1 - " echo ".length)}`,
    longer: `echo ${"x".repeat(128 * 1024 - " echo ".length)}`,
    wide: `echo ${"ä".repeat(65_536)}`,
    program: `/bin/echo${words}`,
    quoted: `echo '${letters}' && echo "$HOME"`,
    several: `echo ${letters} && pwd && false || echo ${words}`,
    many: `sh -c 'echo $#' x${" w".repeat(5_000)}${words}`,
    fails: `sh -c "exit 7"${words}`,
    "wild*card": `sh -c "echo ok"${words}`,
    "-dash": `sh -c "echo ok"${words}`,
    "found in packages": `tool${words}`,
  };
  const files = {
    "node_modules/.bin/tool": "#!/bin/sh\necho $#\n",
    "sub/x": "",
  };
  const all = Object.keys(tasks).filter((name) => !/^-|\*/.test(name));
  const [first = ""] = all;
  await compare([
    { files: { ...files, "deno.json": { tasks } }, tasks: all.map((name) => [name] as const) },
    {
      files: { ...files, "package.json": {}, "deno.json": { tasks } },
      tasks: [["found in packages"], [first, "sub"]],
    },
    {
      files: {
        ...files,
        "package.json": { scripts: { long: `echo ok ; echo ${letters}` } },
      },
      tasks: [["long"]],
    },
  ]);
});

Deno.test("R11 a long command leaves no temporary folder, takes arguments, and works for any task name", async () => {
  const root = await Deno.realPath(await Deno.makeTempDir());
  const temporary = `${root}/tmp`;
  await Deno.mkdir(temporary);
  const long = `sh -c 'echo $2 $#' a b ${`${"w".repeat(60_000)} `.repeat(3)}`;
  await write(root, {
    "deno.json": { tasks: { "wild*": long, "-dash": long, "(!x)": long, args: long } },
    "package.json": {
      scripts: { script: `sh -c "echo ok" ${`${"w".repeat(60_000)} `.repeat(3)}` },
    },
  });
  {
    await using cooker = new DirectCooker(root);
    for (const name of ["wild*", "-dash", "args", "script"]) {
      const args = ["a b", "$HOME"];
      const { exitCode, stdout } = await cooker.run([name], { args, scripts: "deno" });
      const expected = name === "script" ? "ok\n" : `${"w".repeat(60_000)} 6\n`;
      assertEquals([exitCode, stdout], [0, expected], name);
    }
    const before = new Set([...Deno.readDirSync("/tmp")].map(({ name }) => name));
    await cooker.run(["args"]);
    const left = [...Deno.readDirSync("/tmp")].map(({ name }) => name)
      .filter((name) => name.startsWith("simmer-") && !before.has(name))
      .filter((name) => hasConfig(`/tmp/${name}`, long));
    assertEquals(left, []);
  }
  await Deno.remove(root, { recursive: true });
});

/** Returns true if a temporary folder is of this test's command. Other tests have folders there too. */
function hasConfig(folder: string, text: string): boolean {
  try {
    return Deno.readTextFileSync(`${folder}/deno.json`).includes(JSON.stringify(text));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

Deno.test("an empty command fails with a message that names its task", async () => {
  const tasks = { empty: "", blank: " \t ", comment: "# nothing", comments: "# a\n\n # b" };
  const files = { "deno.json": { tasks } };
  await compare([{ files, tasks: Object.keys(tasks).map((name) => [name] as const) }]);
  const root = await Deno.realPath(await Deno.makeTempDir());
  await write(root, files);
  {
    await using cooker = new DirectCooker(root);
    for (const name of Object.keys(tasks)) {
      const { events, exitCode } = await cooker.run([name]);
      const reasons = events.flatMap((event) => event.type === "TaskFailed" ? event.reason : []);
      assertEquals([exitCode, reasons], [1, [`Cannot run ${name}: its command is empty`]]);
    }
    const { exitCode, stdout } = await cooker.run(["empty"], { args: ["echo", "a"] });
    assertEquals(
      [exitCode, stdout],
      [0, "a\n"],
      "the arguments become the command, as with deno task",
    );
  }
  await Deno.remove(root, { recursive: true });
});
