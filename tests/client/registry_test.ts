import { assertEquals } from "@std/assert";
import { ServerRegistry } from "../../project/registry.ts";

Deno.test("the registry lists servers until their own entry is removed, and ignores broken files", async () => {
  const cache = await Deno.makeTempDir();
  const registry = new ServerRegistry(cache);
  assertEquals(registry.list(), []);
  const b = { root: "/b", pid: 2, config: "/b/other.json" };
  registry.add(b);
  registry.add({ root: "/a", pid: 1 });
  assertEquals(registry.list(), [{ root: "/a", pid: 1 }, b]);
  assertEquals(((await Deno.stat(`${cache}/servers`)).mode ?? 0) & 0o777, 0o700);
  registry.add({ root: "/a", pid: 3 });
  registry.remove({ root: "/a", pid: 1 });
  registry.remove(b);
  assertEquals(registry.list(), [{ root: "/a", pid: 3 }]);
  const kept = { root: "/a", pid: 3, usedAt: 1000, isKept: true } as const;
  registry.add(kept);
  assertEquals(registry.list(), [kept]);
  registry.add({ root: "/a", pid: 3 });
  for (const text of ["", "{", "[]", "null", '{"root":"a","pid":1}', '{"root":"/a","pid":"1"}']) {
    await Deno.writeTextFile(`${cache}/servers/broken.json`, text);
    assertEquals(registry.list(), [{ root: "/a", pid: 3 }], text);
  }
  await Deno.remove(cache, { recursive: true });
});
