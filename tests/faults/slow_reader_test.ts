import { assert, assertEquals } from "@std/assert";
import { Project, SIMMER } from "../e2e/support.ts";
import { encodeFrame } from "../../wire/frame.ts";
import { request } from "../../wire/messages.ts";
import { helloParams } from "../server/support.ts";

/** Bytes that the task writes. */
const OUTPUT = 400 * 1024 * 1024;

/**
 * Bytes by which the server may grow at its peak. Its queues are bounded. Garbage that the runtime
 * has not collected yet is on top of them, and does not grow with the output.
 */
const GROWTH = OUTPUT * 3 / 4;

/** Number of polls without progress after which a writer counts as held back. */
const STILL = 5;

const CONFIG = {
  tasks: { big: `sh -c 'yes "a line of a compiler" | head -c ${OUTPUT} && true > whole'` },
};

/** The words that run each client. */
const CLIENTS = {
  "the quick client": SIMMER,
  "the whole client": SIMMER.map((word) => word.replace(/main\.ts$/, "cli.ts")),
};

/** Returns a memory size of a process in bytes, from `/proc`. */
async function sizeOf(pid: number, name: "VmRSS" | "VmHWM"): Promise<number> {
  const status = await Deno.readTextFile(`/proc/${pid}/status`);
  return 1024 * Number(new RegExp(`^${name}:\\s*(\\d+) kB`, "m").exec(status)?.[1]);
}

/** Creates a project with a warm server. `before` is the server's size in bytes. */
async function warm(): Promise<{ project: Project; pid: number; before: number }> {
  const project = await Project.create({ "deno.json": CONFIG });
  assertEquals((await project.run(["run", "--eval", "echo warm"])).code, 0);
  const pid = await project.serverPid();
  return { project, pid, before: await sizeOf(pid, "VmRSS") };
}

async function checkPeak(pid: number, before: number): Promise<void> {
  const growth = await sizeOf(pid, "VmHWM") - before;
  const megabytes = (growth / 2 ** 20).toFixed(0);
  assert(growth < GROWTH, `the server has grown by ${megabytes} MiB`);
}

/**
 * Returns whether the task stops writing before its end. Polls, because the kernel does not report
 * that a writer is blocked.
 */
async function isHeldBack(project: Project): Promise<boolean> {
  let last = "";
  for (let still = 0; still < STILL;) {
    const { stdout } = await project.runProgram(["sh", "-c", HOW_FAR]);
    if (stdout.includes("whole")) return false;
    still = stdout !== "" && stdout === last ? still + 1 : 0;
    last = stdout;
  }
  return true;
}

/** Prints how many bytes this project's `head` has written, and `whole` when it has ended. */
const HOW_FAR = `for p in /proc/[0-9]*; do
  case $(readlink $p/exe) in */head | */coreutils) [ "$(readlink $p/cwd)" = "$PWD" ] && grep wchar $p/io;; esac
done; ls whole; true`;

for (const [client, words] of Object.entries(CLIENTS)) {
  Deno.test(`${OUTPUT / 2 ** 20} MiB of output through ${client} is held back in bounded memory for a stalled reader, and arrives whole`, async () => {
    const { project, pid, before } = await warm();
    await using _ = project;
    assertEquals((await project.runProgram(["mkfifo", "go"])).code, 0);
    const reader = `"$@" | { head -c 1; cat go; cat; } | wc -c`;
    const running = project.startProgram(["sh", "-c", reader, "sh", ...words, "run", "big"]);
    assert(await isHeldBack(project), "the task has written everything, and nobody has read it");
    assertEquals((await project.run(["ping"])).code, 0);
    assertEquals((await project.runProgram(["sh", "-c", "true > go"])).code, 0);
    const { code, stdout, stderr } = await running.finished();
    assertEquals([code, Number(stdout)], [0, OUTPUT], stderr);
    await checkPeak(pid, before);
  });
}

Deno.test(`an observer that never reads ${OUTPUT / 2 ** 20} MiB of output costs the server only a bounded queue`, async () => {
  const { project, pid, before } = await warm();
  await using _ = project;
  const path = project.socket();
  using observer = await Deno.connect({ transport: "unix", path });
  await observer.write(encodeFrame(request(1, "hello", helloParams({ role: "observer" }))));
  const { code, stdout, stderr } = await project.runProgram([
    "sh",
    "-c",
    `"$@" | wc -c`,
    "sh",
    ...SIMMER,
    "run",
    "big",
  ]);
  assertEquals([code, Number(stdout)], [0, OUTPUT], stderr);
  await checkPeak(pid, before);
});
