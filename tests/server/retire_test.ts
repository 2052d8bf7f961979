/** Servers that end because they are of no use, or because there are too many. */

import { assert, assertEquals } from "@std/assert";
import type { ByteStream } from "../../system/net/streams.ts";
import { type TestClient, TestServer } from "./support.ts";

const SEEN = { unusedSince: Number.MAX_SAFE_INTEGER, reason: "Least recently used of 4 servers" };

/** Connects another server, as it connects for the limit of the user's servers. */
async function housekeeper(server: TestServer): Promise<TestClient> {
  return await server.join({ role: "operator", features: ["housekeeping"] });
}

/** Asks a server to end, and leaves. Returns its answer. */
async function retire(server: TestServer, params = SEEN): Promise<unknown> {
  const asking = await housekeeper(server);
  const answer = await asking.call("retireServer", params);
  await asking.leave();
  return answer;
}

/** Creates an expendable server that a client has used and left. */
async function used(): Promise<TestServer> {
  const server = new TestServer({ isExpendable: true });
  await (await server.join()).leave();
  await server.clock.advance(100);
  return server;
}

Deno.test("a retired server ends in order, and logs the reason", async () => {
  await using server = await used();
  assertEquals(await retire(server), true);
  assertEquals((await server.ended).isClean, true);
  assert(server.log.messages.includes("Least recently used of 4 servers, exiting."));
});

Deno.test("of several servers that ask at once, none is told that the server goes on", async () => {
  await using server = await used();
  const asking = [await housekeeper(server), await housekeeper(server)];
  const answers = await Promise.all(
    asking.map((each) => each.call("retireServer", SEEN).catch((error: Error) => error.message)),
  );
  assertEquals(answers[0], true);
  assert(answers[1] === true || answers[1] === "the server closed the connection");
  await server.ended;
});

Deno.test("a server with a client of any role goes on", async () => {
  for (const role of ["controller", "observer", "operator"] as const) {
    await using server = await used();
    const client = await server.join({ role });
    assertEquals(await retire(server), false, role);
    assertEquals(await client.call("ping"), "Still alive!");
  }
});

Deno.test("a server with a detached command in progress goes on", async () => {
  await using server = await used();
  const client = await server.join();
  await client.call("work", { detached: true });
  await client.leave();
  await server.clock.advance(60_000);
  assertEquals(await retire(server), false);
  (await server.cooker.build(0)).end({ kind: "completed" });
});

Deno.test("a server that runs a command line of another process goes on", async () => {
  const executes = { isBusy: true, enter: (_: ByteStream) => {}, close: () => {} };
  await using server = new TestServer({ isExpendable: true, executes });
  await server.clock.advance(60_000);
  assertEquals(await retire(server), false);
  executes.isBusy = false;
  assertEquals(await retire(server), true);
});

Deno.test("a server that was used after the known last use goes on", async () => {
  await using server = await used();
  const { usedAt } = server.server;
  await server.clock.advance(5000);
  await (await server.join()).leave();
  await server.clock.advance(100);
  assertEquals(await retire(server, { ...SEEN, unusedSince: usedAt }), false);
  assertEquals(await retire(server, { ...SEEN, unusedSince: server.server.usedAt }), true);
});

Deno.test("a server that no client has used yet goes on for 30 s", async () => {
  await using server = new TestServer({ isExpendable: true });
  assertEquals(await retire(server), false);
  await server.clock.advance(30_000);
  assertEquals(await retire(server), true);
});

Deno.test("a server that is not expendable goes on", async () => {
  await using server = new TestServer();
  await server.clock.advance(60_000);
  assertEquals(await retire(server), false);
});

Deno.test("only operators and the controller may retire a server, with a reason of one line", async () => {
  await using server = await used();
  const observer = await server.join({ role: "observer" });
  const refused = await observer.reply(await observer.send("retireServer", SEEN));
  assert("error" in refused && refused.error.message.includes("only for"));
  const asking = await housekeeper(server);
  const forged = { ...SEEN, reason: "x\n2026-01-01 ERROR forged" };
  const malformed = await asking.reply(await asking.send("retireServer", forged));
  assert("error" in malformed && malformed.error.message.includes("expected one line"));
});

Deno.test("a server reports rest once after its start and after each use, but not after queries", async () => {
  const rests: number[] = [];
  await using server = new TestServer({ onRest: (usedAt) => rests.push(usedAt) });
  await server.clock.waitForSleepers();
  const startedAt = server.clock.now();
  await server.clock.advance(60_000);
  assertEquals(rests, [startedAt]);

  const client = await server.join();
  await server.clock.advance(60_000);
  assertEquals(rests.length, 1, "a client is connected");
  await client.leave();
  await server.clock.advance(900);
  const leftAt = server.server.usedAt;
  assertEquals(rests.length, 1, "another command may follow");
  await server.clock.advance(60_000);
  assertEquals(rests, [startedAt, leftAt]);

  await (await server.join({ role: "operator" })).leave();
  await server.clock.advance(60_000);
  assertEquals(rests.length, 2);
});

Deno.test("a server whose cooker is of no use ends 10 s after its last client has left", async () => {
  await using server = new TestServer({ isExpendable: true, timeoutSeconds: 3600 });
  server.cooker.fault = () => "No config has been valid";
  const client = await server.join();
  await server.clock.advance(60_000);
  await client.leave();
  await server.clock.advance(9000);
  assertEquals(server.log.messages.includes("Exiting"), false);
  await server.clock.advance(2100);
  await server.ended;
  assert(server.log.messages.includes("No config has been valid, exiting."));
});

Deno.test("a server that is not expendable stays although its cooker is of no use", async () => {
  await using server = new TestServer({ timeoutSeconds: 3600 });
  server.cooker.fault = () => "No config has been valid";
  await server.clock.waitForSleepers();
  await server.clock.advance(60_000);
  assertEquals(server.log.messages.includes("Exiting"), false);
});
