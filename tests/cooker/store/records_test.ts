import { assertEquals } from "@std/assert";
import { Records } from "../../../cooker/store/records.ts";
import type { StoredResult } from "../../../cooker/store/result.ts";
import { sha256Hex } from "../../../system/files/digest.ts";
import { FakeClock } from "../../../system/fake_clock.ts";
import { MemoryLogger } from "../../../system/logger.ts";

function result(name: string, outputs: number): StoredResult {
  return {
    fingerprint: sha256Hex(name),
    task: name,
    durationMs: 1,
    savedAt: 0,
    outputs: Array.from(
      { length: outputs },
      (_, index) => ({ kind: "link", path: `${name}-${index}`, target: "t" }),
    ),
  };
}

Deno.test("Records bounds its memory by records and outputs, and still finds every record", async () => {
  const base = await Deno.makeTempDir();
  const parts = { clock: new FakeClock(), log: new MemoryLogger(), maxKnown: 100 };
  const records = new Records(`${base}/results`, `${base}/staging`, parts);
  const all = Array.from({ length: 60 }, (_, index) => result(`task-${index}`, index % 9));
  for (let round = 0; round < 3; round++) {
    for (const each of all) {
      records.save(each);
      assertEquals(records.size <= 100, true);
    }
    for (const each of all) assertEquals(records.find(each.fingerprint), each);
  }
  const big = result("big", 100);
  records.save(big);
  assertEquals(records.size, 0);
  assertEquals(records.find(big.fingerprint), big);
  await Deno.remove(base, { recursive: true });
});
