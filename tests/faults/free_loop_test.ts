/** Large inputs and many inputs: the server keeps answering while it hashes them. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { connect } from "../../client/mod.ts";
import { pathExists } from "../../system/files/path_exists.ts";
import { Project } from "../e2e/support.ts";
import { effort } from "./random.ts";

/**
 * Size of the large input in bytes: 1 GiB by default, at most 3 GiB with `SIMMER_SOAK`. The file is
 * sparse and takes no disk space. A smaller file would be hashed before enough pings are answered.
 */
const LARGE = Math.min(effort(1024), 3 * 1024) * 1024 * 1024;

/** Number of inputs: 24,000 by default, at most 200,000 with `SIMMER_SOAK`. */
const MANY = Math.min(effort(24_000), 200_000);

const TEMPORARY = "/tmp";
/** A folder for temporary files in memory. */
const MEMORY = pathExists("/dev/shm") ? "/dev/shm" : TEMPORARY;

/** Number of files in one folder. A server that lists them in one step is blocked meanwhile. */
const IN_ONE_FOLDER = MANY / 4;

/** Pings the server until `work` settles. Returns the round-trip times in milliseconds, sorted. */
async function pings(project: Project, work: Promise<unknown>): Promise<number[]> {
  await using session = await connect({ cwd: project.root });
  const times: number[] = [];
  let isOver = false;
  const over = work.finally(() => isOver = true);
  while (!isOver) {
    const begun = performance.now();
    assertEquals(await session.call("ping"), "Still alive!");
    times.push(performance.now() - begun);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  await over;
  return times.sort((a, b) => a - b);
}

/** Runs a task, and checks that 99% of the pings meanwhile take less than a quarter of the run. */
async function runPinged(project: Project, task: string): Promise<string> {
  const begun = performance.now();
  let stderr = "";
  const times = await pings(
    project,
    project.run(["run", task]).then((finished) => {
      stderr = finished.stderr;
      assertEquals(finished.code, 0, stderr);
    }),
  );
  const ms = performance.now() - begun;
  const p99 = times[Math.floor(times.length * 0.99)] ?? 0;
  const figures = `${times.length} pings in ${Math.round(ms)} ms, p99 ${p99.toFixed(1)} ms, ` +
    `longest ${(times.at(-1) ?? 0).toFixed(1)} ms`;
  // deno-lint-ignore no-console -- the figures of a run
  console.log(`  ${task}: ${figures}`);
  // A server that hashes everything in one step answers only after the run.
  assert(times.length >= 10, figures);
  assert(p99 < ms / 4, figures);
  return stderr;
}

async function residentBytes(project: Project): Promise<number> {
  const status = await Deno.readTextFile(`/proc/${await project.serverPid()}/status`);
  return 1024 * Number(/^VmHWM:\s*(\d+) kB/m.exec(status)?.[1]);
}

Deno.test(`the server answers pings while it hashes a large input (${LARGE / 1024 ** 2} MiB), and never holds it in memory`, async () => {
  await using project = await Project.create({
    "deno.json": {
      tasks: {
        warm: "echo warm",
        build: { command: "echo run", files: ["big.bin"] },
        linked: { command: "echo run", files: ["link"] },
      },
    },
  });
  await project.write("big.bin", "");
  await Deno.truncate(`${project.root}/big.bin`, LARGE);
  await Deno.symlink("big.bin", `${project.root}/link`);
  assertEquals((await project.run(["run", "warm"])).code, 0);
  const before = await residentBytes(project);
  // The server stores the first result after the run, so the second run waits for its digest.
  assertEquals((await project.run(["run", "build"])).code, 0);
  await runPinged(project, "build");
  await runPinged(project, "linked");
  assertStringIncludes((await project.run(["run", "build"])).stderr, "1 cached");
  assert(await residentBytes(project) - before < 128 * 1024 * 1024);
  // The server detects a change in the middle of the file.
  const file = await Deno.open(`${project.root}/big.bin`, { write: true });
  await file.seek(LARGE / 2, Deno.SeekMode.Start);
  await file.write(new Uint8Array([1]));
  file.close();
  const stderr = await runPinged(project, "build");
  assert(!stderr.includes("cached"), stderr);
});

/**
 * Creates a project with many inputs. They are in memory if there is room, because a disk takes up to
 * ten seconds to create them.
 */
async function createMany(dir = MEMORY): Promise<Project> {
  const project = await Project.create({
    "deno.json": {
      tasks: {
        warm: "echo warm",
        build: { command: "echo run", files: ["src"] },
        other: { command: "echo run", files: ["src/**/*.ts"] },
      },
    },
  }, dir);
  try {
    for (let index = 0; index < MANY; index++) {
      const folder = index < IN_ONE_FOLDER ? "src" : `src/d${Math.floor(index / 500)}`;
      Deno.mkdirSync(`${project.root}/${folder}`, { recursive: true });
      const path = `${project.root}/${folder}/f${index}.ts`;
      Deno.writeTextFileSync(path, `export const a = ${index};`);
    }
    return project;
  } catch (error) {
    await project[Symbol.asyncDispose]();
    const isFull = error instanceof Error && "code" in error && error.code === "ENOSPC";
    if (!isFull || dir === TEMPORARY) throw error;
    return await createMany(TEMPORARY);
  }
}

Deno.test(`the server answers pings while it hashes ${MANY} inputs`, async () => {
  await using project = await createMany();
  assertEquals((await project.run(["run", "warm"])).code, 0);
  // The server stores the first result after the run. This work is sliced, too.
  await runPinged(project, "build");
  await runPinged(project, "build");
  await runPinged(project, "other");
  assertStringIncludes((await project.run(["run", "build"])).stderr, "1 cached");
  await project.write("src/f7.ts", "changed");
  assert(!(await runPinged(project, "build")).includes("cached"));
  assertStringIncludes((await project.run(["run", "build"])).stderr, "1 cached");
});
