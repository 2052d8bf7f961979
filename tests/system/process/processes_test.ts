import { assertEquals, assertThrows } from "@std/assert";
import { isSystemError, systemErrorNumber } from "../../../system/files/files.ts";
import {
  groupAlive,
  isProcessAlive,
  killGroup,
  killProcess,
  startDaemon,
} from "../../../system/process/processes.ts";

Deno.test("an invalid process id is rejected, because the kernel would take it for a group or all processes", () => {
  for (const id of [NaN, 0, 1, -1, 1.5, 2 ** 32 - 1]) {
    assertThrows(() => killProcess(id, "SIGTERM"), RangeError, `${id} is no id`);
    assertThrows(() => killGroup(id, "SIGTERM"), RangeError, `${id} is no id`);
  }
});

Deno.test("killProcess and killGroup return false if the process or group does not exist", () => {
  const nobody = 2 ** 22 + 1;
  assertEquals([killGroup(nobody, "SIGTERM"), killProcess(nobody, "SIGTERM")], [false, false]);
  assertEquals([isProcessAlive(nobody), groupAlive(nobody)], [false, false]);
  assertEquals(isProcessAlive(1), true);
});

Deno.test("a daemon has its own session, writes to its log, and has no inherited pipes", async () => {
  const folder = await Deno.makeTempDir();
  const module = (path: string): string => new URL(`../../../${path}`, import.meta.url).href;
  await Deno.writeTextFile(
    `${folder}/daemon.ts`,
    `import { closeInherited } from "${module("system/process/descriptors.ts")}";
     closeInherited();
     const links = [...Deno.readDirSync("/proc/self/fd")].map(({ name }) => {
       try { return Deno.readLinkSync("/proc/self/fd/" + name); } catch { return ""; }
     });
     const [, , , , , session] = Deno.readTextFileSync("/proc/self/stat").split(" ");
     console.log(JSON.stringify({ pid: Deno.pid, session: Number(session), links }));`,
  );
  await Deno.writeTextFile(
    `${folder}/starter.ts`,
    `import { startDaemon } from "${module("system/process/processes.ts")}";
     const daemon = startDaemon({
       command: [Deno.execPath(), "run", "-A", "${folder}/daemon.ts"],
       cwd: "/", env: Deno.env.toObject(), logPath: "${folder}/log",
     });
     const { code } = await daemon.exit;
     console.log(code);`,
  );
  // The parent passes low and high descriptors on, as shells and make do.
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

Deno.test("a pending wait for a daemon does not keep its starter alive", async () => {
  const module = new URL("../../../system/process/processes.ts", import.meta.url).href;
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
  name:
    "a read of /proc/PID/stat after the process's end is a system error with the number of ESRCH",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    const child = new Deno.Command("sleep", { args: ["600"] }).spawn();
    using file = Deno.openSync(`/proc/${child.pid}/stat`);
    killProcess(child.pid, "SIGKILL");
    await child.status;
    const error = assertThrows(() => file.readSync(new Uint8Array(100)), Error);
    assertEquals([isSystemError(error), systemErrorNumber(error)], [true, 3]);
  },
});
