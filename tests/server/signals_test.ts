/** Forwarding of a client's signals to the command that the client has in progress. */

import { assertEquals } from "@std/assert";
import { TestServer } from "./support.ts";

Deno.test("a signal reaches the command in progress without cancelling it, and the reply says if a task received it", async () => {
  await using server = new TestServer();
  const client = await server.join();
  assertEquals(await client.call("signalTasks", { signal: "SIGUSR1" }), false);
  await client.call("work");
  const build = await server.cooker.build(0);
  assertEquals(await client.call("signalTasks", { signal: "SIGUSR1" }), true);
  build.hasReceiver = false;
  assertEquals(await client.call("signalTasks", { signal: "SIGHUP" }), false);
  assertEquals([build.signals, build.cancels], [["SIGUSR1", "SIGHUP"], []]);
});

Deno.test("R25 signalTasks with cancel passes its signal to the command's cancel", async () => {
  await using server = new TestServer();
  const client = await server.join();
  await client.call("work");
  const build = await server.cooker.build(0);
  assertEquals(await client.call("signalTasks", { signal: "SIGINT", cancel: true }), true);
  assertEquals([build.signals, build.cancels], [["SIGINT"], ["signal"]]);
  await client.event("CommandExit");
});

Deno.test("a signal does not reach another UI's command", async () => {
  await using server = new TestServer();
  const before = await server.join();
  await before.call("work", { detached: true });
  const build = await server.cooker.build(0);
  await before.leave();
  const client = await server.join({ features: ["queueCommands"] });
  await client.send("work");
  for (const cancel of [false, true]) {
    assertEquals(await client.call("signalTasks", { signal: "SIGINT", cancel }), false);
  }
  assertEquals([build.signals, build.cancels], [[], []]);
});
