import { assert, assertEquals } from "@std/assert";
import { FakeClock } from "../../system/fake_clock.ts";
import { TestServer } from "../server/support.ts";

const DAY_S = 24 * 60 * 60;
const YEAR_MS = 365 * DAY_S * 1000;

/** A clock whose wall-clock time jumps. Its monotonic time, which timeouts use, does not. */
class JumpingClock extends FakeClock {
  jumped = 0;

  override now(): number {
    return super.now() + this.jumped;
  }
}

/** A clock whose monotonic time jumps too, as after a suspend: no timer fires in between. */
class SuspendedClock extends FakeClock {
  asleep = 0;

  override now(): number {
    return super.now() + this.asleep;
  }

  override monotonic(): number {
    return super.monotonic() + this.asleep;
  }
}

Deno.test("an idle server keeps a timeout of one day to the second, and ticks at most about once a second", async () => {
  await using server = new TestServer({ timeoutSeconds: DAY_S });
  const client = await server.join();
  await client.leave();
  let sleeps = 0;
  const { sleep } = server.clock;
  server.clock.sleep = (ms, signal) => {
    sleeps++;
    return sleep.call(server.clock, ms, signal);
  };
  await server.clock.advance((DAY_S - 1) * 1000);
  assertEquals(server.log.messages.includes("Exiting"), false);
  assert(sleeps <= DAY_S + 10, `${sleeps} ticks in a day of rest`);
  await server.clock.advance(2000);
  await server.ended;
});

Deno.test("a wall-clock jump of a year, ahead or back, affects neither a build nor the idle timeout", async () => {
  for (const jump of [YEAR_MS, -YEAR_MS]) {
    const clock = new JumpingClock(2 * YEAR_MS);
    await using server = new TestServer({ timeoutSeconds: 60, clock });
    const client = await server.join();
    await client.call("work", { detached: true });
    clock.jumped = jump;
    await clock.advance(120_000);
    assertEquals(await client.call("ping"), "Still alive!");
    (await server.cooker.build(0)).end({ kind: "completed" });
    await client.event("CommandCompleted");
    await client.leave();
    clock.jumped = -jump;
    await clock.advance(59_000);
    assertEquals(server.log.messages.includes("Exiting"), false);
    await clock.advance(2000);
    await server.ended;
  }
});

Deno.test("a client and its build survive a suspend of the machine, and the idle timeout still works", async () => {
  const clock = new SuspendedClock();
  await using server = new TestServer({ timeoutSeconds: 60, clock });
  const client = await server.join();
  await client.call("work", {});
  clock.asleep += 8 * 60 * 60 * 1000;
  await clock.advance(1000);
  assertEquals(await client.call("ping"), "Still alive!");
  (await server.cooker.build(0)).end({ kind: "completed" });
  await client.event("CommandCompleted");
  await client.leave();
  await clock.advance(58_000);
  assertEquals(server.log.messages.includes("Exiting"), false);
  clock.asleep += 8 * 60 * 60 * 1000;
  await clock.advance(2000);
  await server.ended;
});
