/** Umask, nice value and limits of tasks are those of the client, as with `deno task`. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { hasPerl, Project, SIMMER } from "./support.ts";

const ignore = Deno.build.os !== "linux";

const CONFIG = {
  tasks: {
    warm: "echo warm",
    umask: "sh -c umask",
    nice: "nice",
    limits: "sh -c 'for each in n c f s t v; do ulimit -S$each; ulimit -H$each; done'",
    // Commands that the server executes without a process, with a shell, and with a program only.
    builtins: "mkdir -p made/deep && mkdir one && echo x > written && cp run.sh copied",
    shell: "echo $HOME > by-shell && sh -c 'echo x > by-sh'",
    program: "./run.sh",
    stdin: "cat",
    cached: {
      command: "sh -c 'mkdir -p out/deep && echo x > out/deep/file'",
      files: ["run.sh"],
      output: ["out"],
    },
  },
};
const FILES = {
  "deno.json": CONFIG,
  "package.json": { scripts: { script: "sh -c 'umask; nice'", prescript: "echo x > by-script" } },
  "run.sh": "#!/bin/sh\necho x > by-program; umask; nice; ulimit -Hn\n",
};
const MADE = [
  "made",
  "made/deep",
  "one",
  "written",
  "copied",
  "by-shell",
  "by-sh",
  "by-program",
  "by-script",
];
const RUNS = ["umask", "nice", "limits", "builtins", "shell", "program", "script"];

/** Commands of bash that precede a client. */
const PLAIN = "umask 022; ulimit -n 1024; ";
const CLIENTS: readonly string[] = [
  "umask 077; ulimit -n 256; ulimit -c 0; ulimit -Ss 4096; renice -n 5 $$ >&2; ",
  "umask 002; ulimit -n 1000; ulimit -f 100000; ulimit -t 500; ",
  PLAIN,
  "umask 000; ulimit -n 1024; ulimit -Sv 100000000; ",
  "ulimit -n 1024; umask 027; renice -n 3 $$ >&2; ",
];

function after(setup: string, program: readonly string[]): readonly string[] {
  return ["bash", "-c", `${setup} exec "$@"`, "bash", ...program];
}

async function create(): Promise<Project> {
  const project = await Project.create(FILES);
  await Deno.chmod(`${project.root}/run.sh`, 0o755);
  return project;
}

/** Starts a project's server with the attributes of {@linkcode PLAIN}. */
async function served(): Promise<Project> {
  const project = await create();
  const { code, stderr } = await project.runProgram(after(PLAIN, [...SIMMER, "run", "warm"]));
  assertEquals(code, 0, stderr);
  return project;
}

/** Runs the tasks. Returns what they print, and the modes of what they make, which is removed. */
async function outcome(
  project: Project,
  setup: string,
  command: readonly string[],
): Promise<readonly unknown[]> {
  const found: unknown[] = [];
  for (const task of RUNS) {
    const { code, stdout } = await project.runProgram(after(setup, [...command, task]));
    found.push([task, code, stdout]);
  }
  for (const path of MADE) {
    const { mode } = await Deno.stat(`${project.root}/${path}`);
    found.push([path, ((mode ?? 0) & 0o777).toString(8)]);
  }
  for (const path of MADE) {
    if (path !== "made/deep") await Deno.remove(`${project.root}/${path}`, { recursive: true });
  }
  return found;
}

/** Returns the clients: `main.ts`, `cli.ts`, and the quick client if this machine has Perl. */
async function clients(project: Project): Promise<readonly (readonly string[])[]> {
  const [main, cli] = ["main", "cli"].map((name) => [
    Deno.execPath(),
    "run",
    "-A",
    new URL(`../../${name}.ts`, import.meta.url).pathname,
  ]);
  const all = [main ?? [], cli ?? []];
  if (!hasPerl()) return all;
  assertEquals((await project.run(["install", "--dir", "bin"])).code, 0);
  return [[`${project.root}/bin/simmer`], ...all];
}

Deno.test({
  name: "tasks have the client's umask, nice value and limits, whatever those of the server are",
  ignore,
  fn: async () => {
    await using reference = await create();
    await using project = await served();
    const server = await project.serverPid();
    const all = await clients(project);
    for (const setup of CLIENTS) {
      const expected = await outcome(reference, setup, [Deno.execPath(), "task", "--quiet"]);
      for (const client of all) {
        const found = await outcome(project, setup, [...client, "run", "--quiet"]);
        assertEquals(found, expected, `${setup} ${client.join(" ")}`);
      }
    }
    assertEquals(await project.serverPid(), server, "one server has run all tasks");
  },
});

Deno.test({
  name:
    "a task with the client's attributes has stdin, the descriptors and a detached client's too",
  ignore,
  fn: async () => {
    await using project = await served();
    const [strict = ""] = CLIENTS;
    const command = after(strict, [...SIMMER, "run", "-q", "stdin"]);
    assertEquals(
      (await project.runProgram(command, { stdin: "some\nlines" })).stdout,
      "some\nlines",
    );
    const detached = await project.runProgram(
      after(strict, [...SIMMER, "run", "--detach", "shell"]),
    );
    assertEquals(detached.code, 0, detached.stderr);
    assertEquals((await project.run(["run", "-q", "warm"])).stdout, "warm\n");
    assertEquals(((await Deno.stat(`${project.root}/by-sh`)).mode ?? 0) & 0o777, 0o600);
  },
});

Deno.test({
  name: "a restored output has the mode that was recorded, and the umask is not part of the key",
  ignore,
  fn: async () => {
    await using project = await served();
    const modes = (): Promise<number[]> =>
      Promise.all(
        ["out", "out/deep", "out/deep/file"].map(async (path) =>
          ((await Deno.stat(`${project.root}/${path}`)).mode ?? 0) & 0o777
        ),
      );
    const run = async (umask: string): Promise<string> => {
      const client = after(`umask ${umask}; ulimit -n 1024; `, [...SIMMER, "run", "cached"]);
      return (await project.runProgram(client)).stderr;
    };
    await run("027");
    assertEquals(await modes(), [0o750, 0o750, 0o640]);
    await Deno.remove(`${project.root}/out`, { recursive: true });
    assertStringIncludes(await run("077"), "cached, inputs unchanged");
    assertEquals(await modes(), [0o750, 0o750, 0o640]);
  },
});

Deno.test({
  name: "a run says what the server may not set, and the tasks run with what it may set",
  ignore: ignore || Deno.uid() !== 0,
  fn: async () => {
    await using project = await create();
    const drop = ["setpriv", "--bounding-set=-sys_resource,-sys_nice", "--inh-caps=-all"];
    const low = "ulimit -n 1024; renice -n 5 $$ >&2; ";
    await project.runProgram(after(low, [...drop, ...SIMMER, "run", "warm"]));
    const high = after("ulimit -n 2048; umask 077; ", [...SIMMER, "run", "-q", "program"]);
    for (const _ of [1, 2]) {
      const { code, stdout, stderr } = await project.runProgram(high);
      assertEquals([code, stdout], [0, "0077\n5\n1024\n"], stderr);
      assertEquals(
        stderr,
        "simmer: warning: Cannot give tasks the client's nice value 0, hard limit nofile=2048: the " +
          "server may not set that; after 'simmer stop', the next run starts a server that has it\n",
      );
    }
    const same = await project.runProgram(after(low, [...drop, ...SIMMER, "run", "-q", "program"]));
    assertEquals(same.stdout, "0022\n5\n1024\n");
    assertEquals(same.stderr.includes("simmer:"), false, same.stderr);
  },
});
