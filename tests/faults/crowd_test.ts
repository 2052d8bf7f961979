import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { Project, SIMMER } from "../e2e/support.ts";
import { encodeFrame } from "../../wire/frame.ts";
import { request } from "../../wire/messages.ts";
import { helloParams } from "../server/support.ts";
import { descriptorsOf, leaveDescriptors } from "../system/few_descriptors.ts";
import { effort } from "./random.ts";

/** Number of connections that send nothing or half a line. */
const CROWD = Math.min(effort(300), 1000);

/** Descriptor limit of a server: enough for its start and for some clients. */
const FEW = 64;

/** Number of descriptor shortages. */
const EPISODES = 4;

/** Milliseconds after which a reply counts as missing, and an open descriptor as leaked. */
const HANG_MS = 60_000;

const CONFIG = { tasks: { a: "echo a" } };

/** Opens `count` connections. Every second one sends half a line. */
async function crowd(path: string, count: number): Promise<Deno.UnixConn[]> {
  const connections: Deno.UnixConn[] = [];
  for (let index = 0; index < count; index++) {
    const connection = await Deno.connect({ transport: "unix", path });
    if (index % 2 === 0) await connection.write(new TextEncoder().encode('{"jsonrpc":'));
    connections.push(connection);
  }
  return connections;
}

Deno.test(`a server with ${CROWD} silent connections answers another client`, async () => {
  await using project = await Project.create({ "deno.json": CONFIG });
  assertEquals((await project.run(["run", "a"])).code, 0);
  const connections = await crowd(project.socket(), CROWD);
  const { code, stdout } = await project.run(["ping"]);
  for (const connection of connections) connection.close();
  assertEquals(code, 0);
  assert(stdout.startsWith("Still alive!"), stdout);
  assertEquals((await project.run(["run", "a"])).stdout, "a\n");
});

Deno.test("a server with few descriptors drops silent connections and serves another client", async () => {
  await using project = await Project.create({ "deno.json": CONFIG });
  const server = project.startProgram([
    "/bin/sh",
    "-c",
    `ulimit -n ${FEW}; exec "$@"`,
    "sh",
    ...SIMMER,
    "serve",
  ]);
  await server.stderr.until("Entering server connection loop");
  const connections = await crowd(project.socket(), 4 * FEW);
  const { code, stdout, stderr } = await project.run(["run", "a"]);
  for (const connection of connections) connection.close();
  assertEquals([code, stdout], [0, "a\n"], stderr);
  server.kill("SIGTERM");
  const ended = await server.finished();
  assertEquals(ended.code, 143, ended.stderr);
  assertStringIncludes(ended.stderr, "another client needs its slot");
});

Deno.test({
  name:
    "a client that takes the last descriptor is served, and its descriptor is released when it leaves",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    await using project = await Project.create({ "deno.json": CONFIG });
    assertEquals((await project.run(["run", "a"])).code, 0);
    const pid = await project.serverPid();
    const path = project.socket();
    const greet = async (): Promise<void> => {
      const client = await Deno.connect({ transport: "unix", path });
      // Closes the connection if the read would wait forever.
      const hang = setTimeout(() => client.close(), HANG_MS);
      const hello = helloParams({ role: "observer", project: { root: project.root } });
      await client.write(encodeFrame(request(1, "hello", hello)));
      const buffer = new Uint8Array(4096);
      const count = await client.read(buffer) ?? 0;
      clearTimeout(hang);
      client.close();
      assertStringIncludes(new TextDecoder().decode(buffer.subarray(0, count)), '"result"');
    };
    await greet();
    const before = descriptorsOf(pid).length;
    for (let episode = 0; episode < EPISODES; episode++) {
      using _shortage = leaveDescriptors(pid, 1);
      await greet();
    }
    const deadline = performance.now() + HANG_MS;
    for (let now = Infinity; now > before; now = descriptorsOf(pid).length) {
      await greet();
      assert(performance.now() < deadline, `${now} descriptors are open, ${before} were before`);
    }
  },
});
