import { assertEquals, assertThrows } from "@std/assert";
import { type LastResult, TaskHistory } from "../../../cooker/cache/task_history.ts";

function result(fingerprint: string): LastResult {
  const parts = {
    task: "t",
    command: "c",
    args: [],
    output: [],
    platform: "p",
    env: {},
    dependencies: {},
    files: {},
  };
  return { fingerprint, outputs: [], parts, at: 1, durationMs: 2 };
}

async function journal(): Promise<{ readonly folder: string; readonly path: string }> {
  const folder = await Deno.makeTempDir();
  return { folder, path: `${folder}/state/results.jsonl` };
}

Deno.test("last results survive a restart, and are past once their task has begun again", async () => {
  const { folder, path } = await journal();
  const first = new TaskHistory(path);
  assertEquals([first.get("a"), first.readAll().size], [undefined, 0]);
  first.begin("a");
  first.set("a", result("1"));
  first.set("b", result("2"));
  first.begin("b");
  // The first instance is not closed, as if its process had been killed.
  const second = new TaskHistory(path);
  assertEquals(second.get("a"), { fingerprint: "1", outputs: [] });
  assertEquals(second.get("b"), { fingerprint: "2", outputs: [], isPast: true });
  assertEquals(second.readAll().get("b"), { ...result("2"), isPast: true });
  second.set("b", result("3"));
  assertEquals(new TaskHistory(path).get("b"), { fingerprint: "3", outputs: [] });
  for (const each of [first, second]) each.close();
  await Deno.remove(folder, { recursive: true });
});

Deno.test("damaged, unknown and partial lines do not affect other tasks", async () => {
  const { folder, path } = await journal();
  const first = new TaskHistory(path);
  first.set("a", result("1"));
  first.close();
  await Deno.writeTextFile(path, '\n{"format":1,"key":"b","res', { append: true });
  const second = new TaskHistory(path);
  second.set("c", result("3"));
  second.close();
  await Deno.writeTextFile(path, '\nnull\n[]\n{"format":2,"key":"a"}\n\0', { append: true });
  const third = new TaskHistory(path);
  assertEquals([...third.readAll().keys()], ["a", "c"]);
  assertEquals(third.get("a")?.isPast, undefined);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("tidy compacts a journal that is mostly stale, without changing its results", async () => {
  const { folder, path } = await journal();
  const last = new TaskHistory(path);
  const big = { ...result("1"), parts: { ...result("1").parts, command: "x".repeat(100_000) } };
  for (let round = 0; round < 5; round++) last.set("a", { ...big, at: round });
  last.set("b", result("2"));
  last.begin("b");
  last.tidy();
  const before = (await Deno.stat(path)).size;
  for (let round = 5; round < 15; round++) last.set("a", { ...big, at: round });
  last.tidy();
  assertEquals((await Deno.stat(path)).size < before / 3, true);
  last.set("c", result("3"));
  for (const each of [last, new TaskHistory(path)]) {
    assertEquals(each.readAll().get("a")?.at, 14);
    assertEquals(["a", "b", "c"].map((key) => each.get(key)?.isPast), [undefined, true, undefined]);
  }
  last.close();
  await Deno.remove(folder, { recursive: true });
});

Deno.test("lines written after another process has compacted the journal are not lost", async () => {
  const { folder, path } = await journal();
  const [one, other] = [new TaskHistory(path), new TaskHistory(path)];
  const big = { ...result("1"), parts: { ...result("1").parts, command: "x".repeat(600_000) } };
  for (let round = 0; round < 5; round++) one.set("a", { ...big, at: round });
  one.begin("a");
  other.readAll();
  other.set("b", result("2"));
  other.tidy();
  one.set("a", { ...big, at: 5 });
  one.begin("b");
  const all = new TaskHistory(path).readAll();
  assertEquals([all.get("a")?.at, all.get("a")?.isPast], [5, undefined]);
  assertEquals([one.refresh(), one.get("b")?.fingerprint], [true, "2"]);
  for (const each of [one, other]) each.close();
  await Deno.remove(folder, { recursive: true });
});

Deno.test("a failed write drops the last results instead of leaving stale ones", async () => {
  const { folder, path } = await journal();
  const last = new TaskHistory(path);
  last.set("a", result("1"));
  last.close();
  await Deno.remove(path);
  await Deno.mkdir(path);
  assertThrows(() => last.begin("a"));
  assertEquals(last.get("a"), undefined);
  last.set("a", result("2"));
  assertEquals(new TaskHistory(path).get("a")?.fingerprint, "2");
  last.close();
  await Deno.remove(folder, { recursive: true });
});
