import { assert, assertEquals } from "@std/assert";
import { writeAll } from "../../system/streams.ts";
import { VERSION } from "../../wire/version.ts";
import { Project } from "../e2e/support.ts";
import { thinScript } from "../../client/thin_script.ts";
import { effort, Random, seed } from "./random.ts";

/** What is written into the thin clients' pipe, and how many command lines are handed over. */
const WORDS = effort(4_000);
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
  const head = { version: or(VERSION), pid: or(Deno.pid), columns: or(80) };
  const terminal = or({ stdin: or(false), stdout: or(false), stderr: or(false) });
  const args = or(random.pick(COMMANDS));
  const line = { args, env: or({ A: or("b"), PATH: "/bin" }), cwd: or(cwd), terminal };
  const signal = random.pick(["SIGINT", "SIGTERM", "SIGHUP", "SIGKILL", "SIGWINCH", ""]);
  const news = [{ signal }, { columns: or(10) }, stray(random)].slice(random.below(4));
  return [or(head), or(line), ...news].map((each) => `${JSON.stringify(each)}\n`).join("");
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

/** What no script would write into the pipe. */
function wordsFor(random: Random, ids: readonly [string, ...string[]]): Uint8Array {
  if (random.oneIn(3)) {
    return Uint8Array.from({ length: random.below(200) }, () => random.below(256));
  }
  const end = random.pick(["\n", "\n", "\n", "", "\n\n", " \n", "\r\n"]);
  const signal = random.pick(["", "", "", " SIGINT", " SIGKILL", " sig", " SIGINT SIGINT"]);
  return encoder.encode(`${random.pick(ids)}${signal}${end}`);
}

/** Names of what stands beside the pipe and is no client's. */
async function litter(folder: string, bystander: number): Promise<[string, ...string[]]> {
  const ids = ["11", "12", "13", "99999999999", "4194305", String(bystander)];
  for (const name of ids.slice(3)) {
    const made = await new Deno.Command("mkfifo", { args: [`${folder}/${name}`] }).output();
    assert(made.success);
  }
  await Deno.mkdir(`${folder}/11`);
  await Deno.writeTextFile(`${folder}/12`, "");
  await Deno.symlink("/dev/null", `${folder}/13`);
  return ["0", "1", "-1", "007", "1e3", "../door", "door", ...ids];
}

Deno.test({
  name: "whatever is handed over, or written into the thin clients' pipe, costs its sender alone",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    const random = new Random(seed());
    await using project = await Project.create({ "deno.json": CONFIG });
    await project.run(["run", "hello"]);
    const pid = await project.serverPid();
    const thin = [`${project.root}/thin`] as const;
    await Deno.writeTextFile(thin[0], thinScript(["/bin/sh", "-c", "echo left; exit 99", "sh"]));
    await Deno.chmod(thin[0], 0o755);
    const check = async (): Promise<void> => {
      const { code, stdout } = await project.runProgram([...thin, "run", "-q", "hello"]);
      assertEquals([code, stdout], [0, "hello\n"]);
      assertEquals((await project.run(["run", "-q", "hello"])).stdout, "hello\n");
    };
    const descriptors = (): number => [...Deno.readDirSync(`/proc/${pid}/fd`)].length;
    await check();
    const before = descriptors();
    // Not a script of simmer's, but its command line can be read, and its output opened.
    const bystander = new Deno.Command("tail", {
      args: ["-f", "/dev/null"],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    const ids = await litter(`${project.root}/.simmer/thin`, bystander.pid);
    using door = await Deno.open(`${project.root}/.simmer/thin/door`, { write: true });
    let heard = 0;
    for (let line = 0; line < LINES; line++) {
      heard += await visit(random, project);
      for (let word = 0; word < WORDS / LINES; word++) await door.write(wordsFor(random, ids));
    }
    bystander.kill("SIGKILL");
    await bystander.status;
    await door.write(encoder.encode("\n"));
    await check();
    assert(heard > LINES * 20, `only ${heard} bytes were answered`);
    // What the last ones have said, or been told, is still open.
    assert(descriptors() <= before + 10, `${descriptors()} descriptors, and ${before} before`);
    assertEquals(await project.serverPid(), pid);
    const log = await project.read(".simmer/server.log");
    assertEquals(log.split("\n").filter((line) => line.includes(" ERROR ")), []);
  },
});
