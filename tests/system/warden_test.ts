import { assertEquals } from "@std/assert";
import { Warden } from "../../system/warden.ts";

const WARDEN = new URL("../../system/warden.ts", import.meta.url).href;

Deno.test("a warden ends process groups, grandchildren included, when its process is killed", async () => {
  // The grandchild holds stdout: its end is the end of everything in the group.
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
  const child = new Deno.Command(Deno.execPath(), {
    args: ["eval", program],
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
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

Deno.test("a warden finds the process that was being started when its own was killed, and no other", async () => {
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
  const child = new Deno.Command(Deno.execPath(), {
    args: ["eval", program],
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
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
  // What is being started goes by itself; the other one holds stdout until it is ended here.
  while (await worksIn(folder)) await new Promise((resolve) => setTimeout(resolve, 10));
  assertEquals(await worksIn(other), true);
  Deno.kill(bystander, "SIGKILL");
  while (!(await reader.read()).done);
  for (const path of [folder, other]) await Deno.remove(path);
});

/** Whether any process works in a folder. */
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

Deno.test("a warden lets go of a group that has ended, and ends itself when closed", async () => {
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

Deno.test("a warden that was killed is no error for what it watched", async () => {
  await using warden = new Warden();
  await warden.ready();
  warden.watch(999_999_999);
  const pid = warden.pid ?? 0;
  Deno.kill(pid, "SIGKILL");
  // More than a pipe holds: nothing is held up by it.
  for (let line = 0; line < 10_000; line++) {
    warden.release(999_999_999);
    if (line % 1000 === 0) await new Promise((resolve) => setTimeout(resolve));
  }
});
