import { assert, assertEquals, assertThrows } from "@std/assert";
import { isSystemError, systemErrorNumber } from "../../system/files.ts";
import {
  canShareStdin,
  groupAlive,
  type GroupProcess,
  isProcessAlive,
  killGroup,
  killProcess,
  spawnGroup,
  startDaemon,
} from "../../system/processes.ts";

const SELF = { PATH: Deno.env.get("PATH") ?? "" };

function shell(script: string, env: Record<string, string> = SELF): GroupProcess {
  return spawnGroup({
    command: "/bin/sh",
    args: ["-c", script],
    cwd: "/",
    env,
    stdin: "empty",
  });
}

async function text(stream: ReadableStream<Uint8Array>): Promise<string> {
  return await new Response(stream).text();
}

async function both(child: GroupProcess): Promise<[string, string, number]> {
  const [stdout, stderr, { code }] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    child.exit,
  ]);
  return [stdout, stderr, code];
}

Deno.test("a task has just the environment that it is given, an empty stdin, and streams apart", async () => {
  const child = shell("env | sort; cat; echo err >&2; exit 7", { A: "1", PATH: SELF.PATH });
  const [stdout, stderr, code] = await both(child);
  const names = stdout.trim().split("\n").map((line) => line.split("=")[0]);
  assertEquals(names.filter((name) => name !== "PWD" && name !== "_" && name !== "SHLVL"), [
    "A",
    "PATH",
  ]);
  assertEquals([stderr, code], ["err\n", 7]);
});

Deno.test("what is no process id is never signalled: the kernel would take it for a group, or all", () => {
  for (const id of [NaN, 0, 1, -1, 1.5, 2 ** 32 - 1]) {
    assertThrows(() => killProcess(id, "SIGTERM"), RangeError, `${id} is no id`);
    assertThrows(() => killGroup(id, "SIGTERM"), RangeError, `${id} is no id`);
  }
});

Deno.test("a task leads a process group, and a signal reaches all of it", async () => {
  const child = shell("sleep 600 & echo $!; wait");
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  const grandchild = parseInt(new TextDecoder().decode(value));
  assert(isProcessAlive(grandchild) && groupAlive(child.pid));
  assertEquals(killGroup(child.pid, "SIGKILL"), true);
  assertEquals((await child.exit).signal, "SIGKILL");
  assertEquals((await reader.read()).done, true, "the grandchild held stdout until it was gone");
  await child.stderr.cancel();
  // A process lets go of its descriptors a moment before it has ended.
  while (groupAlive(child.pid)) await new Promise((resolve) => setImmediate(resolve));
});

Deno.test("a group lives on while anything of it does", async () => {
  const child = shell("sleep 600 >/dev/null 2>&1 & exit 0");
  assertEquals((await both(child))[2], 0);
  assertEquals([isProcessAlive(child.pid), groupAlive(child.pid)], [false, true]);
  killGroup(child.pid, "SIGKILL");
  while (groupAlive(child.pid)) await new Promise((resolve) => setImmediate(resolve));
});

Deno.test("signals to nobody say that there is nobody", () => {
  const nobody = 2 ** 22 + 1;
  assertEquals([killGroup(nobody, "SIGTERM"), killProcess(nobody, "SIGTERM")], [false, false]);
  assertEquals([isProcessAlive(nobody), groupAlive(nobody)], [false, false]);
  assertEquals(isProcessAlive(1), true);
});

Deno.test("output is read only as fast as it is taken", async () => {
  const child = shell("dd if=/dev/zero bs=1048576 count=64 2>/dev/null; echo done >&2");
  const errors = child.stderr.getReader();
  const reader = child.stdout.getReader();
  await reader.read();
  assert(groupAlive(child.pid), "64 MiB do not fit into a pipe: the task waits");
  let bytes = 0;
  for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
    bytes += piece.value.length;
  }
  assert(bytes <= 64 * 1048576 && bytes > 60 * 1048576);
  assertEquals(new TextDecoder().decode((await errors.read()).value), "done\n");
  await errors.read();
  await child.exit;
});

Deno.test("a program that is not there can't be started", () => {
  assertThrows(
    () => spawnGroup({ command: "no-such-program", args: [], cwd: "/", env: SELF, stdin: "empty" }),
    Deno.errors.NotFound,
  );
});

Deno.test({
  name: "a task reads another process's stdin, be it a pipe or a file",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    const file = await Deno.makeTempFile();
    await Deno.writeTextFile(file, "from a file\n");
    for (
      const script of [
        "echo from a pipe | sh -c 'echo $$; exec sleep 600'",
        `sh -c 'echo $$; exec sleep 600' < ${file}`,
      ]
    ) {
      const owner = shell(script);
      const reader = owner.stdout.getReader();
      const pid = parseInt(new TextDecoder().decode((await reader.read()).value));
      assertEquals(canShareStdin({ fromProcess: pid, descriptor: 0 }), true);
      const child = spawnGroup({
        command: "cat",
        args: [],
        cwd: "/",
        env: SELF,
        stdin: { fromProcess: pid, descriptor: 0 },
      });
      const [stdout] = await both(child);
      assertEquals(stdout, script.includes("pipe") ? "from a pipe\n" : "from a file\n");
      killGroup(owner.pid, "SIGKILL");
      await reader.read();
      await owner.stderr.cancel();
      await owner.exit;
    }
    await Deno.remove(file);
    assertEquals(canShareStdin({ fromProcess: 2 ** 22 + 1, descriptor: 0 }), false);
  },
});

Deno.test("a daemon has a session of its own, writes to its log and holds nothing else", async () => {
  const folder = await Deno.makeTempDir();
  const module = (path: string): string => new URL(`../../${path}`, import.meta.url).href;
  await Deno.writeTextFile(
    `${folder}/daemon.ts`,
    `import { closeInherited } from "${module("system/descriptors.ts")}";
     closeInherited();
     const links = [...Deno.readDirSync("/proc/self/fd")].map(({ name }) => {
       try { return Deno.readLinkSync("/proc/self/fd/" + name); } catch { return ""; }
     });
     const [, , , , , session] = Deno.readTextFileSync("/proc/self/stat").split(" ");
     console.log(JSON.stringify({ pid: Deno.pid, session: Number(session), links }));`,
  );
  await Deno.writeTextFile(
    `${folder}/starter.ts`,
    `import { startDaemon } from "${module("system/processes.ts")}";
     const daemon = startDaemon({
       command: [Deno.execPath(), "run", "-A", "${folder}/daemon.ts"],
       cwd: "/", env: Deno.env.toObject(), logPath: "${folder}/log",
     });
     const { code } = await daemon.exit;
     console.log(code);`,
  );
  // A parent that hands down descriptors, as shells and make do, low and high ones.
  const script = "import os, subprocess, sys\n" +
    "r, w = os.pipe()\n" +
    "for fd in (5, 9, 20): os.dup2(w, fd, inheritable=True)\n" +
    "subprocess.run(sys.argv[1:], close_fds=False, check=True)\n";
  const { success, stdout, stderr } = await new Deno.Command("python3", {
    args: ["-c", script, Deno.execPath(), "run", "-A", `${folder}/starter.ts`],
  }).output();
  assertEquals(success, true, new TextDecoder().decode(stderr));
  assertEquals(new TextDecoder().decode(stdout), "0\n");
  const said = JSON.parse(await Deno.readTextFile(`${folder}/log`));
  assertEquals(said.session, said.pid);
  const links = said.links as string[];
  assertEquals(links.filter((link) => link.startsWith("pipe:")), []);
  assertEquals(links.filter((link) => link === `${folder}/log`).length >= 2, true);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("waiting for a daemon does not keep its starter alive", async () => {
  const module = new URL("../../system/processes.ts", import.meta.url).href;
  const log = await Deno.makeTempFile();
  const program = `
    import { startDaemon } from "${module}";
    const daemon = startDaemon({ command: ["sleep", "600"], cwd: "/", env: { PATH: Deno.env.get("PATH") ?? "" }, logPath: "${log}" });
    daemon.exit.then(() => console.log("ended"));
    console.log(daemon.pid);`;
  const { stdout } = await new Deno.Command(Deno.execPath(), { args: ["eval", program] }).output();
  const pid = parseInt(new TextDecoder().decode(stdout));
  assertEquals(isProcessAlive(pid), true);
  killProcess(pid, "SIGKILL");
  await Deno.remove(log);
  assertEquals(typeof startDaemon, "function");
});

Deno.test({
  name: "a process that ends while it is looked at is an error of the system's that has no code",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    const child = shell("sleep 600");
    using file = Deno.openSync(`/proc/${child.pid}/stat`);
    killProcess(child.pid, "SIGKILL");
    await both(child);
    const error = assertThrows(() => file.readSync(new Uint8Array(100)), Error);
    assertEquals([isSystemError(error), systemErrorNumber(error)], [true, 3]);
  },
});
