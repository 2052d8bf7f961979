import { assertEquals, assertStringIncludes } from "@std/assert";
import { Project } from "../e2e/support.ts";

const TASKS = {
  tasks: {
    prep: "echo prepared",
    demo: { command: "echo hello", dependencies: ["prep"] },
    fail: "echo trying && exit 3",
    slow: "echo begun && cat wait.fifo",
  },
};

const WAYS = ["its socket", "XML-RPC"] as const;
type Way = typeof WAYS[number];

/** Starts a server with BitBake's protocol. Returns it with a client's options to reach it. */
async function open(way: Way): Promise<{
  readonly project: Project;
  readonly server: ReturnType<Project["start"]>;
  readonly there: readonly string[];
}> {
  const project = await Project.create({ "deno.json": TASKS });
  await project.runProgram(["mkfifo", "wait.fifo"]);
  const server = project.start(["serve", "--bitbake", "--xmlrpc=0"]);
  await server.stderr.until("BitBake: ");
  const address = project.xmlrpc();
  const where = way === "XML-RPC" ? address : `unix:${project.root}/bitbake.sock`;
  return { project, server, there: ["--server", where] };
}

for (const way of WAYS) {
  Deno.test(`by ${way}: ping, status, call and run work with a server that speaks BitBake's protocol`, async () => {
    const { project, server, there } = await open(way);
    try {
      const ping = await project.run(["ping", ...there]);
      assertEquals([ping.code, ping.stdout.slice(0, 12)], [0, "Still alive!"], ping.stderr);
      const status = await project.run(["status", "--json", ...there]);
      const { pid, version } = JSON.parse(status.stdout);
      assertEquals(pid, way === "XML-RPC" ? undefined : server.pid);
      assertEquals(version, "BitBake null");
      const call = await project.run(["call", "getVariable", '"TOPDIR"', ...there]);
      assertEquals(JSON.parse(call.stdout), project.root);
      const good = await project.run(["run", "demo", ...there]);
      assertEquals(good.code, 0, good.stderr);
      assertStringIncludes(good.stderr, "simmer: 2 tasks run in ");
      const bad = await project.run(["run", "fail", ...there]);
      assertEquals(bad.code, 1);
      assertStringIncludes(bad.stderr, "task:fail failed with exit code 1");
      const none = await project.run(["run", "nobody", ...there]);
      assertEquals(none.code, 1);
      assertStringIncludes(none.stderr, "Nothing provides nobody");
      const json = await project.run(["run", "demo", "--json", ...there]);
      const types = json.stdout.trim().split("\n").map((line) => JSON.parse(line).type);
      assertEquals(types.filter((type) => type === "TaskSucceeded").length, 2);
      assertEquals(types.at(-1), "CommandCompleted");
    } finally {
      await project[Symbol.asyncDispose]();
      await server.finished();
    }
  });
}

for (const way of WAYS) {
  Deno.test(`by ${way}: Ctrl-C stops the build on the server, and simmer stop ends the server`, async () => {
    const { project, server, there } = await open(way);
    const run = project.start(["run", "slow", "--log-level", "info", ...there]);
    await run.stderr.until("begun");
    run.kill("SIGINT");
    assertEquals((await run.finished()).code, 130);
    const stop = await project.run(["stop", ...there]);
    assertEquals(stop.code, 0, stop.stderr);
    await server.finished();
    await project[Symbol.asyncDispose]();
  });
}

for (const way of WAYS) {
  Deno.test(`by ${way}: simmer run fails when the server is killed during a build`, async () => {
    const { project, server, there } = await open(way);
    const run = project.start(["run", "slow", "--log-level", "info", ...there]);
    await run.stderr.until("begun");
    server.kill("SIGKILL");
    const { code, stderr } = await run.finished();
    assertEquals(code, 3, stderr);
    await server.finished();
    const gone = await project.run(["ping", ...there]);
    assertEquals(gone.code, 3);
    await project[Symbol.asyncDispose]();
  });
}
