import { assert, assertEquals } from "@std/assert";
import { processNamespaces } from "../../../system/environment.ts";
import { writeAll } from "../../../system/net/streams.ts";
import { VERSION } from "../../../wire/version.ts";
import { Project } from "../../e2e/support.ts";
import { effort, Random, seed } from "../random.ts";

/** Command lines that are handed over. */
const LINES = effort(400);

const CONFIG = { tasks: { hello: "echo hello", fail: "exit 7" } };

const encoder = new TextEncoder();

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

/** Something of a kind that does not belong where it stands. */
function stray(random: Random): unknown {
  return random.pick([null, 0, -1, 1e99, "", "/", [], {}, [[]], true, { length: 1 }]);
}

/** What a process would say that hands a command line over, now and then in a part not right. */
function sayings(random: Random, cwd: string): string {
  const or = (right: unknown): unknown => random.oneIn(12) ? stray(random) : right;
  const namespaces = or(processNamespaces());
  const head = { version: or(VERSION), pid: or(Deno.pid), namespaces, columns: or(80) };
  const terminal = or({ stdin: or(false), stdout: or(false), stderr: or(false) });
  const args = or(random.pick(COMMANDS));
  const line = { args, env: or({ A: or("b"), PATH: "/bin" }), cwd: or(cwd), terminal };
  const signal = random.pick(["SIGINT", "SIGTERM", "SIGHUP", "SIGKILL", "SIGWINCH", ""]);
  const news = [{ signal }, { columns: or(10) }, stray(random)].slice(random.below(4));
  const go = random.oneIn(12) ? [] : [{ go: or(true) }];
  return [or(head), or(line), ...go, ...news].map((each) => `${JSON.stringify(each)}\n`).join("");
}

/** Says something to a socket, whole or in part, and perhaps waits for what comes. */
async function visit(random: Random, { root }: Project): Promise<number> {
  using socket = await Deno.connect({ transport: "unix", path: `${root}/.simmer/express.sock` });
  const bytes = encoder.encode(sayings(random, root));
  if (random.oneIn(4)) bytes[random.below(bytes.length)] = random.below(256);
  const isPart = random.oneIn(8);
  const end = isPart ? random.below(bytes.length) : bytes.length;
  try {
    await writeAll(socket, bytes.subarray(0, end));
    if (isPart || random.oneIn(8)) return 0;
    // Whoever has said what is not whole would be waited for.
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
  name: "a malformed command line that is handed over costs its sender alone",
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
    // What the last ones have said, or been told, is still open.
    assert(descriptors() <= before + 10, `${descriptors()} descriptors, and ${before} before`);
    assertEquals(await project.serverPid(), pid);
    const log = await project.read(".simmer/server.log");
    assertEquals(log.split("\n").filter((line) => line.includes(" ERROR ")), []);
  },
});
