/** Processes that tasks leave in the background: which are waited for, ended, named and kept. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { pathExists } from "../../system/files/path_exists.ts";
import { isProcessAlive } from "../../system/process/processes.ts";
import { processesIn, Project, SIMMER } from "./support.ts";

/** Seconds that a background process runs. A run that does not wait for it takes less. */
const RUNS = 4;

const SETSID = "/usr/bin/setsid";
const LATER = `sleep ${RUNS}; echo late; echo > late.txt`;

const CONFIG = {
  tasks: {
    open: `sh -c '(${LATER}) & echo x'`,
    closed: `sh -c '(${LATER}) >/dev/null 2>&1 & echo x'`,
    failing: `sh -c '(${LATER}) & exit 3'`,
    inShell: `sh -c '${LATER}' & echo x`,
    inShellClosed: `sh -c '${LATER}' > /dev/null & echo x`,
    other: "echo other",
    pair: { dependencies: ["open", "other"] },
    pairClosed: { dependencies: ["closed", "other"] },
    pairFailing: { dependencies: ["failing", "other"] },
    next: {
      command: "sh -c 'test -e late.txt && echo waited'",
      dependencies: ["open", "other"],
    },
  },
};

const CASES: readonly (readonly string[])[] = [
  ["open"],
  ["closed"],
  ["inShell"],
  ["inShellClosed"],
  ["failing"],
  ["pair"],
  ["-j1", "pair"],
  ["--no-prefix", "pair"],
  ["pairClosed"],
  ["pairFailing"],
  ["next"],
  ["--no-prefix", "next"],
];

/** Runs a task. Its output is a file, because a background process could hold a pipe open. */
async function outcome(command: readonly string[], args: readonly string[]): Promise<unknown> {
  await using project = await Project.create({ "deno.json": CONFIG });
  const script = '"$@" > stdout.txt 2> stderr.txt; code=$?; test -e late.txt; echo $code $?';
  const { stdout } = await project.runProgram(["bash", "-c", script, "bash", ...command, ...args]);
  const lines = (await project.read("stdout.txt")).split("\n").sort();
  // `deno task` leaves processes running, which hold the project's folder.
  while ((await processesIn(project.root)).some(({ words }) => words.includes("sleep"))) {
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return { codes: stdout, lines };
}

Deno.test("a run waits for background processes of a task if and only if deno task does", async () => {
  const compare = async (args: readonly string[]): Promise<void> => {
    const [ours, theirs] = await Promise.all([
      outcome([...SIMMER, "run", "--no-server", "-q"], args),
      outcome([Deno.execPath(), "task", "-q"], args),
    ]);
    assertEquals(ours, theirs, args.join(" "));
  };
  for (let at = 0; at < CASES.length; at += 4) {
    await Promise.all(CASES.slice(at, at + 4).map(compare));
  }
});

Deno.test("a process that a task leaves running is ended and named in one line", async () => {
  await using project = await Project.create({
    "deno.json": {
      tasks: {
        one: "sh -c 'sleep 600 & echo x'",
        many: "sh -c 'for each in 1 2 3 4 5; do sleep 600 & done'",
        secret: "sh -c 'sh -c \"sleep 600; true\" --password hush & echo x'",
        none: "sh -c 'sleep 0 & wait; echo x'",
        all: { dependencies: ["one", "none"] },
      },
    },
  });
  for (const how of [[], ["--no-server"]]) {
    const one = await project.run(["run", "-q", ...how, "one"]);
    assertEquals([one.code, one.stdout], [0, "x\n"]);
    assertMatch(
      one.stderr,
      /^simmer: warning: one left 'sleep 600' \(pid \d+\) running: ended it with the run; 'setsid -f COMMAND' starts a process that stays\n$/,
    );
    const [, pid] = /pid (\d+)/.exec(one.stderr) ?? [];
    assertEquals(isProcessAlive(Number(pid)), false);
    const many = await project.run(["run", "-q", ...how, "many"]);
    assertMatch(
      many.stderr,
      /many left ('sleep 600' \(pid \d+\),? ){3}and 2 more running: ended them/,
    );
    const secret = await project.run(["run", "-q", ...how, "secret"]);
    assertStringIncludes(secret.stderr, "--password ***");
    assertEquals(secret.stderr.includes("hush"), false, secret.stderr);
    const none = await project.run(["run", "-q", ...how, "none"]);
    assertEquals([none.code, none.stdout, none.stderr], [0, "x\n", ""]);
  }
});

Deno.test("a process that 'setsid -f' starts stays, and the run does not wait for it", async () => {
  await using project = await Project.create({
    "daemon.sh": "#!/bin/sh\nexec > log 2>&1\necho $$ > pid; exec sleep 600\n",
    "deno.json": {
      tasks: {
        daemon: "setsid -f sh -c 'echo $$ > pid; exec sleep 600' &> log",
        direct: `${SETSID} -f ./daemon.sh`,
        other: "echo other",
        both: { dependencies: ["daemon", "other"] },
      },
    },
  });
  await Deno.chmod(`${project.root}/daemon.sh`, 0o755);
  for (const task of ["daemon", "both", ...Array<string>(20).fill("direct")]) {
    const { code, stderr } = await project.run(["run", "-q", task]);
    assertEquals([code, stderr], [0, ""]);
    while (!pathExists(`${project.root}/pid`) || (await project.read("pid")) === "") {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    const pid = Number(await project.read("pid"));
    assert(isProcessAlive(pid));
    Deno.kill(pid, "SIGKILL");
    await Deno.remove(`${project.root}/pid`);
  }
});

Deno.test("a run that waits for background output says for which process, and Ctrl-C ends it", async () => {
  await using project = await Project.create({
    "deno.json": {
      tasks: {
        open: "sh -c 'sleep 600 & echo x'",
        other: "echo other",
        pair: { dependencies: ["open", "other"] },
      },
    },
  });
  const run = project.start(["run", "-q", "pair"]);
  await run.stderr.until("held open by 'sleep 600' (pid ");
  run.kill("SIGINT");
  const { code, stderr } = await run.finished();
  assertEquals(code, 0, stderr);
  assertMatch(stderr, /open has ended, but its output is held open by 'sleep 600' \(pid \d+\)/);
});
