import { assertEquals } from "@std/assert";
import { PassedDescriptors } from "../../../system/process/passed_descriptors.ts";

Deno.test("PassedDescriptors closes descriptors after the command line and the work that goes on after it", async () => {
  const passed = new PassedDescriptors();
  const closed: (readonly number[])[] = [];
  const ticket = passed.add(new Map([[0, 12], [3, 15]]), (unused) => closed.push(unused));
  const work = Promise.withResolvers<void>();
  const during = passed.during(ticket, work.promise);
  passed.release(ticket);
  assertEquals([passed.of(ticket)?.get(3), closed], [15, []]);
  work.resolve();
  await during;
  assertEquals([passed.of(ticket), closed], [undefined, [[12, 15]]]);
  passed.release(ticket);
  assertEquals(closed.length, 1);
});

Deno.test("PassedDescriptors closes descriptors although the work fails, and does not keep closed ones", async () => {
  const passed = new PassedDescriptors();
  let closes = 0;
  const ticket = passed.add(new Map([[0, 12]]), () => closes++);
  const during = passed.during(ticket, Promise.reject(new Error("failed")));
  passed.release(ticket);
  assertEquals(await during.catch((error: Error) => error.message), "failed");
  await passed.during(ticket, Promise.resolve());
  assertEquals(closes, 1);
});
