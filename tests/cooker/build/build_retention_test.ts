import { assertEquals, assertStringIncludes } from "@std/assert";
import { BuildRetention } from "../../../cooker/build/build_retention.ts";
import { MemoryLogger } from "../../../system/logger.ts";

const KEPT = 50;

/** Creates folders with `count` builds, the oldest first. */
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

Deno.test("prune removes the oldest builds with their logs, once a build has ended", async () => {
  const { root, ...places } = await folders(KEPT + 2);
  await Deno.writeTextFile(`${places.builds}/000-note.txt`, "");
  const old = new BuildRetention(places, new MemoryLogger());
  old.prune();
  assertEquals(names(places.logs).length, KEPT + 2, "no build has ended");
  old.built();
  old.prune();
  const left = Array.from({ length: KEPT }, (_, at) => `${102 + at}`);
  assertEquals(names(places.logs), left);
  assertEquals(names(places.builds), ["000-note.txt", ...left.map((name) => `${name}.jsonl`)]);
  await Deno.remove(root, { recursive: true });
  old.built();
  old.prune();
});

Deno.test("an unreadable folder of builds is logged once, and prune does not throw", () => {
  const log = new MemoryLogger();
  const old = new BuildRetention({ builds: `/${"too-long".repeat(100)}`, logs: "/nowhere" }, log);
  for (let time = 0; time < 2; time++) {
    old.built();
    old.prune();
  }
  assertEquals(log.messages.length, 1);
  assertStringIncludes(log.messages[0] ?? "", "Cannot remove old builds: ");
});

Deno.test("prune removes the oldest builds above a limit of bytes, but never the newest build", async () => {
  const { root, ...places } = await folders(5);
  const sizes = [10, 400, 300, 300, 200];
  for (const [at, size] of sizes.entries()) {
    // Half of the size is in the journal, half in a log.
    await Deno.writeTextFile(`${places.builds}/${100 + at}.jsonl`, "x".repeat(size / 2));
    await Deno.writeTextFile(`${places.logs}/${100 + at}/0-task.log`, "x".repeat(size / 2));
  }
  const log = new MemoryLogger();
  const prune = (bytes: number): string[] => {
    const old = new BuildRetention(places, log, { builds: 50, bytes });
    old.built();
    assertEquals(old.prune(), true);
    assertEquals(names(places.builds), names(places.logs).map((name) => `${name}.jsonl`));
    return names(places.logs);
  };
  assertEquals(prune(1210), ["100", "101", "102", "103", "104"]);
  assertEquals(
    prune(1199),
    ["102", "103", "104"],
    "builds older than the first one above the limit are removed too",
  );
  assertEquals(prune(500), ["103", "104"]);
  assertEquals(prune(1), ["104"]);
  assertEquals(log.messages, []);
  await Deno.remove(root, { recursive: true });
});

Deno.test("builds with many files are measured and removed in several turns", async () => {
  const { root, ...places } = await folders(4);
  for (let at = 0; at < 3; at++) {
    await Deno.writeTextFile(`${places.builds}/${100 + at}.jsonl`, "x");
    for (let file = 0; file < 1500; file++) {
      await Deno.writeTextFile(`${places.logs}/${100 + at}/${file}.log`, "x");
    }
  }
  const old = new BuildRetention(places, new MemoryLogger(), { builds: 50, bytes: 0 });
  old.built();
  let turns = 1;
  while (!old.prune()) turns++;
  assertEquals(names(places.logs), ["103"]);
  assertEquals(turns, 3);
  await Deno.remove(root, { recursive: true });
});
