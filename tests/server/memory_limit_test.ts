import { assert, assertEquals, assertMatch } from "@std/assert";
import { TestServer } from "./support.ts";

const MIB = 1024 * 1024;

/** Creates a server with a memory limit of 100 MiB, whose memory use the test sets. */
function limited(): { readonly server: TestServer; readonly memory: { rss: number } } {
  const memory = { rss: 50 * MIB };
  const server = new TestServer({ maxRssBytes: 100 * MIB, rss: () => memory.rss });
  return { server, memory };
}

Deno.test("a server over its memory limit finishes its command, releases memory, and ends if that is not enough", async () => {
  const { server, memory } = limited();
  await using _ = server;
  const observer = await server.join({ role: "observer" });
  const client = await server.join();
  await client.call("work", {});
  memory.rss = 150 * MIB;
  await server.clock.advance(1100);
  const { message, level } = await observer.event("LogRecord");
  assertEquals(level, "warn");
  assertMatch(message, /^Server memory 150\.0 MiB, limit 100\.0 MiB \(--max-rss\): a new server/);
  await server.clock.advance(60_000);
  assertEquals(server.log.messages.filter((line) => line.includes("--max-rss")).length, 1);
  (await server.cooker.build(0)).end({ kind: "completed" });
  await client.event("CommandCompleted");
  await client.leave();
  await server.clock.advance(1100);
  assertEquals(server.cooker.released, 1);
  assertEquals(server.log.messages.includes("Exiting"), false, "memory may be given back yet");
  await server.clock.advance(3100);
  const { reason, mayRenew } = await observer.event("ServerExit");
  assertEquals([mayRenew, reason.includes("--max-rss")], [true, true]);
  await server.ended;
});

Deno.test("a server that releases enough memory keeps running", async () => {
  const { server, memory } = limited();
  await using _ = server;
  server.cooker.releaseMemory = () => memory.rss = 60 * MIB;
  memory.rss = 150 * MIB;
  await server.clock.waitForSleepers();
  await server.clock.advance(60_000);
  assertEquals(memory.rss, 60 * MIB);
  assert(!server.log.messages.includes("Exiting"));
  assertEquals(await (await server.join()).call("ping"), "Still alive!");
});
