/** Many builds at once: the server's memory and its answers meanwhile, and what it costs. */

import { assert, assertEquals } from "@std/assert";
import { connect } from "../../client/mod.ts";
import { Project } from "../e2e/support.ts";
import { effort } from "./random.ts";

/** Number of builds at once. */
const BUILDS = 20;

/** Number of tasks of each build: 500 with `SIMMER_SOAK=20` or more. */
const TASKS = Math.min(effort(25), 500);

/** Milliseconds between two pings. */
const PAUSE_MS = 5;

const MIB = 1024 * 1024;

/** Limit of the server's memory, in bytes. */
const MAX_RSS = 300 * MIB;

/**
 * Limit of most pings in milliseconds, and their share. A short run has few pings, and the longest one
 * comes while the server compiles its code.
 */
const [PING_MS, SHARE] = TASKS === 500 ? [50, 0.99] : [250, 0.9];

/**
 * Tasks of the builds:
 *
 * - `own`: each build has its own
 * - `shared`: all builds have the same
 * - `built-in`: each build has its own, which the server executes without processes
 */
type Kind = "own" | "shared" | "built-in";

/** Creates builds of many tasks, named `all-INDEX`. */
async function create(kind: Kind, builds: number, tasks: number): Promise<Project> {
  const rows: [string, unknown][] = [];
  for (let build = 0; build < builds; build++) {
    const prefix = kind === "shared" ? "" : `b${build}-`;
    const names = Array.from({ length: tasks }, (_, index) => `${prefix}t${index}`);
    names.forEach((name, index) => {
      rows.push([name, {
        command: kind === "built-in" ? `echo ${name}` : `/bin/true ${name}`,
        files: ["in.txt"],
        // Chains of ten tasks.
        dependencies: index % 10 === 0 ? [] : names.slice(index - 1, index),
      }]);
    });
    rows.push([`all-${build}`, { dependencies: names }]);
  }
  return await Project.create({
    "deno.json": { tasks: { warm: "echo warm", ...Object.fromEntries(rows) } },
    "in.txt": "",
  });
}

/** Pings the server until work ends. Returns the round-trip times in milliseconds, sorted. */
async function pings(project: Project, work: Promise<unknown>): Promise<number[]> {
  await using session = await connect({ cwd: project.root });
  const times: number[] = [];
  let isOver = false;
  const over = work.finally(() => isOver = true);
  while (!isOver) {
    const begun = performance.now();
    await session.call("ping");
    times.push(performance.now() - begun);
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
  await over;
  return times.sort((a, b) => a - b);
}

async function peakBytes(project: Project): Promise<number> {
  const status = await Deno.readTextFile(`/proc/${await project.serverPid()}/status`);
  return 1024 * Number(/^VmHWM:\s*(\d+) kB/m.exec(status)?.[1]);
}

async function runAll(project: Project, builds: number): Promise<void> {
  const runs = Array.from({ length: builds }, (_, build) => project.run(["run", `all-${build}`]));
  for (const { code, stderr } of await Promise.all(runs)) assertEquals(code, 0, stderr);
}

function print(text: string): void {
  // deno-lint-ignore no-console -- the figures of a run
  console.log(`  ${text}`);
}

for (const kind of ["own", "shared", "built-in"] as const) {
  Deno.test(`${BUILDS} builds of ${TASKS} tasks at once (${kind}) leave the server small and responsive`, async () => {
    await using project = await create(kind, BUILDS, TASKS);
    assertEquals((await project.run(["run", "-q", "warm"])).code, 0);
    const begun = performance.now();
    const times = await pings(project, runAll(project, BUILDS));
    const ms = performance.now() - begun;
    const quantile = (share: number): number => times[Math.floor(times.length * share)] ?? 0;
    const rss = await peakBytes(project);
    print(
      `${kind}: ${Math.round(ms)} ms, ${times.length} pings, p99 ${
        quantile(0.99).toFixed(1)
      } ms, ` +
        `longest ${(times.at(-1) ?? 0).toFixed(1)} ms, ${Math.round(rss / MIB)} MiB at most`,
    );
    assert(times.length >= 10, `${times.length} pings`);
    assert(quantile(SHARE) < PING_MS, `${SHARE}: ${quantile(SHARE)} ms`);
    assert(rss < MAX_RSS, `${rss} bytes`);
  });
}

Deno.test("ten builds at once take no longer than the same ones one after another", async () => {
  const [builds, tasks] = [10, Math.min(TASKS, 100)];
  const times: Record<string, number> = {};
  for (const order of ["at once", "in turn"] as const) {
    await using project = await create("own", builds, tasks);
    assertEquals((await project.run(["run", "-q", "warm"])).code, 0);
    const begun = performance.now();
    if (order === "at once") await runAll(project, builds);
    for (let build = 0; order === "in turn" && build < builds; build++) {
      assertEquals((await project.run(["run", `all-${build}`])).code, 0);
    }
    times[order] = performance.now() - begun;
  }
  const [atOnce = 0, inTurn = 0] = [times["at once"], times["in turn"]];
  print(`at once ${Math.round(atOnce)} ms, in turn ${Math.round(inTurn)} ms`);
  // Other processes of tests may slow one of the two down.
  assert(atOnce < 2 * inTurn, `${atOnce} ms at once, ${inTurn} ms in turn`);
});
