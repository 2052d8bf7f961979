import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { FakeClock } from "../../system/fake_clock.ts";
import { LockFile, type LockMode, type LockWait } from "../../lock/lock_file.ts";
import { lockPath } from "../../lock/lock_path.ts";
import { LockableFile } from "../../system/files/lockable_file.ts";

class Folder implements AsyncDisposable {
  readonly path = Deno.makeTempDirSync();
  readonly lock = `${this.path}/lock`;

  names(): string[] {
    return [...Deno.readDirSync(this.path)].map((entry) => entry.name).sort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.path, { recursive: true });
  }
}

/** Python process that holds the lock until its stdin ends. */
class PythonHolder implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;

  private constructor(child: Deno.ChildProcess) {
    this.#child = child;
  }

  static async hold(path: string): Promise<PythonHolder> {
    const script = "import fcntl, sys\n" +
      "file = open(sys.argv[1], 'a')\n" +
      "fcntl.flock(file, fcntl.LOCK_EX)\n" +
      "print('held', flush=True)\n" +
      "sys.stdin.read()\n";
    const child = new Deno.Command("python3", {
      args: ["-c", script, path],
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    const reader = child.stdout.getReader();
    await reader.read();
    await reader.cancel();
    return new PythonHolder(child);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#child.stdin.close();
    await this.#child.status;
  }
}

async function pythonCanLock(path: string): Promise<boolean> {
  const script = "import fcntl, sys\n" +
    "fcntl.flock(open(sys.argv[1], 'a'), fcntl.LOCK_EX | fcntl.LOCK_NB)\n";
  const { success } = await new Deno.Command("python3", {
    args: ["-c", script, path],
    stderr: "null",
  }).output();
  return success;
}

async function take(path: string, mode: LockMode = "exclusive"): Promise<LockFile> {
  const lock = await LockFile.acquire(path, { mode, wait: "once" });
  assert(lock !== undefined, "the lock is free");
  return lock;
}

Deno.test("R16 an exclusive lock excludes all other locks, and a shared lock only exclusive ones", async () => {
  await using folder = new Folder();
  const cases: [LockMode, LockMode, boolean][] = [
    ["exclusive", "exclusive", false],
    ["exclusive", "shared", false],
    ["shared", "exclusive", false],
    ["shared", "shared", true],
  ];
  for (const [first, second, isTaken] of cases) {
    await using _held = await take(folder.lock, first);
    const other = await LockFile.acquire(folder.lock, { mode: second, wait: "once" });
    other?.close();
    assertEquals(other !== undefined, isTaken, `${second} beside ${first}`);
  }
});

Deno.test("R16 acquire gives up after its default timeout of 3 s", async () => {
  await using folder = new Folder();
  await using _held = await take(folder.lock);
  const clock = new FakeClock();
  const begin = clock.now();
  let outcome: LockFile | undefined | "pending" = "pending";
  const asking = LockFile.acquire(folder.lock, { clock }).then((lock) => {
    outcome = lock;
  });
  await clock.waitForSleepers();
  await clock.advance(2900);
  assertEquals(outcome, "pending");
  await clock.advance(100);
  await asking;
  assertEquals([outcome, clock.now() - begin], [undefined, 3000]);
});

Deno.test("R16 acquire with a timeout gets the lock at the first retry after its release", async () => {
  await using folder = new Folder();
  const held = await take(folder.lock);
  const clock = new FakeClock();
  const asking = LockFile.acquire(folder.lock, { clock, wait: { timeoutMs: 500 } });
  await clock.waitForSleepers();
  held.release();
  await clock.advance(100);
  const lock = await asking;
  assert(lock !== undefined);
  lock.release();
});

Deno.test("R16 acquire with wait=forever gets a lock that is released after 60 s", async () => {
  await using folder = new Folder();
  const held = await take(folder.lock);
  const clock = new FakeClock();
  const asking = LockFile.acquire(folder.lock, { clock, wait: "forever" });
  await clock.waitForSleepers();
  await clock.advance(60_000);
  held.release();
  await clock.advance(100);
  (await asking)?.release();
  assertEquals(folder.names(), []);
});

for (const wait of ["once", "forever", { timeoutMs: 1000 }] satisfies LockWait[]) {
  Deno.test(`R16 an AbortSignal ends acquire with wait=${JSON.stringify(wait)}`, async () => {
    await using folder = new Folder();
    await using _held = await take(folder.lock);
    const clock = new FakeClock();
    const abort = new AbortController();
    if (wait === "once") abort.abort(new RangeError("enough"));
    const asking = LockFile.acquire(folder.lock, { wait, clock, signal: abort.signal });
    const failed = assertRejects(() => asking, RangeError, "enough");
    if (wait !== "once") {
      await clock.waitForSleepers();
      abort.abort(new RangeError("enough"));
    }
    await failed;
    assertEquals(clock.sleeping, 0);
  });
}

Deno.test("R16 the lock excludes Python's fcntl.flock, both ways", async () => {
  await using folder = new Folder();
  {
    await using _python = await PythonHolder.hold(folder.lock);
    assertEquals(await LockFile.acquire(folder.lock, { wait: "once" }), undefined);
  }
  await using _held = await take(folder.lock);
  assertEquals(await pythonCanLock(folder.lock), false);
});

Deno.test("R17 acquire tries again if the file that it has locked was replaced", async () => {
  await using folder = new Folder();
  const held = await take(folder.lock);
  const clock = new FakeClock();
  const asking = LockFile.acquire(folder.lock, { clock, wait: "forever" });
  await clock.waitForSleepers();
  await Deno.remove(folder.lock);
  const successor = await take(folder.lock);
  held.close();
  await clock.advance(1000);
  assertEquals(clock.sleeping, 1, "it still waits: the file at the path is the successor's");
  successor.release();
  await clock.advance(100);
  const lock = await asking;
  assert(lock !== undefined);
  assertEquals(folder.names(), ["lock"]);
  lock.release();
});

Deno.test("R17 isStillAt is false for a locked file that was removed or replaced", async () => {
  await using folder = new Folder();
  const file = LockableFile.open(folder.lock);
  assertEquals([file.tryLock(true), file.isStillAt(folder.lock)], [true, true]);
  await Deno.remove(folder.lock);
  assertEquals(file.isStillAt(folder.lock), false, "nothing is there");
  await Deno.writeTextFile(folder.lock, "");
  assertEquals(file.isStillAt(folder.lock), false, "another file is there");
  file.close();
});

Deno.test("R17 a lock path that is a symbolic link locks the target file", async () => {
  await using folder = new Folder();
  const target = `${folder.path}/target`;
  await Deno.writeTextFile(target, "");
  await Deno.symlink(target, folder.lock);
  const throughLink = await take(folder.lock);
  assertEquals(await LockFile.acquire(target, { wait: "once" }), undefined);
  throughLink.release();
  assertEquals(folder.names(), ["target"]);
});

Deno.test("R18 write replaces the whole content of the lock file", async () => {
  await using folder = new Folder();
  await Deno.writeTextFile(folder.lock, "123456 a line of somebody else that is longer\n");
  const lock = await take(folder.lock);
  lock.write({ pid: 41, xmlrpc: "127.0.0.1:8200" });
  assertEquals(await Deno.readTextFile(folder.lock), "41 127.0.0.1:8200\n");
  lock.write({ pid: 42 });
  assertEquals(await Deno.readTextFile(folder.lock), "42\n");
  lock.release();
});

Deno.test("R19 release removes the file, and a second release does nothing", async () => {
  await using folder = new Folder();
  const lock = await take(folder.lock);
  lock.release();
  assertEquals(folder.names(), []);
  const other = await take(folder.lock);
  lock.release();
  lock.close();
  assertEquals(folder.names(), ["lock"], "a second release takes nothing from the next holder");
  other.release();
});

Deno.test("R19 release does not remove the file while another holder shares the lock", async () => {
  await using folder = new Folder();
  const first = await take(folder.lock, "shared");
  const second = await take(folder.lock, "shared");
  first.release();
  assertEquals(folder.names(), ["lock"]);
  second.release();
  assertEquals(folder.names(), []);
});

Deno.test("R19 release does not remove a file that has replaced the lock file", async () => {
  await using folder = new Folder();
  const lock = await take(folder.lock);
  await Deno.remove(folder.lock);
  await Deno.writeTextFile(folder.lock, "somebody else's\n");
  lock.release();
  assertEquals(await Deno.readTextFile(folder.lock), "somebody else's\n");
});

Deno.test("R19 acquire creates missing folders", async () => {
  await using folder = new Folder();
  const lock = await take(`${folder.path}/a/b/lock`);
  assertEquals(folder.names(), ["a"]);
  lock.release();
});

Deno.test("R19 a name over 255 bytes is shortened and keeps its suffix", async () => {
  await using folder = new Folder();
  const lock = await take(`${folder.path}/${"ü".repeat(200)}.lock`);
  assertEquals(folder.names(), [`${"ü".repeat(125)}.lock`]);
  lock.release();
  assertEquals(lockPath(`/x/${"a".repeat(256)}`), `/x/${"a".repeat(255)}`);
  assertEquals(lockPath("/x/lock"), "/x/lock");
});

Deno.test("R19 acquire throws an error that names the folder if it cannot be written", async () => {
  await using folder = new Folder();
  await Deno.writeTextFile(`${folder.path}/file`, "");
  const error = await assertRejects(
    () => LockFile.acquire(`${folder.path}/file/lock`, { wait: "once" }),
    Deno.errors.PermissionDenied,
  );
  assertStringIncludes(error.message, `the folder ${folder.path}/file cannot be written`);
});

Deno.test("R19 acquire throws an error if the path is a folder", async () => {
  await using folder = new Folder();
  await Deno.mkdir(folder.lock);
  const error = await assertRejects(
    () => LockFile.acquire(folder.lock, { wait: "once" }),
    Deno.errors.PermissionDenied,
  );
  assertStringIncludes(error.message, `Cannot lock ${folder.lock}: it cannot be opened: `);
});

Deno.test("R19 release frees the lock even if it cannot remove the file", async () => {
  await using folder = new Folder();
  const module = new URL("../../lock/lock_file.ts", import.meta.url).href;
  const program = `
    import { LockFile } from "${module}";
    const lock = await LockFile.acquire(Deno.args[0], { wait: "once" });
    Deno.permissions.revokeSync({ name: "write" });
    try {
      lock.release();
    } catch (error) {
      console.log(error.name);
    }
    for await (const _ of Deno.stdin.readable);`;
  await Deno.writeTextFile(`${folder.path}/program.js`, program);
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", `${folder.path}/program.js`, folder.lock],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const reader = child.stdout.getReader();
  assertEquals(new TextDecoder().decode((await reader.read()).value), "NotCapable\n");
  (await take(folder.lock)).release();
  await child.stdin.close();
  await reader.read();
  assertEquals((await child.status).code, 0);
});

Deno.test("R20 only one of many competing processes holds the lock at a time", async () => {
  await using folder = new Folder();
  const module = new URL("../../lock/lock_file.ts", import.meta.url).href;
  // Each holder creates a file that must not exist yet, and removes it again.
  const program = `
    import { LockFile } from "${module}";
    for (let round = 0; round < 25; round++) {
      const lock = await LockFile.acquire("${folder.lock}", { wait: "forever", retryMs: 1 });
      (await Deno.open("${folder.path}/alone", { createNew: true, write: true })).close();
      await Deno.remove("${folder.path}/alone");
      lock?.release();
    }`;
  const results = await Promise.all(
    Array.from(
      { length: 6 },
      () => new Deno.Command(Deno.execPath(), { args: ["eval", program], stdin: "null" }).output(),
    ),
  );
  const decoder = new TextDecoder();
  assertEquals(results.map(({ success, stderr }) => success ? "" : decoder.decode(stderr)), [
    "",
    "",
    "",
    "",
    "",
    "",
  ]);
  assertEquals(folder.names(), []);
});

Deno.test("R20 a lock is released when its process ends", async () => {
  await using folder = new Folder();
  const python = await PythonHolder.hold(folder.lock);
  await python[Symbol.asyncDispose]();
  (await take(folder.lock)).release();
});

Deno.test("R18 a probe distinguishes absent, free and held locks, and does not change the file", async () => {
  await using folder = new Folder();
  const path = `${folder.path}/state/lock`;
  assertEquals(LockFile.probe(path), "absent");
  assertEquals(folder.names(), []);
  const held = await LockFile.acquire(path, { wait: "once" });
  held?.write({ pid: 41 });
  assertEquals(LockFile.probe(path), "held");
  held?.close();
  assertEquals(LockFile.probe(path), "free");
  assertEquals(await Deno.readTextFile(path), "41\n");
});

Deno.test("R18 a probe reports a shared lock as free, and does not hold the lock afterwards", async () => {
  await using folder = new Folder();
  const shared = await LockFile.acquire(folder.lock, { wait: "once", mode: "shared" });
  assertEquals(LockFile.probe(folder.lock), "free");
  shared?.close();
  await using lock = await LockFile.acquire(folder.lock, { wait: "once" });
  assert(lock !== undefined);
});

Deno.test("touch sets the lock file's modification time until the lock is closed", async () => {
  await using folder = new Folder();
  const lock = await LockFile.acquire(folder.lock, { wait: "once" });
  assertEquals(lock?.touch(1_000_000), true);
  assertEquals((await Deno.stat(folder.lock)).mtime?.getTime(), 1_000_000);
  lock?.close();
  assertEquals(lock?.touch(2_000_000), false);
  assertEquals((await Deno.stat(folder.lock)).mtime?.getTime(), 1_000_000);
});
