import { assertEquals } from "@std/assert";
import { type Clock, systemClock } from "../../../system/clock.ts";
import { isProcessAlive } from "../../../system/process/processes.ts";
import { Warden } from "../../../system/process/warden.ts";

const WARDEN = new URL("../../../system/process/warden.ts", import.meta.url).href;

/** Starts a program in a process of its own. */
function start(program: string): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: ["eval", program],
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
}

Deno.test("a warden ends process groups, including grandchildren, when its process is killed", async () => {
  // The grandchild holds stdout, which therefore ends with the last process of the group.
  const program = `
    import { Warden } from "${WARDEN}";
    const task = new Deno.Command("sh", {
      args: ["-c", "sleep 600 & echo started; wait"],
      detached: true, stdin: "null", stdout: "inherit", stderr: "null",
    }).spawn();
    const warden = new Warden();
    await warden.ready();
    warden.watch(task.pid);
    console.log("watched");
    await task.status;
  `;
  const child = start(program);
  const decoder = new TextDecoder();
  let text = "";
  for await (const bytes of child.stdout) {
    text += decoder.decode(bytes, { stream: true });
    const isReady = text.includes("watched") && text.includes("started");
    if (isReady) child.kill("SIGKILL");
  }
  assertEquals(text.split("\n").sort(), ["", "started", "watched"]);
  await child.status;
});

Deno.test("a warden ends the process that its killed process was starting, and no other one", async () => {
  const [folder, other] = [await Deno.makeTempDir(), await Deno.makeTempDir()];
  const program = `
    import { Warden } from "${WARDEN}";
    const start = (cwd) => new Deno.Command("sh", {
      args: ["-c", "echo started in $PWD; exec sleep 600"],
      cwd, detached: true, stdin: "null", stdout: "inherit", stderr: "null",
    }).spawn();
    const warden = new Warden();
    await warden.ready();
    warden.expect(${JSON.stringify(folder)});
    warden.unexpected();
    const bystander = start(${JSON.stringify(other)});
    warden.expect(${JSON.stringify(folder)});
    const task = start(${JSON.stringify(folder)});
    console.log("bystander", bystander.pid);
    await task.status;
  `;
  const child = start(program);
  const decoder = new TextDecoder();
  let text = "";
  let bystander = 0;
  const reader = child.stdout.getReader();
  while ((text.match(/started/g) ?? []).length < 2 || bystander === 0) {
    text += decoder.decode((await reader.read()).value, { stream: true });
    bystander = Number(/bystander (\d+)/.exec(text)?.[1] ?? 0);
  }
  child.kill("SIGKILL");
  await child.status;
  // The warden ends the expected process. The bystander holds stdout until it is killed here.
  while (await worksIn(folder)) await new Promise((resolve) => setTimeout(resolve, 10));
  assertEquals(await worksIn(other), true);
  Deno.kill(bystander, "SIGKILL");
  while (!(await reader.read()).done);
  for (const path of [folder, other]) await Deno.remove(path);
});

/** Returns whether a folder is the working directory of any process. */
async function worksIn(folder: string): Promise<boolean> {
  for await (const { name } of Deno.readDir("/proc")) {
    try {
      if (/^\d+$/.test(name) && await Deno.readLink(`/proc/${name}/cwd`) === folder) return true;
    } catch (error) {
      if (!(error instanceof Error)) throw error;
    }
  }
  return false;
}

Deno.test("a warden does not end a group that was released, and ends itself when closed", async () => {
  const warden = new Warden();
  assertEquals(warden.pid, undefined);
  const task = new Deno.Command("sleep", { args: ["600"], detached: true, stdin: "null" }).spawn();
  await warden.ready();
  warden.watch(task.pid);
  warden.watch(999_999_999);
  warden.release(task.pid);
  await warden.close();
  await warden.close();
  assertEquals(warden.pid, undefined);
  task.kill("SIGKILL");
  assertEquals((await task.status).signal, "SIGKILL", "the warden left the group alone");
});

Deno.test("groups that a tag covers are sent to the warden after a delay, in one batch", async () => {
  const sleeps: PromiseWithResolvers<void>[] = [];
  const clock: Clock = {
    ...systemClock,
    sleep: (_ms, signal) => {
      const sleep = Promise.withResolvers<void>();
      signal?.addEventListener("abort", () => sleep.resolve());
      sleeps.push(sleep);
      return sleep.promise;
    },
  };
  const task = new Deno.Command("sleep", { args: ["600"], detached: true, stdin: "null" }).spawn();
  const nobodysTag = "4503599627370497";
  const ended = async (work: (warden: Warden) => Promise<void>): Promise<boolean> => {
    const warden = new Warden(undefined, clock);
    await warden.ready();
    await work(warden);
    await warden.close();
    return !isProcessAlive(task.pid);
  };
  const before = sleeps.length;
  assertEquals(
    await ended((warden) => {
      warden.watch(task.pid, nobodysTag);
      warden.release(task.pid, nobodysTag);
      assertEquals(sleeps.length, before + 1, "one wait for all lines");
      return Promise.resolve();
    }),
    false,
  );
  assertEquals(
    await ended(async (warden) => {
      warden.watch(task.pid, nobodysTag);
      sleeps.at(-1)?.resolve();
      await Promise.resolve();
    }),
    true,
  );
  assertEquals((await task.status).signal, "SIGTERM");
});

Deno.test("a killed warden causes no error in its process and does not block it", async () => {
  await using warden = new Warden();
  await warden.ready();
  warden.watch(999_999_999);
  const pid = warden.pid ?? 0;
  Deno.kill(pid, "SIGKILL");
  // The lines are more than a pipe holds, and must not block.
  for (let line = 0; line < 10_000; line++) {
    warden.release(999_999_999);
    if (line % 1000 === 0) await new Promise((resolve) => setTimeout(resolve));
  }
});

Deno.test("a killed warden is replaced by another one, which watches the same groups", async () => {
  const program = `
    import { Warden } from "${WARDEN}";
    const start = () => new Deno.Command("sh", {
      args: ["-c", "sleep 600 & echo started; wait"],
      detached: true, stdin: "null", stdout: "inherit", stderr: "null",
    }).spawn();
    const tasks = [start(), start()];
    const warden = new Warden();
    await warden.ready();
    for (const task of tasks) warden.watch(task.pid);
    for (let kills = 0; kills < 3; kills++) {
      const { pid } = warden;
      Deno.kill(pid, "SIGKILL");
      const deadline = performance.now() + 120_000;
      while (warden.pid === pid && performance.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 1));
      await warden.ready();
      if (warden.pid === pid) console.log("nobody follows");
    }
    console.log("watched");
    await tasks[0].status;
  `;
  const child = start(program);
  const decoder = new TextDecoder();
  let text = "";
  for await (const bytes of child.stdout) {
    text += decoder.decode(bytes, { stream: true });
    if (text.includes("watched") && text.split("started").length === 3) child.kill("SIGKILL");
  }
  assertEquals(text.split("\n").sort(), ["", "started", "started", "watched"]);
  await child.status;
});

/** Options of `unshare` for a process namespace in which a program can end no outside process. */
const ALONE = ["--user", "--map-root-user", "--pid", "--fork", "--mount-proc", "--kill-child"];
const canBeAlone = Deno.build.os === "linux" && await isAlone();

async function isAlone(): Promise<boolean> {
  try {
    return (await new Deno.Command("unshare", { args: [...ALONE, "true"] }).output()).success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

Deno.test({
  name: "a warden ends the processes that carry its tags, and none if it has no tags left" +
    " (needs namespaces of processes)",
  ignore: !canBeAlone,
  fn: async () => {
    const program = `
      import { Warden } from "${WARDEN}";
      import { ProcessTags, shedTag } from "${new URL("./process_tag.ts", WARDEN)}";
      shedTag();
      const start = () => new Deno.Command("sleep", {
        args: ["600"], stdin: "null", stdout: "null", stderr: "null", detached: true,
      }).spawn();
      const tags = new ProcessTags();
      const [kept, forgotten] = [tags.create(), tags.create()];
      const bystander = start();
      for (const lines of [[], [kept.id]]) {
        const told = kept.around(start);
        const letGo = forgotten.around(start);
        const warden = new Warden();
        await warden.ready();
        for (const tag of [...lines, forgotten.id]) warden.expect("/", tag);
        warden.forget(forgotten.id);
        warden.forget(forgotten.id);
        warden.release(999_999, "1");
        warden.release(999_999);
        await warden.close();
        if (lines.length > 0) console.log("told:", (await told.status).signal);
        else told.kill("SIGKILL");
        letGo.kill("SIGINT");
        console.log("let go:", (await letGo.status).signal);
      }
      bystander.kill("SIGINT");
      console.log("bystander:", (await bystander.status).signal);
      tags.close();
    `;
    const { stdout } = await new Deno.Command("unshare", {
      args: [...ALONE, Deno.execPath(), "eval", program],
      stdin: "null",
      stderr: "inherit",
    }).output();
    assertEquals(new TextDecoder().decode(stdout).split("\n"), [
      "let go: SIGINT",
      "told: SIGTERM",
      "let go: SIGINT",
      "bystander: SIGINT",
      "",
    ]);
  },
});
