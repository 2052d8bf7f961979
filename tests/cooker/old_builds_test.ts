import { assertEquals, assertStringIncludes } from "@std/assert";
import { OldBuilds } from "../../cooker/old_builds.ts";
import { MemoryLogger } from "../../system/logger.ts";

const KEPT = 50;

/** Folders with so many builds in them, the first ones the oldest. */
async function folders(count: number): Promise<{ builds: string; logs: string; root: string }> {
  const root = await Deno.makeTempDir();
  const [builds, logs] = [`${root}/builds`, `${root}/logs`];
  await Deno.mkdir(builds);
  for (let at = 100; at < 100 + count; at++) {
    await Deno.writeTextFile(`${builds}/${at}.jsonl`, "");
    await Deno.mkdir(`${logs}/${at}`, { recursive: true });
    await Deno.writeTextFile(`${logs}/${at}/0-task.log`, "");
  }
  return { builds, logs, root };
}

function names(folder: string): string[] {
  return [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
}

Deno.test("the oldest builds go, with their logs, when one has ended and nobody waits", async () => {
  const { root, ...places } = await folders(KEPT + 2);
  await Deno.writeTextFile(`${places.builds}/000-note.txt`, "");
  const old = new OldBuilds(places, new MemoryLogger());
  old.tidy();
  assertEquals(names(places.logs).length, KEPT + 2, "no build has ended");
  old.built();
  old.tidy();
  const left = Array.from({ length: KEPT }, (_, at) => `${102 + at}`);
  assertEquals(names(places.logs), left);
  assertEquals(names(places.builds), ["000-note.txt", ...left.map((name) => `${name}.jsonl`)]);
  await Deno.remove(root, { recursive: true });
  old.built();
  old.tidy();
});

Deno.test("what can't be looked at is told once, and is no error for anybody", () => {
  const log = new MemoryLogger();
  const old = new OldBuilds({ builds: `/${"too-long".repeat(100)}`, logs: "/nowhere" }, log);
  for (let time = 0; time < 2; time++) {
    old.built();
    old.tidy();
  }
  assertEquals(log.messages.length, 1);
  assertStringIncludes(log.messages[0] ?? "", "Cannot remove old builds: ");
});
