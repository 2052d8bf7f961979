import { assertEquals } from "@std/assert";
import { LockFile } from "../../../lock/lock_file.ts";
import { lockOwners, parseLsof } from "../../../system/process/lock_owner.ts";
import { runTool } from "../../../system/process/tool.ts";

async function inFolder(test: (path: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  await test(`${folder}/lock`);
  await Deno.remove(folder, { recursive: true });
}

const self = { pid: Deno.pid, uid: Deno.uid() ?? 0 };

Deno.test({
  name: "lockOwners names only the process that holds a lock exclusively (Linux)",
  ignore: Deno.build.os !== "linux",
  fn: () =>
    inFolder(async (path) => {
      assertEquals(await lockOwners(path), []);
      const shared = await LockFile.acquire(path, { wait: "once", mode: "shared" });
      assertEquals(await lockOwners(path), [], "a probe");
      shared?.close();
      await using _lock = await LockFile.acquire(path, { wait: "once" });
      await Deno.symlink(path, `${path}-link`);
      assertEquals(await lockOwners(path), [self]);
      assertEquals(await lockOwners(`${path}-link`), [self]);
      await Deno.writeTextFile(`${path}-other`, "");
      assertEquals(await lockOwners(`${path}-other`), []);
    }),
});

Deno.test("parseLsof reads processes and their users, and returns none for invalid output", () => {
  assertEquals(parseLsof("p41\nu501\nf3\np42\nu0\nf4\n"), [
    { pid: 41, uid: 501 },
    { pid: 42, uid: 0 },
  ]);
  for (const text of ["", "lsof: status error", "u501\n", "p0\nu0\n", "p-1\nu0\n"]) {
    assertEquals(parseLsof(text), []);
  }
});

const hasLsof = await runTool("lsof", ["-v"]) !== undefined;

Deno.test({
  name: `lsof names a real holder${hasLsof ? "" : " (skipped: there is no lsof)"}`,
  ignore: !hasLsof,
  fn: () =>
    inFolder(async (path) => {
      await using _lock = await LockFile.acquire(path, { wait: "once" });
      assertEquals(parseLsof(await runTool("lsof", ["-w", "-F", "pu", path]) ?? ""), [self]);
    }),
});
