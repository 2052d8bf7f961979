/**
 * Tests of the real, unmodified BitBake with simmer: `BITBAKE_DIR=… deno task test:bitbake`.
 *
 * Each case is a command line, its exit code, and texts that it must print.
 *
 * @module
 */

import { Project } from "../e2e/support.ts";

const BITBAKE_DIR = Deno.env.get("BITBAKE_DIR");

interface Case {
  readonly args: readonly string[];
  readonly code: number;
  readonly says: readonly string[];
}

/** Returns the last note of a build. */
function summary(attempted: number, skipped: number, outcome: string): string {
  return `NOTE: Tasks Summary: Attempted ${attempted} tasks of which ${skipped} didn't need to ` +
    `be rerun and ${outcome}.`;
}

const CASES: readonly Case[] = [
  {
    args: ["demo"],
    code: 0,
    says: ["prep: Succeeded", "hello", "demo: Succeeded", summary(2, 0, "all succeeded")],
  },
  { args: ["-c", "compile", "demo"], code: 0, says: ["compiled"] },
  { args: ["fail"], code: 1, says: ["failed with exit code '3'", "Summary: 1 task failed"] },
  { args: ["-k", "fail", "demo"], code: 1, says: ["hello", summary(3, 0, "1 failed")] },
  { args: ["nobody"], code: 1, says: ["nobody"] },
  { args: ["-n", "demo"], code: 0, says: ["would run: demo"] },
  { args: ["cached"], code: 0, says: [summary(1, 0, "all succeeded")] },
  { args: ["cached"], code: 0, says: [summary(1, 1, "all succeeded")] },
  { args: ["-f", "cached"], code: 0, says: [summary(1, 0, "all succeeded")] },
  { args: ["-S", "none", "demo"], code: 1, says: ["-S is not supported: "] },
  { args: ["--setscene-only", "demo"], code: 1, says: ["--setscene-only is not supported: "] },
  { args: ["--runall", "compile", "demo"], code: 1, says: ["--runall is not supported: "] },
  { args: ["--runonly", "compile", "demo"], code: 1, says: ["--runonly is not supported: "] },
  { args: ["-C", "compile", "demo"], code: 1, says: ["-C is not supported: "] },
  { args: ["-r", "a.conf", "demo"], code: 1, says: ["-r is not supported: "] },
  { args: ["-R", "a.conf", "demo"], code: 1, says: ["-R is not supported: "] },
  { args: ["-w", "a.json", "demo"], code: 1, says: ["-w is not supported: "] },
  { args: ["-b", "a.bb"], code: 1, says: ["-b is not supported: "] },
  { args: ["-p"], code: 0, says: ["7 parsed"] },
  { args: ["-s"], code: 0, says: ["demo:compile"] },
  { args: ["-e"], code: 0, says: ["SIMMER_ROOT="] },
  { args: ["-e", "demo"], code: 0, says: ['command="echo hello"'] },
  { args: ["-g", "demo"], code: 0, says: ["task-depends.dot"] },
  { args: ["--status-only"], code: 0, says: [] },
  { args: ["-T", "60", "demo"], code: 0, says: ["hello"] },
  { args: ["-m"], code: 0, says: ["Terminated"] },
];

const TASKS = {
  tasks: {
    demo: { command: "echo hello", dependencies: ["prep"] },
    prep: "echo prepared",
    fail: "echo trying && exit 3",
    "demo:compile": "echo compiled",
    slow: "echo begun && cat wait.fifo",
    stubborn: "sh -c \"trap '' TERM; echo begun; cat wait.fifo; cat wait.fifo\"",
    cached: { command: "cat deno.json > copy.txt", files: ["deno.json"], output: ["copy.txt"] },
  },
};

function say(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));
}

/** Layer of three recipes, and its build folder. */
const LAYER: Readonly<Record<string, string>> = {
  // The disposal of a Project stops its simmer server, for which a config must exist.
  "deno.json": "{}\n",
  "build/conf/bblayers.conf": 'BBPATH = "${TOPDIR}"\nBBLAYERS = "${TOPDIR}/../layer"\n',
  "layer/conf/layer.conf": [
    'BBPATH .= ":${LAYERDIR}"',
    'BBFILES += "${LAYERDIR}/recipes/*.bb"',
    'BBFILE_COLLECTIONS += "demo"',
    'BBFILE_PATTERN_demo = "^${LAYERDIR}/"',
    'LAYERSERIES_CORENAMES = "demo"',
    'LAYERSERIES_COMPAT_demo = "demo"',
    "",
  ].join("\n"),
  "layer/recipes/hello_1.0.bb": 'do_build() {\n  echo hello\n}\ndo_build[nostamp] = "1"\n',
  "layer/recipes/failing_1.0.bb": "do_build() {\n  exit 7\n}\n",
  "layer/recipes/slow_1.0.bb": "do_build() {\n  cat ${TOPDIR}/../wait.fifo\n}\n",
};

/** Command lines of simmer on BitBake's own server. */
const DRIVING: readonly Case[] = [
  { args: ["ping"], code: 0, says: ["Still alive!"] },
  { args: ["status"], code: 0, says: ["BitBake's own server"] },
  { args: ["call", "getVariable", '"TOPDIR"'], code: 0, says: ["/build"] },
  { args: ["call", "setFeatures", "[2, 1]"], code: 0, says: ["null"] },
  { args: ["call", "showVersions"], code: 0, says: ["Recipe Name", "hello", "true"] },
  { args: ["call", "noSuchThing"], code: 2, says: ["BitBake's server has no command"] },
  { args: ["run", "hello"], code: 0, says: ["1 task run in", "NOTE: Tasks Summary: Attempted"] },
  { args: ["run", "hello:do_build"], code: 0, says: ["1 task run in"] },
  { args: ["run", "failing"], code: 1, says: ["failing-1.0-r0:do_build failed"] },
  { args: ["run", "nobody"], code: 1, says: ["Nothing provides nobody"] },
  { args: ["run", "--json", "hello"], code: 0, says: ['"TaskSucceeded"', '"BitbakeEvent"'] },
];

class Report {
  #passed = 0;
  #failed = 0;

  case(name: string, isRight: boolean, text: string): void {
    if (isRight) this.#passed++;
    else this.#failed++;
    say(`${isRight ? "ok" : "FAILED"} ${name}`);
    if (!isRight) say(text);
  }

  end(): number {
    say(`${this.#passed} passed, ${this.#failed} failed`);
    return this.#failed === 0 ? 0 : 1;
  }
}

/** Runs programs one after the other, and checks their output and exit codes. */
async function runAll(
  report: Report,
  project: Project,
  cases: readonly Case[],
  { where, program, terminal = false }: {
    readonly where: string;
    readonly program: (args: readonly string[]) => readonly string[];
    readonly terminal?: boolean;
  },
): Promise<void> {
  for (const { args, code, says } of cases) {
    const began = performance.now();
    const finished = await project.runProgram(program(args), { terminal, env: UTF8 });
    const text = finished.stdout + finished.stderr;
    const isRight = finished.code === code && says.every((words) => text.includes(words));
    const took = `${Math.round(performance.now() - began)} ms`;
    report.case(`${where}: ${args.join(" ")} (${finished.code}, ${took})`, isRight, text);
  }
}

const UTF8 = { LANG: "en_US.UTF-8" };

/** Cases for XML-RPC, where the client does not search for a server by itself. */
const REMOTE: readonly Case[] = CASES.filter(({ args }) => args[0] !== "-T");

/** Runs BitBake's own client on simmer's server. */
async function serving(report: Report, bitbake: string): Promise<void> {
  for (const terminal of [false, true]) {
    await using project = await Project.create({ "deno.json": TASKS });
    await project.runProgram(["mkfifo", "wait.fifo"]);
    const server = project.start(["serve", "--bitbake"]);
    await server.stderr.until("BitBake: ");
    const program = (args: readonly string[]): readonly string[] => [bitbake, ...args];
    await interrupted(report, project, program, 1);
    await interrupted(report, project, program, 2);
    await killed(report, project, bitbake);
    const where = `bitbake, ${terminal ? "terminal" : "pipe"}`;
    await runAll(report, project, CASES, { where, program, terminal });
    await server.finished();
  }
}

async function interrupted(
  report: Report,
  project: Project,
  program: (args: readonly string[]) => readonly string[],
  times: number,
): Promise<void> {
  const target = times === 1 ? "slow" : "stubborn";
  const build = project.startProgram(program([target]), { env: UTF8 });
  await build.stdout.until("begun");
  build.kill("SIGINT");
  if (times === 2) {
    await build.stdout.until("closing down");
    build.kill("SIGINT");
  }
  const { code, stdout, stderr } = await build.finished();
  report.case(`bitbake, ${times} x Ctrl-C (${code})`, code !== 0, stdout + stderr);
}

async function killed(report: Report, project: Project, bitbake: string): Promise<void> {
  const build = project.startProgram([bitbake, "slow"], { env: UTF8 });
  await build.stdout.until("begun");
  const status = await project.runProgram([bitbake, "--status-only"], { env: UTF8 });
  report.case("bitbake --status-only during a build", status.code === 0, status.stdout);
  build.kill("SIGKILL");
  await build.finished();
  const next = await project.runProgram([bitbake, "demo"], { env: UTF8 });
  report.case("bitbake after a killed bitbake", next.code === 0, next.stdout + next.stderr);
}

function untilLater(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 50));
}

/** Runs BitBake's own client on simmer's XML-RPC server, together with an observer. */
async function servingRemotely(report: Report, bitbake: string): Promise<void> {
  await using project = await Project.create({ "deno.json": TASKS });
  await project.runProgram(["mkfifo", "wait.fifo"]);
  const server = project.start(["serve", "--bitbake", "--xmlrpc", "0"]);
  await server.stderr.until("BitBake: ");
  const address = project.xmlrpc();
  const program = (args: readonly string[]): readonly string[] => [
    bitbake,
    `--remote-server=${address}`,
    ...args,
  ];
  const observer = project.startProgram(program(["--observe-only"]), { env: UTF8 });
  // It misses events from before it has connected.
  while (!(await project.run(["status"])).stdout.includes("observer")) await untilLater();
  await interrupted(report, project, program, 1);
  await interrupted(report, project, program, 2);
  await runAll(report, project, REMOTE, { where: "bitbake, XML-RPC", program });
  await server.finished();
  const { code, stdout, stderr } = await observer.finished();
  // The observer runs until the first build ends.
  const isRight = stdout.includes("slow: Started") && stdout.includes("begun");
  report.case(`bitbake, XML-RPC: an observer (${code})`, isRight, stdout + stderr);
}

/** Runs simmer on BitBake's own server, by its socket and by XML-RPC. */
async function driving(report: Report, folder: string, bitbake: string): Promise<void> {
  await using project = await Project.create(LAYER);
  await project.runProgram(["mkfifo", "wait.fifo"]);
  for (const path of ["conf/bitbake.conf", "classes/base.bbclass"]) {
    await project.write(`layer/${path}`, await Deno.readTextFile(`${folder}/${path}`));
  }
  for (const way of ["socket", "XML-RPC"]) {
    const server = [
      "--server-only",
      "-T",
      "-1",
      ...(way === "socket" ? [] : ["-B", "127.0.0.1:0"]),
    ];
    const env = { ...UTF8, PWD: `${project.root}/build` };
    await project.runProgram([bitbake, ...server], { folder: "build", env });
    const [pid = "", remote = ""] = (await project.read("build/bitbake.lock")).trim().split(" ");
    const address = way === "socket" ? `unix:${project.root}/build/bitbake.sock` : remote;
    const program = (args: readonly string[]): readonly string[] => [
      ...SIMMER,
      "--server",
      address,
      ...args,
    ];
    await runAll(report, project, DRIVING, { where: `simmer, ${way}`, program });
    await parsedOnce(report, project, { way, bitbake, program });
    const slow = project.startProgram(program(["run", "slow"]), { env: UTF8 });
    await slow.stderr.until("Task do_build");
    const began = performance.now();
    Deno.kill(Number(pid), "SIGKILL");
    const { code, stderr } = await slow.finished();
    const took = `${Math.round(performance.now() - began)} ms`;
    report.case(`simmer, ${way}: server killed (${code}, ${took})`, code === 3, stderr);
    // Unblocks the task, which outlives its server.
    using fifo = await Deno.open(`${project.root}/wait.fifo`, { read: true, write: true });
    fifo.writeSync(new TextEncoder().encode("\n"));
    for (const name of ["bitbake.lock", "bitbake.sock"]) {
      await Deno.remove(`${project.root}/build/${name}`);
    }
    await project.runProgram([bitbake, ...server], { folder: "build", env: UTF8 });
    const [, again = ""] = (await project.read("build/bitbake.lock")).trim().split(" ");
    const there = way === "socket" ? address : again;
    const stop = await project.runProgram([...SIMMER, "--server", there, "stop"]);
    report.case(`simmer, ${way}: stop (${stop.code})`, stop.code === 0, stop.stderr);
    await project.runProgram([bitbake, "-m"], { folder: "build", env: UTF8 });
  }
}

/** Log messages of a server that a client makes read its configuration again. */
const READ_AGAIN = /Base config invalidated|Reseting due to feature|Marking as dirty/g;

/** Runs BitBake's own client and simmer in turns. The server must keep its configuration. */
async function parsedOnce(
  report: Report,
  project: Project,
  { way, bitbake, program }: {
    readonly way: string;
    readonly bitbake: string;
    readonly program: (args: readonly string[]) => readonly string[];
  },
): Promise<void> {
  const folder = "build";
  const env = { ...UTF8, PWD: `${project.root}/${folder}` };
  const next = async (): Promise<number> =>
    (await project.runProgram([bitbake, "hello"], { folder, env })).code;
  const readAgain = async (): Promise<number> =>
    (await project.read("build/bitbake-cookerdaemon.log")).match(READ_AGAIN)?.length ?? 0;
  await next();
  const before = await readAgain();
  const codes: number[] = [];
  for (const args of [["status"], ["call", "getVariable", '"TOPDIR"'], ["run", "hello"]]) {
    const contact = await project.runProgram(program(args), { env: { PWD: project.root } });
    codes.push(contact.code, await next());
  }
  const count = await readAgain() - before;
  const isRight = count === 0 && codes.every((code) => code === 0);
  report.case(`simmer, ${way}: bitbake parses nothing again (${count})`, isRight, `${codes}`);
}

const SIMMER = [Deno.execPath(), "run", "-A", new URL("../../main.ts", import.meta.url).pathname];

async function main(): Promise<number> {
  if (BITBAKE_DIR === undefined) {
    say("skipped: BITBAKE_DIR does not say where BitBake is");
    return 0;
  }
  const report = new Report();
  const bitbake = `${BITBAKE_DIR}/bin/bitbake`;
  await serving(report, bitbake);
  await servingRemotely(report, bitbake);
  await driving(report, BITBAKE_DIR, bitbake);
  return report.end();
}

Deno.exit(await main());
