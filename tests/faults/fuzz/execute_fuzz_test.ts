import { assert, assertEquals } from "@std/assert";
import { executeFrame, FRAME, frame } from "../../../forward/protocol.ts";
import { processNamespaces } from "../../../system/environment.ts";
import { writeAll } from "../../../system/net/streams.ts";
import { VERSION } from "../../../wire/version.ts";
import { Project, socketOf } from "../../e2e/support.ts";
import { effort, Random, seed } from "../random.ts";

/** Number of requests. */
const LINES = effort(400);

const CONFIG = { tasks: { hello: "echo hello", fail: "exit 7" } };

const COMMANDS: readonly [readonly string[], ...(readonly string[])[]] = [
  [],
  ["ping"],
  ["tasks", "--json"],
  ["status"],
  ["run", "hello"],
  ["run", "fail"],
  ["run", "--eval", "echo ]"],
  ["run", "missing"],
  ["why", ""],
  ["graph", "hello"],
  ["--", "\0"],
  ["run", "-j", "0"],
  ["\u2028", "__proto__"],
];

/** Returns a value that is probably of the wrong type. */
function stray(random: Random): unknown {
  return random.pick([null, 0, -1, 1e99, "", "/", [], {}, [[]], true, { length: 1 }]);
}

/** Returns the frames of a client, now and then with a wrong value. */
function requests(random: Random, cwd: string): Uint8Array<ArrayBuffer> {
  const or = <T>(right: T): T => (random.oneIn(12) ? stray(random) : right) as T;
  const args = random.pick(COMMANDS);
  const request = executeFrame({
    version: or(VERSION),
    pid: or(Deno.pid),
    namespaces: or(processNamespaces() ?? ""),
    cwd: or(cwd),
    columns: or(80),
    rows: or(24),
    terminal: { stdin: false, stdout: or(false), stderr: false },
    passed: random.oneIn(12) ? [0] : [],
    args: args.map(or),
    env: { A: or("b"), PATH: "/bin" },
  });
  const signal = random.pick(["INT", "TERM", "HUP", "KILL", "WINCH", ""]);
  const news = [
    frame(FRAME.signal, signal),
    frame(FRAME.size, String(or("10 10"))),
    frame(random.below(256), String(stray(random))),
  ].slice(random.below(4));
  const go = random.oneIn(12) ? [] : [frame(FRAME.go, String(or("")))];
  const frames = [request, ...go, ...news];
  return Uint8Array.from(frames.flatMap((each) => [...each]));
}

/** Sends a request, whole or in part, and perhaps reads the reply. Returns the reply's size. */
async function visit(random: Random, { root }: Project): Promise<number> {
  using socket = await Deno.connect({ transport: "unix", path: socketOf(root) });
  const bytes = requests(random, root);
  if (random.oneIn(4)) bytes[random.below(bytes.length)] = random.below(256);
  const isPart = random.oneIn(8);
  const end = isPart ? random.below(bytes.length) : bytes.length;
  try {
    await writeAll(socket, bytes.subarray(0, end));
    if (isPart || random.oneIn(8)) return 0;
    // The server would wait for the rest of an incomplete request.
    await socket.closeWrite();
    let heard = 0;
    const buffer = new Uint8Array(65_536);
    for (let count; (count = await socket.read(buffer)) !== null;) heard += count;
    return heard;
  } catch (error) {
    const isLetGo = error instanceof Deno.errors.BrokenPipe ||
      error instanceof Deno.errors.ConnectionReset;
    if (!isLetGo) throw error;
    return 0;
  }
}

Deno.test({
  name: "a malformed command line request affects only its sender",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    const random = new Random(seed());
    await using project = await Project.create({ "deno.json": CONFIG });
    await project.run(["run", "hello"]);
    const pid = await project.serverPid();
    const check = async (): Promise<void> => {
      assertEquals((await project.run(["run", "-q", "hello"])).stdout, "hello\n");
    };
    const descriptors = (): number => [...Deno.readDirSync(`/proc/${pid}/fd`)].length;
    await check();
    const before = descriptors();
    let heard = 0;
    for (let line = 0; line < LINES; line++) heard += await visit(random, project);
    await check();
    assert(heard > LINES * 10, `only ${heard} bytes were answered`);
    // Connections of the last clients may still be open.
    assert(descriptors() <= before + 10, `${descriptors()} descriptors, and ${before} before`);
    assertEquals(await project.serverPid(), pid);
    const log = await project.read(".simmer/server.log");
    assertEquals(log.split("\n").filter((line) => line.includes(" ERROR ")), []);
  },
});
