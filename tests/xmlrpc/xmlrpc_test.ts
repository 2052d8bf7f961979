/** XML-RPC: permissions, disconnects of clients, and delivery of events. */

import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { nativeDialect } from "../../xmlrpc/dialect.ts";
import { isCall, PushQueue } from "../../xmlrpc/push_queue.ts";
import { XmlRpcFault } from "../../xmlrpc/values.ts";
import { SILENT_MS } from "../../xmlrpc/clients.ts";
import { PROBE_MS, PUSH_MS } from "../../xmlrpc/pusher.ts";
import { macrotask } from "../../system/macrotask.ts";
import type { ServerStatus } from "../../wire/commands.ts";
import type { SimmerEvent } from "../../wire/events.ts";
import { MANY, SINGLE } from "../../server/policy.ts";
import { StreamClient, type TestCommand } from "../server/support.ts";
import { type EventServer, XmlRpcServer } from "./support.ts";

const REFUSED = "is refused";

/** Emits output of a build. */
function say(build: TestCommand, text: string): void {
  build.call.emit({ type: "TaskOutput", build: build.build, task: "a", stream: "stdout", text });
}

async function roles(server: XmlRpcServer): Promise<string[]> {
  const [status] = await server.run("observer", "status") as [unknown];
  return (status as ServerStatus).clients.slice(0, -1).map(({ role }) => role);
}

/** Resolves when the build has been cancelled. */
async function cancelled(build: TestCommand, server: XmlRpcServer): Promise<void> {
  while (build.cancels.length === 0) await server.clock.advance(100);
}

Deno.test("XML-RPC calls without a valid token are refused", async () => {
  await using server = new XmlRpcServer();
  const calls: [string, string[]][] = [
    ["runCommand", ["ping"]],
    ["runCommand", ["work"]],
    ["getEventHandle", []],
    ["unregisterEventHandler", []],
    ["removeClient", []],
    ["terminateServer", []],
  ];
  for (const [method, params] of calls) {
    for (const token of [undefined, "", "0".repeat(32), "Observer"]) {
      const call = server.call(method, [params], token);
      await assertRejects(() => call, XmlRpcFault, REFUSED, `${method} with ${token}`);
    }
  }
  assertEquals(server.cooker.builds.length, 0);
});

Deno.test("XML-RPC a wrong token is refused while another token is valid", async () => {
  await using server = new XmlRpcServer();
  const { token } = await server.join();
  assertMatch(token, /^[0-9a-f]{32}$/);
  const last = token.endsWith("0") ? "1" : "0";
  for (const wrong of [token.slice(0, -1) + last, token.slice(0, -1), `${token}0`, ""]) {
    await assertRejects(() => server.run(wrong, "work"), XmlRpcFault, REFUSED);
  }
  assertEquals(await server.run(token, "work"), [{ build: "build-1" }, null]);
});

Deno.test("XML-RPC the token may also be sent as the header field Simmer-token", async () => {
  await using server = new XmlRpcServer();
  const { token } = await server.join();
  const { callOver } = await import("../../xmlrpc/http_client.ts");
  const address = { host: "127.0.0.1", port: 8200 };
  const call = { method: "runCommand", params: [["ping"]] };
  const answer = await callOver(server.connect(), address, call, { "Simmer-token": token });
  assertEquals(answer, ["Still alive!", null]);
});

Deno.test("R4 addClient returns one token at a time, and nil while a client holds the server", async () => {
  await using server = new XmlRpcServer();
  const { token } = await server.join();
  assertEquals(await server.call("addClient"), null);
  assertEquals(await server.call("removeClient", [], token), null);
  await assertRejects(() => server.run(token, "ping"), XmlRpcFault, REFUSED);
  const next = await server.call("addClient");
  assert(typeof next === "string" && next !== token);
});

Deno.test("R4 addClient returns nil while a native UI is the controller", async () => {
  await using server = new XmlRpcServer();
  const client = await server.joinNatively();
  assertEquals(await server.call("addClient"), null);
  await client.leave();
  let token = null;
  while (token === null) token = await server.call("addClient") as null;
});

for (
  const [policy, role] of [[SINGLE, "waiting"], [MANY, "controller"]] as const
) {
  Deno.test(`R4 by the policy ${policy.name}: a native UI beside an XML-RPC client with a token is ${role}`, async () => {
    await using server = new XmlRpcServer({ server: { policy } });
    const { token } = await server.join();
    await server.run(token, "work");
    const native = new StreamClient(server.native.connect());
    assertEquals((await native.hello()).role, role);
    const id = await native.send("work");
    if (role === "controller") await native.reply(id);
    assertEquals(server.cooker.builds.length, role === "controller" ? 2 : 1);
    await server.call("removeClient", [], token);
    await cancelled(await server.cooker.build(0), server);
    while (server.cooker.builds.length < 2) await server.clock.advance(100);
    const reply = await native.reply(id);
    assertEquals("result" in reply && reply.result, { build: "build-2" });
    assertEquals(server.cooker.builds.map(({ cancels }) => cancels), [["end"], []]);
    await native.leave();
  });
}

Deno.test("R4 by the policy many: addClient returns nil during a detached build, as by whenBusy=refuse", async () => {
  await using server = new XmlRpcServer({ server: { policy: MANY } });
  const native = await server.joinNatively();
  await native.call("work", { detached: true });
  await native.leave();
  assertEquals(await server.call("addClient"), null);
  (await server.cooker.build(0)).end({ kind: "completed" });
  let token = null;
  while (token === null) token = await server.call("addClient") as null;
});

Deno.test("XML-RPC an observer may only run commands that read", async () => {
  await using server = new XmlRpcServer();
  const { token } = await server.join();
  assertEquals(await server.run("observer", "ping"), ["Still alive!", null]);
  assertEquals((await server.run("observer", "look") as unknown[])[1], null);
  for (const name of ["work", "change", "stateShutdown", "terminateServer"]) {
    const [value, error] = await server.run("observer", name) as [unknown, string];
    assertEquals(value, null);
    assertStringIncludes(error, `${name} is only for`);
  }
  await assertRejects(() => server.call("terminateServer", [], "observer"), XmlRpcFault);
  assertEquals(await server.call("removeClient", [], "observer"), null);
  assertEquals(await server.run(token, "work"), [{ build: "build-1" }, null]);
  assertEquals(server.cooker.calls.filter((name) => name === "work" || name === "change"), [
    "work",
  ]);
});

Deno.test("XML-RPC errors of commands are returned as texts, and unknown methods as faults", async () => {
  await using server = new XmlRpcServer();
  const { token } = await server.join();
  const errorOf = async (...line: string[]): Promise<unknown> =>
    (await server.call("runCommand", [line], token) as unknown[])[1];
  assertStringIncludes(String(await errorOf("pnig")), "Did you mean ping?");
  assertStringIncludes(String(await errorOf("ping", "now")), "one struct");
  assertStringIncludes(String(await errorOf("hello")), "addClient");
  assertStringIncludes(String(await errorOf("crash")), "crash failed");
  await assertRejects(() => server.call("system.listMethods"), XmlRpcFault, "No such method");
  await assertRejects(() => server.call("__proto__"), XmlRpcFault, "No such method");
  await assertRejects(() => server.call("runCommand", [], token), XmlRpcFault, "runCommand([name");
  assertEquals(await server.run(token, "ping"), ["Still alive!", null]);
});

Deno.test("R10 a build's events are pushed in order to the client's event server", async () => {
  await using server = new XmlRpcServer();
  const { events, handle, token } = await server.join();
  assertEquals(await server.call("getEventHandle", [], token), handle);
  assertEquals(await server.run(token, "getUIHandlerNum"), [handle, null]);
  await server.run(token, "work");
  const build = await server.cooker.build(0);
  for (let line = 0; line < 100; line++) say(build, `line ${line} <&>\r\n\u0001é\n`);
  build.end({ kind: "completed" });
  await events.event("CommandCompleted");
  assertEquals(events.events.map(({ seq }) => seq), Array.from({ length: 101 }, (_, i) => i + 1));
  const [first] = events.events;
  assertEquals(first?.type === "TaskOutput" && first.text, "line 0 <&>\r\n\u0001é\n");
  assertEquals([...events.methods], ["event.send"]);
});

Deno.test("XML-RPC a client that becomes the controller misses no event and gets none twice", async () => {
  await using server = new XmlRpcServer();
  const native = await server.joinNatively();
  await native.call("work", { detached: true });
  const build = await server.cooker.build(0);
  const events = server.events(5000);
  await server.call("registerEventHandler", ["127.0.0.1", 5000]);
  await native.leave();
  let token = null;
  for (let line = 0; token === null; line++) {
    say(build, `${line}`);
    const answer = server.call("addClient");
    say(build, `${line} more`);
    token = await answer as null;
  }
  say(build, "last");
  build.end({ kind: "completed" });
  await events.event("CommandCompleted");
  const seqs = events.events.map(({ seq }) => seq);
  const from = seqs[0] ?? 0;
  assertEquals(seqs, seqs.map((_, index) => from + index));
});

Deno.test("XML-RPC each event handler gets the events that its own mask passes", async () => {
  await using server = new XmlRpcServer();
  const { events, token } = await server.join();
  const watching = server.events(5001);
  const [handle] = await server.call("registerEventHandler", ["127.0.0.1", 5001]) as number[];
  const mask = { types: ["CommandCompleted"], handle: handle ?? 0 };
  assertEquals(await server.run("observer", "setEventMask", mask), [null, null]);
  await server.run(token, "work");
  const build = await server.cooker.build(0);
  say(build, "hello");
  build.end({ kind: "completed" });
  await Promise.all([events.event("CommandCompleted"), watching.event("CommandCompleted")]);
  assertEquals(events.events.map(({ type }) => type), ["TaskOutput", "CommandCompleted"]);
  assertEquals(watching.events.map(({ type }) => type), ["CommandCompleted"]);
});

Deno.test("R7 removeClient cancels the build, unless it is detached", async () => {
  for (const detached of [false, true]) {
    await using server = new XmlRpcServer();
    const { token, handle } = await server.join();
    await server.run(token, "work", { detached });
    const build = await server.cooker.build(0);
    await server.call("unregisterEventHandler", [handle], token);
    assertEquals(build.cancels, []);
    await server.call("removeClient", [], token);
    if (detached) await server.clock.advance(1000);
    else await cancelled(build, server);
    assertEquals(build.cancels, detached ? [] : ["end"]);
    build.end({ kind: "completed" });
  }
});

Deno.test("R7 a client's build is cancelled if its event server has gone", async () => {
  await using server = new XmlRpcServer();
  const { events, token } = await server.join();
  await server.run(token, "work");
  const build = await server.cooker.build(0);
  events.mode = "gone";
  say(build, "hello");
  await events.until(() => events.connections === 1);
  assertEquals(build.cancels, []);
  await cancelled(build, server);
  assertEquals(events.connections, 3);
  assertStringIncludes(
    server.logged,
    "warn Dropping event handler 127.0.0.1:5000: no process answers",
  );
  await assertRejects(() => server.run(token, "ping"), XmlRpcFault, REFUSED);
  assertEquals(await roles(server), []);
  assert(typeof await server.call("addClient") === "string");
});

Deno.test("R7 a client that has gone is detected even without events", async () => {
  await using server = new XmlRpcServer();
  const { events, token } = await server.join();
  await server.clock.advance(PROBE_MS);
  assertEquals([events.connections, await roles(server)], [1, ["controller"]]);
  events.mode = "gone";
  await server.clock.advance(PROBE_MS + 5000);
  await assertRejects(() => server.run(token, "ping"), XmlRpcFault, REFUSED);
  assertEquals(await roles(server), []);
});

Deno.test("R7 a silent client without an event server is removed after a timeout", async () => {
  await using server = new XmlRpcServer();
  const token = String(await server.call("addClient"));
  await server.clock.advance(SILENT_MS / 2);
  await server.run(token, "work");
  await server.clock.advance(3 * SILENT_MS);
  assertEquals(await roles(server), ["controller"]);
  (await server.cooker.build(0)).end({ kind: "completed" });
  await server.clock.advance(2 * SILENT_MS);
  assertEquals(await roles(server), []);
  assertStringIncludes(server.logged, "Dropping an XML-RPC client");
});

Deno.test("R3 a client that hangs on an event is dropped, and does not delay other clients", async () => {
  await using server = new XmlRpcServer();
  const { events, token } = await server.join();
  const hanging = server.events(5001);
  hanging.mode = "hang";
  await server.call("registerEventHandler", ["127.0.0.1", 5001]);
  await server.run(token, "work");
  const build = await server.cooker.build(0);
  say(build, "one");
  say(build, "two");
  await events.until(() => events.events.length === 2);
  await hanging.until(() => hanging.connections === 1);
  assertEquals(await roles(server), ["controller", "observer"]);
  await server.clock.advance(PUSH_MS);
  assertStringIncludes(server.logged, "Dropping event handler 127.0.0.1:5001");
  assertEquals(await roles(server), ["controller"]);
  build.end({ kind: "completed" });
  await events.event("CommandCompleted");
});

Deno.test("XML-RPC a slow client loses no events of its build, and its calls are answered", async () => {
  await using server = new XmlRpcServer();
  const { events, token } = await server.join();
  await server.run(token, "work");
  const build = await server.cooker.build(0);
  const { promise, resolve } = Promise.withResolvers<void>();
  events.gate = promise;
  let pushed = 0;
  const fill = (): Promise<void> | undefined => {
    const event = { type: "TaskOutput", build: build.build, task: "a", stream: "stdout" } as const;
    pushed++;
    return build.call.emit({ ...event, text: "x".repeat(100_000) }).ready;
  };
  let ready = fill();
  while (ready === undefined) {
    await macrotask();
    ready = fill();
  }
  assert(pushed < 50, "a few megabytes are held, no more");
  assertEquals(await server.run(token, "ping"), ["Still alive!", null]);
  assertEquals(events.events.length, 0);
  resolve();
  for (; pushed < 400; ready = fill()) await ready;
  build.end({ kind: "completed" });
  await events.event("CommandCompleted");
  assertEquals(events.events.length, pushed + 1);
});

Deno.test("XML-RPC an event handler must be at the address of the caller", async () => {
  await using server = new XmlRpcServer();
  const register = (host: string, port: number, from: string): Promise<unknown> =>
    server.call("registerEventHandler", [host, port], undefined, from);
  await assertRejects(
    () => register("10.0.0.9", 80, "127.0.0.1"),
    XmlRpcFault,
    "only to the caller's host",
  );
  await assertRejects(
    () => register("127.0.0.1", 80, "10.0.0.9"),
    XmlRpcFault,
    "only to the caller's host",
  );
  await assertRejects(() => register("127.0.0.1", 0, "127.0.0.1"), XmlRpcFault, "1 to 65535");
  const [handle, words] = await register("10.0.0.9", 80, "10.0.0.9") as [number, string];
  assertEquals([typeof handle, words], ["number", "OK"]);
});

Deno.test("XML-RPC a client cannot unregister another client's event handler", async () => {
  await using server = new XmlRpcServer();
  const { handle } = await server.join();
  const unregister = (host: string): Promise<unknown> =>
    server.call("unregisterEventHandler", [handle], "observer", host);
  await assertRejects(() => unregister("127.0.0.1"), XmlRpcFault, "belongs to another client");
  await assertRejects(() => unregister("10.0.0.9"), XmlRpcFault, "belongs to another client");
  assertEquals(await server.call("unregisterEventHandler", [999], "observer"), null);
});

Deno.test("XML-RPC an observer's handler never becomes the controller's", async () => {
  await using server = new XmlRpcServer();
  const own = server.events(5000);
  const watching = server.events(5001);
  const [handle] = await server.call("registerEventHandler", ["127.0.0.1", 5000]) as number[];
  await server.call("registerEventHandler", ["127.0.0.1", 5001], "observer");
  const token = String(await server.call("addClient"));
  assertEquals(await server.call("getEventHandle", [], token), handle);
  watching.mode = "gone";
  await server.run(token, "work");
  const build = await server.cooker.build(0);
  say(build, "hello");
  await own.until(() => own.events.length === 1);
  await server.clock.advance(10_000);
  assertEquals([build.cancels.length, await roles(server)], [0, ["controller"]]);
});

Deno.test("XML-RPC the numbers of event handlers and connections are limited", async () => {
  await using server = new XmlRpcServer();
  const register = async (port: number): Promise<unknown> => {
    server.events(port);
    return (await server.call("registerEventHandler", ["127.0.0.1", port]) as unknown[])[0];
  };
  for (let port = 1; port <= 32; port++) assert(await register(port) !== null);
  assertEquals(await register(33), null);
  const silent = Array.from({ length: 64 }, () => server.connect());
  await assertRejects(() => server.call("addClient"), Error);
  for (const stream of silent) stream.close();
  while (!await server.call("addClient").catch(() => null));
});

Deno.test("XML-RPC a connection of another user of this machine is refused", async () => {
  await using server = new XmlRpcServer();
  const stream = server.connect("127.0.0.1", (Deno.uid() ?? 0) + 1);
  assertEquals(await stream.read(new Uint8Array(10)), null);
  assertStringIncludes(
    server.logged,
    "Dropping a connection to XML-RPC: This server belongs to user",
  );
});

Deno.test("XML-RPC the log warns of an address that other machines can reach, but not of a loopback one", async () => {
  await using local = new XmlRpcServer();
  await using open = new XmlRpcServer({ path: "0.0.0.0:8200" });
  assertEquals(local.logged.includes("warn"), false);
  assertStringIncludes(open.logged, "warn XML-RPC at 0.0.0.0:8200 is open to other machines");
});

Deno.test("R12 terminateServer is answered, and ServerExit is pushed", async () => {
  await using server = new XmlRpcServer();
  const { events, token } = await server.join();
  assertEquals(await server.call("terminateServer", [], token), null);
  assertEquals((await events.event("ServerExit")).type, "ServerExit");
  await server.ended;
});

Deno.test("R12 a client that accepts no events does not prevent the shutdown", async () => {
  await using server = new XmlRpcServer();
  const { events, token } = await server.join();
  events.mode = "hang";
  await server.call("terminateServer", [], token);
  await events.until(() => events.connections === 1);
  let isOver = false;
  const over = server.ended.then(() => isOver = true);
  while (!isOver) await server.clock.advance(500);
  await over;
});

Deno.test("R8 a server with a client and its event handler does not time out, and without them it does", async () => {
  await using server = new XmlRpcServer({ server: { timeoutSeconds: 60 } });
  const { token, handle } = await server.join();
  await server.clock.advance(200_000);
  assertEquals(await server.run(token, "ping"), ["Still alive!", null]);
  await server.call("unregisterEventHandler", [handle], token);
  await server.call("removeClient", [], token);
  let isOver = false;
  const over = server.ended.then(() => isOver = true);
  while (!isOver) await server.clock.advance(1000);
  await over;
  assertStringIncludes(server.logged, "Server timeout, exiting.");
});

Deno.test("XML-RPC a failing event encoder drops its client, and the server keeps running", async () => {
  await using server = new XmlRpcServer({
    door: {
      dialect: {
        ...nativeDialect,
        eventEncoder: () => () => {
          throw new RangeError("no words for that");
        },
      },
    },
  });
  const { token } = await server.join();
  await server.run(token, "work");
  const build = await server.cooker.build(0);
  say(build, "hello");
  await cancelled(build, server);
  assertStringIncludes(server.logged, "no words for that");
  assertEquals(await server.run("observer", "ping"), ["Still alive!", null]);
});

Deno.test("XML-RPC the event queue of a client is limited, and EventsDropped reports the loss", () => {
  const queue = new PushQueue();
  const stamp = (seq: number): { seq: number; time: number } => ({ seq, time: 0 });
  const output = { type: "TaskOutput", build: "1", task: "a", stream: "stdout" } as const;
  for (let seq = 1; seq <= 100; seq++) {
    queue.push({ ...output, ...stamp(seq), text: "x".repeat(1024 * 1024) });
  }
  queue.push({ type: "CommandCompleted", command: "work", ...stamp(101) });
  assert(queue.room !== undefined);
  const taken: SimmerEvent[] = [];
  for (let item = queue.shift(); item !== undefined; item = queue.shift()) {
    assert(!isCall(item));
    taken.push(item);
  }
  const kept = taken.filter(({ type }) => type === "TaskOutput").length;
  assert(kept >= 8 && kept < 12, `${kept}`);
  const [dropped, completed] = taken.slice(-2);
  assertEquals(dropped, { type: "EventsDropped", count: 100 - kept, ...stamp(100) });
  assertEquals(completed?.type, "CommandCompleted");
  assertEquals(queue.room, undefined);
});

Deno.test("XML-RPC a custom dialect runs commands and encodes events", async () => {
  const encoded: string[] = [];
  const forgotten: number[] = [];
  const pushed = Promise.withResolvers<void>();
  await using server = new XmlRpcServer({
    door: {
      dialect: {
        openCommands: new Set(["setFeatures"]),
        runCommand: (name, args, { role }) => Promise.resolve([[name, role, ...args], null]),
        eventEncoder: (handle) => (event) => {
          encoded.push(`${handle} ${event.type}`);
          if (event.type === "CommandCompleted") pushed.resolve();
          return [];
        },
        forget: (handle) => forgotten.push(handle),
      },
    },
  });
  const { handle, token } = await server.join();
  assertEquals(await server.run("", "setFeatures", 1), [["setFeatures", "none", 1], null]);
  await assertRejects(() => server.run("", "other"), XmlRpcFault, REFUSED);
  assertEquals(await server.run(token, "build", ["x"]), [["build", "controller", ["x"]], null]);
  const events: EventServer = server.events(5000);
  server.cooker.host?.emit({ type: "CommandCompleted", command: "x" });
  await pushed.promise;
  assertEquals([encoded, events.connections], [[`${handle} CommandCompleted`], 0]);
  await server.call("unregisterEventHandler", [handle], token);
  assertEquals(forgotten, [handle]);
});
