import { assert, assertEquals } from "@std/assert";
import { residentBytes, usableMemory } from "../../../system/process/memory.ts";

Deno.test("residentBytes returns the memory of a process, and undefined for a missing one", async () => {
  const own = await residentBytes(Deno.pid);
  const { rss } = Deno.memoryUsage();
  assert(own !== undefined && own > rss / 2 && own < rss * 2, `${own} and ${rss}`);
  assertEquals(await residentBytes(2 ** 30), undefined);
});

Deno.test("usableMemory is at most the memory of the machine", async () => {
  const usable = await usableMemory();
  assert(usable > 0 && usable <= Deno.systemMemoryInfo().total, String(usable));
});
