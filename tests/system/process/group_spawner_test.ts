import { assert, assertEquals, assertThrows } from "@std/assert";
import { spawnChild } from "../../../system/process/child_process.ts";
import type {
  ExitStatus,
  GroupProcess,
  PipeSource,
  SpawnOptions,
} from "../../../system/process/group_process.ts";
import { stdinAccess } from "../../../system/process/group_process.ts";
import { GroupSpawner } from "../../../system/process/group_spawner.ts";
import {
  groupAlive,
  isProcessAlive,
  killGroup,
  killProcess,
  processGroup,
} from "../../../system/process/processes.ts";

const SELF = { PATH: Deno.env.get("PATH") ?? "" };

/** Starts a process with one of the implementations. */
type Spawn = (options: SpawnOptions) => GroupProcess;

/** Registers a test for each implementation: the platform's own, and the portable one. */
function testEach(name: string, test: (spawn: Spawn) => Promise<void>): void {
  Deno.test(name, async () => {
    await using spawner = new GroupSpawner();
    await test((options) => spawner.spawn(options));
  });
  Deno.test(`${name} (by the runtime)`, () => test(spawnChild));
}

function options(script: string, env: Record<string, string> = SELF): SpawnOptions {
  return { command: "/bin/sh", args: ["-c", script], cwd: "/", env, stdin: "empty" };
}

async function* pieces(source: PipeSource): AsyncGenerator<Uint8Array> {
  while (true) {
    const piece = await source.read(new ArrayBuffer(4096));
    if (piece === undefined) return;
    yield piece;
  }
}

async function textOf(source: PipeSource): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const piece of pieces(source)) text += decoder.decode(piece, { stream: true });
  return text;
}

async function numberFrom(source: PipeSource): Promise<number> {
  return parseInt(new TextDecoder().decode(await source.read(new ArrayBuffer(100))));
}

function stderrOf({ stderr }: GroupProcess): PipeSource {
  assert(stderr !== undefined);
  return stderr;
}

async function all(child: GroupProcess): Promise<[string, string, ExitStatus]> {
  return await Promise.all([textOf(child.stdout), textOf(stderrOf(child)), child.exit]);
}

/** Waits for the end of a group, whose processes close their descriptors a moment before. */
async function untilGone(group: number): Promise<void> {
  while (groupAlive(group)) await new Promise((resolve) => setImmediate(resolve));
}

Deno.test({
  name:
    "a pseudo-terminal has a size, passes bytes unchanged, and is no controlling terminal (Linux)",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    await using spawner = new GroupSpawner();
    const script =
      "stty size <&1; printf 'a\\nb\\n' >&2; sh -c ': > /dev/tty' 2> /dev/null || echo none";
    const output = { columns: 100, rows: 30 };
    const child = spawner.spawn({ ...options(script), output });
    assertEquals([child.stderr, child.lacksTerminal], [undefined, false]);
    assertEquals(await textOf(child.stdout), "30 100\na\nb\nnone\n");
    assertEquals(await child.exit, { code: 0 });
  },
});

Deno.test({
  name: "keys that send signals are told apart from those that a program reads itself (Linux)",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    await using spawner = new GroupSpawner();
    const script =
      "trap 'echo int' INT; echo up; while :; do read line || continue; echo got $line; " +
      "[ $line = raw ] && stty -icanon && echo raw; done";
    const output = { columns: 80, rows: 24, keyboard: { path: "/nowhere" } };
    const { pid, terminal, stdout, exit } = spawner.spawn({
      ...options(script),
      command: "/bin/bash",
      output,
    });
    assert(terminal !== undefined);
    const signals: string[] = [];
    const type = (keys: string): void =>
      terminal.type(new TextEncoder().encode(keys), ({ signal, isRepeated, echo }) => {
        signals.push(`${signal} ${echo}${isRepeated ? " again" : ""}`);
      });
    const seen = pieces(stdout);
    let text = "";
    const until = async (words: string): Promise<void> => {
      while (!text.includes(words)) text += new TextDecoder().decode((await seen.next()).value);
      text = "";
    };
    await until("up");
    type("word\r");
    await until("got word");
    // The first key discards the unfinished line.
    type("unfinished\x03\x03");
    type("raw\r");
    await until("got raw\r\nraw");
    assertEquals(signals, ["SIGINT ^C", "SIGINT ^C again"]);
    type("\x1a");
    type("\x03");
    await until("int");
    assertEquals(signals.slice(2), ["SIGTSTP ^Z"]);
    killGroup(pid, "SIGKILL");
    await exit;
    await stdout.close();
  },
});

Deno.test({
  name: "a pseudo-terminal ends with the last process that has it open (Linux)",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    await using spawner = new GroupSpawner();
    const output = { columns: 0, rows: 0 };
    const child = spawner.spawn({ ...options("(sleep 0.2; echo late) & echo soon"), output });
    assertEquals(await child.exit, { code: 0 });
    assertEquals(await textOf(child.stdout), "soon\nlate\n");
    await untilGone(child.pid);
  },
});

Deno.test({
  name: "one pipe keeps the order of stdout and stderr (Linux)",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    await using spawner = new GroupSpawner();
    const script = "for n in 1 2 3; do echo out $n; echo err $n >&2; done";
    const child = spawner.spawn({ ...options(script), output: "joint" });
    assertEquals(await textOf(child.stdout), "out 1\nerr 1\nout 2\nerr 2\nout 3\nerr 3\n");
    assertEquals([child.stderr, await child.exit], [undefined, { code: 0 }]);
  },
});

testEach(
  "a task has only its given environment, an empty stdin, and separate output streams",
  async (spawn) => {
    const env = { A: "1 = ü", PATH: SELF.PATH };
    const child = spawn(options("env | sort; cat; pwd; echo err >&2; exit 7", env));
    const [stdout, stderr, status] = await all(child);
    const lines = stdout.trim().split("\n").filter((line) => !/^(PWD|_|SHLVL)=/.test(line));
    assertEquals(lines, ["A=1 = ü", `PATH=${SELF.PATH}`, "/"]);
    assertEquals([stderr, status], ["err\n", { code: 7 }]);
  },
);

testEach(
  "a task leads a session and a process group, and a signal reaches the whole group",
  async (spawn) => {
    const child = spawn(options("sleep 600 & echo $!; wait"));
    const grandchild = await numberFrom(child.stdout);
    assert(isProcessAlive(grandchild) && groupAlive(child.pid));
    if (Deno.build.os === "linux") {
      const [, , group, session] = Deno.readTextFileSync(`/proc/${grandchild}/stat`)
        .replace(/^.*\) /, "").split(" ");
      assertEquals([group, session], [String(child.pid), String(child.pid)]);
    }
    assertEquals(killGroup(child.pid, "SIGKILL"), true);
    assertEquals(await child.exit, { code: 137, signal: "SIGKILL" });
    assertEquals(await textOf(child.stdout), "", "the grandchild held stdout until it was gone");
    assertEquals(await textOf(stderrOf(child)), "");
    await untilGone(child.pid);
  },
);

testEach("a process group is alive while any of its processes is", async (spawn) => {
  const child = spawn(options("sleep 600 >/dev/null 2>&1 & exit 0"));
  assertEquals((await all(child))[2], { code: 0 });
  assertEquals([isProcessAlive(child.pid), child.groupIsAlive()], [false, true]);
  killGroup(child.pid, "SIGKILL");
  await untilGone(child.pid);
  assertEquals(child.groupIsAlive(), false);
});

testEach("a task has default signal actions, so SIGPIPE and SIGTERM end it", async (spawn) => {
  const [stdout, , { code }] = await all(
    spawn(options('yes | head -n 1; kill -TERM "$$"; echo survived')),
  );
  assertEquals([stdout, code], ["y\n", 143]);
});

testEach("a task waits while its output is not read", async (spawn) => {
  const child = spawn(options("dd if=/dev/zero bs=1048576 count=64 2>/dev/null; echo done >&2"));
  const first = await child.stdout.read(new ArrayBuffer(4096));
  assert(groupAlive(child.pid), "64 MiB do not fit into a pipe: the task waits");
  let bytes = first?.length ?? 0;
  for await (const piece of pieces(child.stdout)) bytes += piece.length;
  assertEquals(bytes, 64 * 1048576);
  assertEquals(await textOf(stderrOf(child)), "done\n");
  assertEquals(await child.exit, { code: 0 });
});

testEach("the close of an output ends its pending read", async (spawn) => {
  const child = spawn(options("exec sleep 600"));
  const read = child.stdout.read(new ArrayBuffer(10));
  await child.stdout.close();
  await child.stdout.close();
  assertEquals(await read, undefined);
  assertEquals(await child.stdout.read(new ArrayBuffer(10)), undefined);
  await stderrOf(child).close();
  killProcess(child.pid, "SIGKILL");
  await child.exit;
});

testEach("100 parallel tasks all end, each with its own output", async (spawn) => {
  const children = Array.from(
    { length: 100 },
    (_, at) => spawn(options(`echo ${at}; echo ${-at} >&2; exit ${at}`)),
  );
  const ends = await Promise.all(children.map(all));
  assertEquals(ends, ends.map((_, at) => [`${at}\n`, `${-at}\n`, { code: at }]));
});

Deno.test("a thousand processes in sequence each end with their complete output", async () => {
  await using spawner = new GroupSpawner();
  // Plain reads, because a generator's extra microtasks would hide a wait that the poller misses.
  const bytesOf = async (source: PipeSource): Promise<number> => {
    let bytes = 0;
    while (true) {
      const piece = await source.read(new ArrayBuffer(4096));
      if (piece === undefined) return bytes;
      bytes += piece.length;
    }
  };
  for (let at = 0; at < 1000; at++) {
    const child = spawner.spawn(options("echo out; echo err >&2"));
    const ends = [bytesOf(child.stdout), bytesOf(stderrOf(child)), child.exit];
    assertEquals(await Promise.all(ends), [4, 4, { code: 0 }]);
  }
});

testEach("a failed start throws an error with the path or the reason", async (spawn) => {
  const folder = await Deno.makeTempDir();
  const file = `${folder}/text`;
  await Deno.writeTextFile(file, "no program\n", { mode: 0o644 });
  const start = (changes: Partial<SpawnOptions>) => (): GroupProcess =>
    spawn({ ...options("exit 0"), ...changes });
  const missing = `${folder}/missing`;
  assertThrows(start({ command: missing }), Deno.errors.NotFound, missing);
  assertThrows(start({ cwd: missing }), Deno.errors.NotFound, missing);
  assertThrows(start({ command: file }), Deno.errors.PermissionDenied, file);
  assertThrows(start({ args: ["x".repeat(4_000_000)] }), Error, "(os error 7)");
  assertThrows(start({ args: ["one\0two"] }), Error);
  assertThrows(start({ env: { NAME: "one\0two" } }), Error);
  await Deno.remove(folder, { recursive: true });
});

testEach("an executable text file that names no interpreter is run by the shell", async (spawn) => {
  const folder = await Deno.makeTempDir();
  await Deno.writeTextFile(`${folder}/script`, 'echo "$1"\n', { mode: 0o755 });
  const child = spawn({ ...options(""), command: `${folder}/script`, args: ["an argument"] });
  assertEquals(await all(child), ["an argument\n", "", { code: 0 }]);
  await Deno.remove(folder, { recursive: true });
});

for (const kind of ["pipe", "file", "named pipe"]) {
  testEach(`a task reads another process's stdin if it is a ${kind}`, async (spawn) => {
    if (Deno.build.os !== "linux") return;
    const folder = await Deno.makeTempDir();
    await Deno.writeTextFile(`${folder}/file`, "some words\n");
    const owner = spawn(options(
      kind === "pipe"
        ? "echo some words | sh -c 'echo $$; exec sleep 600'"
        : kind === "file"
        ? `sh -c 'echo $$; exec sleep 600' < ${folder}/file`
        : `mkfifo ${folder}/fifo; exec 3<>${folder}/fifo; echo some words >&3; ` +
          `sh -c 'echo $$; exec sleep 600' < ${folder}/fifo`,
    ));
    const pid = await numberFrom(owner.stdout);
    const stdin = { fromProcess: pid };
    assertEquals(stdinAccess(stdin), kind === "file" ? "take" : "open");
    const child = spawn({ ...options("head -n 1"), stdin });
    assertEquals(await all(child), ["some words\n", "", { code: 0 }]);
    killGroup(owner.pid, "SIGKILL");
    await all(owner);
    await untilGone(owner.pid);
    await Deno.remove(folder, { recursive: true });
    assertEquals(stdinAccess({ fromProcess: 2 ** 22 + 1 }), "none");
  });
}

Deno.test({
  name: "a task inherits only its own three descriptors",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    await using spawner = new GroupSpawner();
    const script = "ls /proc/self/fd; readlink /proc/self/fd/0";
    // Every child also gets the descriptors that this process has inherited.
    const { stdout } = await new Deno.Command("/bin/sh", { args: ["-c", script], stdin: "null" })
      .output();
    const expected = new TextDecoder().decode(stdout);
    assertEquals(expected.trim().split("\n").at(-1), "/dev/null");
    const children = [1, 2, 3].map(() => spawner.spawn(options(script)));
    for (const child of children) assertEquals((await all(child))[0], expected);
  },
});

Deno.test({
  name: "no descriptors or processes are left after tasks have ended or could not be started",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    const count = (): number => [...Deno.readDirSync("/proc/self/fd")].length;
    const before = count();
    {
      await using spawner = new GroupSpawner();
      await all(spawner.spawn(options("exit 0")));
      const idle = count();
      for (let round = 0; round < 20; round++) {
        assertThrows(() => spawner.spawn({ ...options(""), command: "/missing" }));
        await Promise.all([1, 2, 3].map(() => all(spawner.spawn(options("echo out")))));
      }
      assertEquals(count(), idle);
    }
    assertEquals(count(), before);
    const children = Deno.readTextFileSync(`/proc/self/task/${Deno.pid}/children`).trim();
    assertEquals(children.split(" ").filter((pid) => processGroup(Number(pid)) !== undefined), []);
  },
});
