import { assertEquals, assertRejects } from "@std/assert";
import { memoryPair, writeAll } from "../../../system/net/streams.ts";
import { FakeClock } from "../../../system/fake_clock.ts";
import { systemClock } from "../../../system/clock.ts";
import { Latch } from "../../../system/source.ts";

Deno.test("a pair of streams carries more bytes than its capacity, and ends", async () => {
  const [a, b] = memoryPair(4);
  const writing = writeAll(a, new TextEncoder().encode("hello world")).then(() => a.close());
  const buffer = new Uint8Array(3);
  let text = "";
  for (let count = await b.read(buffer); count !== null; count = await b.read(buffer)) {
    text += new TextDecoder().decode(buffer.subarray(0, count));
  }
  await writing;
  assertEquals(text, "hello world");
  await assertRejects(() => b.write(buffer), Deno.errors.BrokenPipe);
});

Deno.test("a latch keeps a wake until its next read, and merges several wakes into one", async () => {
  const latch = new Latch("test");
  latch.wake();
  latch.wake();
  await latch.read();
  let isReady = false;
  const reading = latch.read().then(() => isReady = true);
  await Promise.resolve();
  assertEquals(isReady, false);
  latch.wake();
  await reading;
});

Deno.test("a sleep of either clock ends after its time or at its abort signal, and leaves no pending sleep", async () => {
  const fake = new FakeClock();
  for (const clock of [systemClock, fake]) {
    const abort = new AbortController();
    const slept = clock.sleep(60_000, abort.signal);
    abort.abort();
    await slept;
    await clock.sleep(60_000, abort.signal);
  }
  await systemClock.sleep(1);
  assertEquals(fake.sleeping, 0);
  const order: string[] = [];
  const late = fake.sleep(200).then(() => order.push("late"));
  const early = fake.sleep(100).then(() => order.push("early"));
  await fake.waitForSleepers(2);
  await fake.advance(200);
  await Promise.all([late, early]);
  assertEquals(order, ["early", "late"]);
});
