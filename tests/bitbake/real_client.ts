/**
 * BitBake's own, unmodified client against simmer's server: `BITBAKE_DIR=… deno task test:bitbake`.
 *
 * Each case is a command line with what it has to print and its exit code.
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

const CASES: readonly Case[] = [
  { args: ["demo"], code: 0, says: ["prep: Succeeded", "hello", "demo: Succeeded"] },
  { args: ["-c", "compile", "demo"], code: 0, says: ["compiled"] },
  { args: ["fail"], code: 1, says: ["failed with exit code '3'", "Summary: 1 task failed"] },
  { args: ["-k", "fail", "demo"], code: 1, says: ["hello", "Summary: 1 task failed"] },
  { args: ["nobody"], code: 1, says: ["nobody"] },
  { args: ["-n", "demo"], code: 0, says: ["would run: demo"] },
  { args: ["cached"], code: 0, says: ["1 run, 0 cached"] },
  { args: ["cached"], code: 0, says: ["0 run, 1 cached"] },
  { args: ["-f", "cached"], code: 0, says: ["1 run, 0 cached"] },
  { args: ["-p"], code: 0, says: ["5 parsed"] },
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
    cached: { command: "cat deno.json > copy.txt", files: ["deno.json"], output: ["copy.txt"] },
  },
};

function say(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));
}

async function main(): Promise<number> {
  if (BITBAKE_DIR === undefined) {
    say("skipped: BITBAKE_DIR does not say where BitBake is");
    return 0;
  }
  let failed = 0;
  for (const terminal of [false, true]) {
    await using project = await Project.create({ "deno.json": TASKS });
    const server = project.start(["serve", "--bitbake"]);
    await server.stderr.until("BitBake: ");
    for (const { args, code, says } of CASES) {
      const began = performance.now();
      const program = [`${BITBAKE_DIR}/bin/bitbake`, ...args];
      const finished = await project.runProgram(program, { terminal });
      const text = finished.stdout + finished.stderr;
      const missing = says.filter((words) => !text.includes(words));
      const isRight = finished.code === code && missing.length === 0;
      if (!isRight) failed++;
      const where = terminal ? "terminal" : "pipe";
      const took = `${Math.round(performance.now() - began)} ms`;
      say(
        `${isRight ? "ok" : "FAILED"} ${where}: bitbake ${
          args.join(" ")
        } (${finished.code}, ${took})`,
      );
      if (!isRight) say(`  missing: ${missing.join("; ")}\n${text}`);
    }
    await server.finished();
  }
  say(`${2 * CASES.length - failed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

Deno.exit(await main());
