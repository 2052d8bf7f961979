import { assertEquals } from "@std/assert";
import { MemoryRelease } from "../../cooker/memory_release.ts";
import { FakeClock } from "../../system/fake_clock.ts";
import { memoryReleaser } from "../../system/process/memory.ts";
import { OwnedWork } from "../../system/owned_work.ts";
import { macrotask } from "../../system/macrotask.ts";

/** Creates an owner that throws if its work fails. */
function owner(): OwnedWork {
  return new OwnedWork((what, error) => {
    throw new Error(what, { cause: error });
  });
}

Deno.test("MemoryRelease releases memory once after a large build, when the server is idle", async () => {
  const clock = new FakeClock(0);
  let released = 0;
  const spare = new MemoryRelease(clock, () => Promise.resolve(() => void released++), owner());
  const look = async (isBusy = false): Promise<number> => {
    await clock.advance(1000);
    spare.look(isBusy);
    await macrotask();
    return released;
  };
  const looks = async (count: number, isBusy?: boolean): Promise<number> => {
    for (let index = 0; index < count; index++) await look(isBusy);
    return released;
  };
  assertEquals(await looks(20), 0);
  spare.built(10);
  assertEquals(await looks(20), 0);
  spare.built(1000);
  assertEquals([await looks(4), await looks(20, true)], [0, 0]);
  assertEquals(await looks(20), 1);
  spare.built(1000);
  assertEquals([await looks(4), await looks(20)], [1, 2]);
});

Deno.test("memoryReleaser shrinks a heap after most of it has become garbage", async () => {
  const release = await memoryReleaser();
  const before = Deno.memoryUsage().heapTotal;
  let junk = Array.from({ length: 300_000 }, (_, index) => ({ index }));
  assertEquals(junk.length, 300_000);
  const most = Deno.memoryUsage().heapTotal;
  junk = [];
  release();
  const after = Deno.memoryUsage().heapTotal;
  assertEquals(after < before + (most - before) / 2, true, `${before} ${most} ${after}`);
});
