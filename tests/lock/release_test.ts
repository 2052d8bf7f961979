import { assert, assertEquals, assertRejects } from "@std/assert";
import { exists } from "@std/fs";
import { FakeClock } from "../../system/fake_clock.ts";
import { MemoryLogger } from "../../system/logger.ts";
import { releaseLock } from "../../lock/release.ts";
import { lockHolders } from "../../lock/holders.ts";
import { runTool } from "../../system/process/tool.ts";
import { LockFile } from "../../lock/lock_file.ts";

async function take(path: string, mode: "exclusive" | "shared" = "exclusive"): Promise<LockFile> {
  const lock = await LockFile.acquire(path, { wait: "once", mode });
  assert(lock !== undefined);
  return lock;
}

async function inFolder(test: (lockPath: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await test(`${folder}/lock`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("R14 releaseLock removes the lock file if no other holder has the lock", () =>
  inFolder(async (path) => {
    const log = new MemoryLogger();
    const lock = await take(path);
    lock.write({ pid: 41 });
    assertEquals(await releaseLock(lock, { clock: new FakeClock(), log, pid: 41 }), "removed");
    assertEquals([await exists(path), log.messages], [false, []]);
  }));

Deno.test("R14 releaseLock does not remove a lock file that names a new server", () =>
  inFolder(async (path) => {
    const log = new MemoryLogger();
    const lock = await take(path);
    lock.write({ pid: 41 });
    lock.close();
    const successor = await take(path);
    successor.write({ pid: 42 });
    // The clock does not advance, so releaseLock must not wait.
    const outcome = releaseLock(lock, { clock: new FakeClock(), log, pid: 41 });
    assertEquals(await outcome, "succeeded");
    assertEquals(await Deno.readTextFile(path), "42\n");
    successor.release();
  }));

Deno.test("R14 releaseLock stops waiting when a new server writes its name into the lock file", () =>
  inFolder(async (path) => {
    const log = new MemoryLogger();
    const lock = await take(path);
    lock.write({ pid: 41 });
    const clock = new FakeClock();
    lock.close();
    const successor = await take(path);
    const outcome = releaseLock(lock, { clock, log, pid: 41 });
    await clock.waitForSleepers();
    successor.write({ pid: 42 });
    // The next retry detects it, long before the holders would be logged.
    await clock.advance(100);
    assertEquals(await outcome, "succeeded");
    assertEquals(await Deno.readTextFile(path), "42\n");
    successor.release();
  }));

Deno.test("R14 releaseLock does not remove or wait for a replaced lock file, whatever its contents", () =>
  inFolder(async (path) => {
    const log = new MemoryLogger();
    const lock = await take(path);
    lock.write({ pid: 41 });
    await Deno.remove(path);
    // A client that starts a server holds the lock, and no server has written to the file yet.
    const starter = await take(path);
    const outcome = releaseLock(lock, { clock: new FakeClock(), log, pid: 41 });
    assertEquals(await outcome, "succeeded");
    assertEquals([await exists(path), log.messages], [true, []]);
    starter.release();
  }));

Deno.test("R14 releaseLock does not remove a new lock file that is not locked", () =>
  inFolder(async (path) => {
    const lock = await take(path);
    lock.write({ pid: 41 });
    await Deno.remove(path);
    await Deno.writeTextFile(path, "");
    const options = { clock: new FakeClock(), log: new MemoryLogger(), pid: 41 };
    assertEquals(await releaseLock(lock, options), "succeeded");
    assertEquals(await exists(path), true);
  }));

Deno.test("R14 releaseLock does not recreate a lock file that was deleted with its project", () =>
  inFolder(async (path) => {
    const project = path.slice(0, path.lastIndexOf("/")) + "/project";
    const lock = await take(`${project}/state/lock`);
    await Deno.remove(project, { recursive: true });
    const options = { clock: new FakeClock(), log: new MemoryLogger(), pid: 41 };
    assertEquals(await releaseLock(lock, options), "removed");
    assertEquals(await exists(project), false);
  }));

Deno.test("R15 the remaining holders of the lock are logged every 3 s until it is free", () =>
  inFolder(async (path) => {
    const log = new MemoryLogger();
    const clock = new FakeClock();
    const lock = await take(path, "shared");
    const child = await take(path, "shared");
    lock.write({ pid: 41 });
    const holders = (named: string): Promise<string> => Promise.resolve(`sleep 99 ${named}`);
    const outcome = releaseLock(lock, { clock, log, pid: 41, holders });
    await clock.waitForSleepers();
    await clock.advance(2999);
    assertEquals(log.messages, []);
    await clock.advance(1);
    await clock.waitForSleepers();
    const delayed = "Delaying shutdown due to active processes which appear to be holding " +
      `${path}\nsleep 99 ${path}`;
    assertEquals(log.messages, [delayed]);
    await clock.advance(3000);
    await clock.waitForSleepers();
    assertEquals(log.messages, [delayed, delayed]);
    child.close();
    await clock.advance(100);
    assertEquals(await outcome, "removed");
    assertEquals(await exists(path), false);
  }));

Deno.test("R15 an AbortSignal ends the wait for other holders", () =>
  inFolder(async (path) => {
    const clock = new FakeClock();
    const lock = await take(path, "shared");
    await using _child = await take(path, "shared");
    const abort = new AbortController();
    const outcome = releaseLock(lock, {
      clock,
      log: new MemoryLogger(),
      pid: 41,
      signal: abort.signal,
    });
    const failed = assertRejects(() => outcome, RangeError);
    await clock.waitForSleepers();
    abort.abort(new RangeError("enough"));
    await failed;
  }));

Deno.test("R15 lockHolders asks lsof, then fuser, and returns an empty text without both", async () => {
  const asked: string[] = [];
  const machine = (installed: readonly string[]) => (command: string, args: readonly string[]) => {
    asked.push([command, ...args].join(" "));
    return Promise.resolve(installed.includes(command) ? `${command} says` : undefined);
  };
  assertEquals(await lockHolders("/l", machine(["lsof", "fuser"])), "lsof says");
  assertEquals(await lockHolders("/l", machine(["fuser"])), "fuser says");
  assertEquals(await lockHolders("/l", machine([])), "");
  assertEquals(asked, [
    "lsof -w /l",
    "lsof -w /l",
    "fuser -v /l",
    "lsof -w /l",
    "fuser -v /l",
  ]);
});

Deno.test("R15 lockHolders names a real holder with the tools of this machine", () =>
  inFolder(async (path) => {
    await using _held = await take(path);
    const told = await lockHolders(path);
    const hasTool = await runTool("lsof", ["-v"]) ?? await runTool("fuser", ["-V"]);
    assertEquals(told.includes(String(Deno.pid)), hasTool !== undefined, told);
  }));
