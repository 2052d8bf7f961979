import { assertEquals } from "@std/assert";
import { ProcessGroup } from "../../../cooker/execute/process_tree.ts";
import { systemClock } from "../../../system/clock.ts";
import { GroupSpawner } from "../../../system/process/group_spawner.ts";
import { killGroup } from "../../../system/process/processes.ts";

/**
 * A program that starts another one right after its output. Both end by SIGINT. (A shell would not do:
 * `dash` has a handler for SIGINT, which can also run in a child that has not executed its program
 * yet.)
 */
const FORKING = [
  "import os, signal",
  "signal.signal(signal.SIGINT, signal.SIG_DFL)",
  'print("up", flush=True)',
  'if os.fork() == 0: os.execvp("sleep", ["sleep", "600"])',
  "os.wait()",
].join("\n");

/** Number of attempts. Each finds a different moment in the life of the processes. */
const ATTEMPTS = 20;

/** Milliseconds after which as one that goes on. */
const HANG_MS = 5000;

Deno.test({
  name: "a signal reaches a process that is started at the same moment (Linux)",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    await using spawner = new GroupSpawner();
    const folder = await Deno.makeTempDir();
    await Deno.writeTextFile(`${folder}/forking.py`, FORKING);
    const env = { PATH: Deno.env.get("PATH") ?? "", HOME: folder, NO_COLOR: "1" };
    const missed: number[] = [];
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const { pid, stdout, stderr, exit } = spawner.spawn({
        command: Deno.execPath(),
        args: ["task", "--quiet", "--eval", "python3 forking.py"],
        cwd: folder,
        env,
        stdin: "empty",
      });
      const group = new ProcessGroup(pid, systemClock, { kind: "shell", programs: 1 });
      await stdout.read(new ArrayBuffer(100));
      await group.signal("SIGINT");
      await group.leftWithin(HANG_MS, new AbortController().signal);
      if (group.isAlive) missed.push(attempt);
      killGroup(pid, "SIGKILL");
      await exit;
      await Promise.all([stdout.close(), stderr?.close()]);
    }
    await Deno.remove(folder, { recursive: true });
    assertEquals(missed, []);
  },
});
