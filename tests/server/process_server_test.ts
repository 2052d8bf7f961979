import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { ERROR_CODES } from "../../wire/errors.ts";
import { COMMANDS, SERVER_COMMANDS } from "../../wire/commands.ts";
import { encodeFrame } from "../../wire/frame.ts";
import { request } from "../../wire/messages.ts";
import { writeAll } from "../../system/net/streams.ts";
import { MAX_FRAME_BYTES } from "../../wire/frame.ts";
import { MANY } from "../../server/policy.ts";
import { helloParams, StreamClient, TestServer } from "./support.ts";

const text = (words: string): Uint8Array => new TextEncoder().encode(words);

Deno.test("R1 the server calls preServe and logs the paths of its lock file and socket at its start", async () => {
  await using server = new TestServer({ lockPath: "/project/.simmer/lock" });
  await server.join();
  assertEquals(server.cooker.calls, ["preServe"]);
  assertEquals(server.log.messages.slice(0, 3), [
    "Entering server connection loop",
    "Lock file: /project/.simmer/lock",
    "Socket: /memory/server.sock",
  ]);
});

Deno.test("R2 the loop serves the listener, the commands of each client, and the idle tick", async () => {
  await using server = new TestServer();
  const a = await server.join({ role: "observer" });
  const b = await server.join({ role: "observer" });
  assertEquals([await a.call("ping"), await b.call("ping")], ["Still alive!", "Still alive!"]);
  let ticks = 0;
  server.cooker.host?.registerIdle("count", () => {
    ticks++;
    return 0;
  });
  await server.clock.waitForSleepers();
  await server.clock.advance(1000);
  assert(ticks >= 10, `${ticks} ticks in a second`);
});

Deno.test("R3 a client that sends without pause does not starve other clients, new connections, or idle work", async () => {
  await using server = new TestServer();
  const flood = await server.join({ role: "observer" });
  let isFlooding = true;
  const sending = (async () => {
    const lines = encodeFrame(request(1_000_000, "ping", {}));
    const many = new Uint8Array(lines.length * 500);
    for (let index = 0; index < 500; index++) many.set(lines, index * lines.length);
    while (isFlooding) await writeAll(flood.stream, many);
  })();
  let idleCalls = 0;
  server.cooker.host?.registerIdle("count", () => ++idleCalls < 1e9);
  const other = await server.join({ role: "observer" });
  for (let index = 0; index < 50; index++) await other.call("ping");
  const newcomer = await server.join({ role: "observer" });
  assertEquals(await newcomer.call("ping"), "Still alive!");
  assert(idleCalls > 50);
  isFlooding = false;
  await sending;
});

Deno.test("R4 the first UI becomes the controller, and a second one waits and learns who the controller is", async () => {
  await using server = new TestServer();
  const first = server.connect();
  assertEquals(
    (await first.hello({ client: { pid: 41, command: "simmer run a" } })).role,
    "controller",
  );
  await first.call("work");
  const second = server.connect();
  const answer = await second.hello();
  assertEquals(answer.role, "waiting");
  assertEquals(answer.queue, {
    position: 1,
    holder: { pid: 41, command: "simmer run a", busyWith: "work" },
  });
});

Deno.test("R4 a second UI with whenBusy=refuse is refused, and the log reports it", async () => {
  await using server = new TestServer();
  await server.join();
  const second = server.connect();
  const error = await assertRejects(() => second.hello({ whenBusy: "refuse" }), Error);
  assertEquals((error as unknown as { code: number }).code, ERROR_CODES.busy);
  await second.ended;
  const dropped = "Dropping connection attempt as we have a UI [client 2]";
  assertEquals(server.log.messages.filter((line) => line.startsWith("Dropping")), [dropped]);
});

Deno.test("R4 a second UI with whenBusy=observe becomes an observer", async () => {
  await using server = new TestServer();
  await server.join();
  const second = server.connect();
  assertEquals((await second.hello({ whenBusy: "observe" })).role, "observer");
});

Deno.test("R4 the server accepts connections again after a failed accept", async () => {
  await using server = new TestServer();
  await server.join({ role: "observer" });
  server.listener.failOnce(new Error("Too many open files"));
  server.connect();
  const late = server.connect();
  await server.clock.waitForSleepers(2);
  await server.clock.advance(100);
  assertEquals((await late.hello({ role: "observer" })).role, "observer");
  assert(server.log.messages.some((message) => message.includes("Too many open files")));
});

Deno.test("R5 ten observers see the same events in the same order as the controller", async () => {
  await using server = new TestServer();
  const controller = await server.join();
  const observers = await Promise.all(
    Array.from({ length: 10 }, () => server.join({ role: "observer" })),
  );
  await controller.call("work");
  const build = await server.cooker.build(0);
  for (let index = 0; index < 500; index++) {
    build.call.emit({
      type: "TaskOutput",
      build: build.build,
      task: "a",
      stream: index % 3 === 0 ? "stderr" : "stdout",
      text: `line ${index}\n`,
    });
  }
  build.end({ kind: "completed" });
  const all = [controller, ...observers];
  await Promise.all(all.map((client) => client.event("CommandCompleted")));
  const seen = all.map((client) => client.events.map(({ seq, type }) => `${seq} ${type}`));
  assertEquals(seen[0]?.length, 501);
  for (const each of seen) assertEquals(each, seen[0]);
});

Deno.test("R5 an event mask filters the events of its own UI only", async () => {
  await using server = new TestServer();
  const controller = await server.join();
  const observer = await server.join({ role: "observer" });
  await observer.call("setEventMask", { types: ["LogRecord"], logLevel: "error" });
  for (const level of ["debug", "info", "error"] as const) {
    server.cooker.host?.emit({ type: "LogRecord", level, message: level });
  }
  await controller.call("ping");
  await observer.call("ping");
  const levels = (client: StreamClient): string[] =>
    client.events.map((event) => event.type === "LogRecord" ? event.level : event.type);
  assertEquals(levels(controller), ["info", "error"]);
  assertEquals(levels(observer), ["error"]);
  assertEquals(observer.events[0]?.seq, 3, "numbers have gaps where the mask held back");
});

Deno.test("R6 every command in the table is answered exactly once", async () => {
  const params: Record<string, unknown> = {
    setFeatures: { features: [] },
    signalTasks: { signal: "SIGUSR1" },
    retireServer: { unusedSince: 0, reason: "too many servers" },
  };
  for (const name of Object.keys(COMMANDS)) {
    await using server = new TestServer();
    const client = await server.join();
    const id = await client.send(name, params[name] ?? {});
    await client.reply(id);
    if (name !== "terminateServer") await client.call("ping");
    const replies = client.messages.filter((message) => "id" in message && message.id === id);
    assertEquals(replies.length, 1, name);
    const isServers = name in SERVER_COMMANDS;
    assertEquals(replies.some((reply) => "error" in reply), !isServers, name);
  }
});

Deno.test("R6 an exception in a command is logged with its stack and answered, and the server keeps running", async () => {
  await using server = new TestServer();
  const client = await server.join();
  const response = await client.reply(await client.send("crash"));
  assert("error" in response);
  assertEquals(response.error.code, ERROR_CODES.internalError);
  assertEquals(response.error.message.includes("the cooker broke"), false);
  const logged = server.log.messages.at(-1) ?? "";
  assertStringIncludes(logged, "the cooker broke");
  assertStringIncludes(logged, "support.ts");
  assertEquals(await client.call("ping"), "Still alive!");
});

Deno.test("R6 a slow reply does not delay the replies to later requests", async () => {
  await using server = new TestServer();
  const client = await server.join();
  const id = await client.send("later");
  assertEquals(await client.call("ping"), "Still alive!");
  server.cooker.laterAnswer.resolve("at last");
  const response = await client.reply(id);
  assertEquals("result" in response && response.result, "at last");
});

Deno.test("R6 errors for unknown commands and wrong parameters name the mistake or suggest a command", async () => {
  await using server = new TestServer();
  const client = await server.join();
  const cases: [string, unknown, number, string][] = [
    ["pnig", {}, ERROR_CODES.methodNotFound, "Did you mean ping?"],
    ["toString", {}, ERROR_CODES.methodNotFound, "No such command: toString"],
    ["setEventMask", { types: ["Nonsense"] }, ERROR_CODES.invalidParams, "types.0"],
    ["setEventMask", { tpyes: [] }, ERROR_CODES.invalidParams, "tpyes"],
    ["ping", [1], ERROR_CODES.invalidParams, "ping"],
  ];
  for (const [method, params, code, words] of cases) {
    const response = await client.reply(await client.send(method, params));
    assert("error" in response);
    assertEquals(response.error.code, code, response.error.message);
    assertStringIncludes(response.error.message, words);
  }
});

Deno.test("R6 terminateServer is answered, ends the server, and sends ServerExit to every client", async () => {
  await using server = new TestServer();
  const client = await server.join();
  const observer = await server.join({ role: "observer" });
  assertEquals(await client.call("terminateServer"), null);
  assertEquals((await server.ended).reason, "terminateServer");
  assertEquals((await observer.event("ServerExit")).reason, "terminateServer");
  await client.ended;
  assertEquals(client.events.at(-1)?.type, "ServerExit");
});

Deno.test("R6 terminateServer waits for the command in progress and refuses queued commands and new clients", async () => {
  await using server = new TestServer();
  const client = await server.join();
  await client.call("work");
  const waiting = await server.join();
  const kept = await waiting.send("work");
  const operator = await server.join({ role: "operator" });
  await operator.call("terminateServer");
  const refused = await waiting.reply(kept);
  assertEquals("error" in refused && refused.error.code, ERROR_CODES.shuttingDown);
  const late = server.connect();
  const error = await assertRejects(() => late.hello(), Error);
  assertEquals((error as unknown as { code: number }).code, ERROR_CODES.shuttingDown);
  const build = await server.cooker.build(0);
  assertEquals(build.cancels, []);
  build.end({ kind: "completed" });
  await server.ended;
  assertEquals((await client.event("CommandCompleted")).build, "build-1");
});

Deno.test("R6 a server that waits for its last command serves a client that the command has started", async () => {
  await using server = new TestServer({ policy: MANY });
  const client = await server.join();
  await client.call("work");
  await client.call("terminateServer");
  const pid = 4711;
  server.cooker.isPartOfWork = (asking) => asking.pid === pid;
  await assertRejects(() => server.connect().hello(), Error, "shutting down");
  const inner = await server.join({ client: { pid, command: "inner" } });
  await inner.call("work");
  (await server.cooker.build(1)).end({ kind: "completed" });
  assertEquals((await inner.event("CommandCompleted")).build, "build-2");
  (await server.cooker.build(0)).end({ kind: "completed" });
  await server.ended;
});

Deno.test("R6 terminateServer with force cancels the command in progress", async () => {
  await using server = new TestServer();
  const client = await server.join();
  await client.call("work");
  await client.call("terminateServer", { force: true });
  await server.ended;
  assertEquals(server.cooker.calls.filter((call) => call.startsWith("shutdown")), [
    "shutdown(true)",
  ]);
  assertEquals((await client.event("CommandExit")).exitCode, 130);
});

Deno.test("R7 the waiting UIs become the controller in their queue order when the controller leaves", async () => {
  await using server = new TestServer();
  const first = await server.join();
  const second = await server.join();
  const third = await server.join();
  const order: string[] = [];
  const secondDone = second.call("change").then(() => order.push("second"));
  const thirdDone = third.call("change").then(() => order.push("third"));
  await first.leave();
  await secondDone;
  assertEquals(order, ["second"]);
  assertEquals(await second.notification("role"), { role: "controller" });
  assertEquals((await third.notification("queue") as { position: number }).position, 1);
  await second.leave();
  await thirdDone;
  assertEquals(order, ["second", "third"]);
});

Deno.test("R7 a build is cancelled when its controller disconnects", async () => {
  await using server = new TestServer();
  const client = await server.join();
  const observer = await server.join({ role: "observer" });
  await client.call("work");
  const build = await server.cooker.build(0);
  await client.leave();
  assertEquals((await observer.event("CommandExit")).exitCode, 130);
  assertEquals(build.cancels, ["end"]);
  assert(server.cooker.calls.includes("clientComplete"));
});

Deno.test("R7 a detached build continues when its UI leaves", async () => {
  await using server = new TestServer();
  const client = await server.join();
  const observer = await server.join({ role: "observer" });
  await client.call("work", { detached: true });
  const build = await server.cooker.build(0);
  await client.leave();
  while (!server.cooker.calls.includes("clientComplete")) await observer.call("ping");
  assertEquals(build.cancels, []);
  build.end({ kind: "completed" });
  await observer.event("CommandCompleted");
});

Deno.test("R7 a server without a timeout ends when its last client has left", async () => {
  await using server = new TestServer({ timeoutSeconds: 0 });
  const client = await server.join();
  const observer = await server.join({ role: "observer" });
  await client.leave();
  await server.clock.advance(60_000);
  await observer.call("ping");
  await observer.leave();
  await server.clock.advance(200);
  await server.ended;
  assert(server.log.messages.includes("No timeout, exiting."));
});

Deno.test("R8 an operator does not count as the first UI, for which the server waits 30 s", async () => {
  await using server = new TestServer({ timeoutSeconds: 0 });
  const starter = await server.join({ role: "operator" });
  await starter.leave();
  await server.clock.advance(29_000);
  const asking = await server.join({ role: "operator" });
  assertEquals(await asking.call("ping"), "Still alive!");
  await asking.leave();
  const ui = await server.join();
  await ui.leave();
  await server.ended;
  assertEquals(server.log.messages.at(-2), "No timeout, exiting.");
});

Deno.test("R4 R5 R6 R7 connections and commands are logged in BitBake's words and order", async () => {
  await using server = new TestServer();
  const client = await server.join();
  await client.call("ping");
  await client.call("change");
  await client.leave();
  await server.clock.advance(1);
  const next = await server.join();
  await next.leave();
  await server.clock.advance(1);
  const lines = server.log.records.map(({ level, message }) => `${level} ${message}`);
  assertEquals(lines.slice(2), [
    "info Accepting [listener]",
    "info Connecting Client",
    "debug Running command ping",
    "debug Running command change",
    "info Disconnecting Client",
    "info Accepting [listener]",
    "info Connecting Client",
    "info Disconnecting Client",
  ]);
});

Deno.test("R6 unknown and forbidden commands are not logged as running", async () => {
  await using server = new TestServer();
  const client = await server.join({ role: "observer" });
  for (const name of ["change", "no\nsuch", "x".repeat(1000)]) {
    const response = await client.reply(await client.send(name));
    assert("error" in response);
  }
  assertEquals(server.log.messages.filter((line) => line.startsWith("Running")), []);
});

Deno.test("R8 a server without a timeout ends after 30 s if no UI has joined", async () => {
  await using server = new TestServer({ timeoutSeconds: 0 });
  await server.clock.waitForSleepers();
  await server.clock.advance(29_900);
  assertEquals(server.log.messages.includes("Exiting"), false);
  await server.clock.advance(300);
  await server.ended;
});

Deno.test("R8 the server ends N seconds after its last UI has left", async () => {
  await using server = new TestServer({ timeoutSeconds: 60 });
  const client = await server.join();
  await server.clock.advance(120_000);
  assertEquals(await client.call("ping"), "Still alive!");
  await client.leave();
  await server.clock.advance(59_000);
  assertEquals(server.log.messages.includes("Exiting"), false);
  await server.clock.advance(1200);
  await server.ended;
  assert(server.log.messages.includes("Server timeout, exiting."));
});

Deno.test("R8 a running build prevents the idle timeout, and a timeout of -1 disables it", async () => {
  await using server = new TestServer({ timeoutSeconds: 1 });
  const client = await server.join();
  await client.call("work", { detached: true });
  await client.leave();
  await server.clock.advance(10_000);
  assertEquals(server.log.messages.includes("Exiting"), false);
  (await server.cooker.build(0)).end({ kind: "completed" });
  await server.clock.advance(2000);
  await server.ended;
  await using eternal = new TestServer({ timeoutSeconds: -1 });
  await eternal.clock.waitForSleepers();
  await eternal.clock.advance(86_400);
  assertEquals(eternal.log.messages.includes("Exiting"), false);
});

Deno.test("R10 a second asynchronous command is refused as busy, or queued if the UI has the feature queueCommands", async () => {
  await using server = new TestServer();
  const client = await server.join();
  await client.call("work");
  const error = await assertRejects(() => client.call("work"), Error);
  assertEquals(error instanceof Error && error.message, "Busy (work in progress)");
  await client.call("setFeatures", { features: ["queueCommands"] });
  const queued = await client.send("work");
  assertEquals(await client.call("ping"), "Still alive!");
  assertEquals(server.cooker.builds.length, 1);
  (await server.cooker.build(0)).end({ kind: "completed" });
  const response = await client.reply(queued);
  assertEquals("result" in response && response.result, { build: "build-2" });
});

Deno.test("R10 an asynchronous command ends with exactly one of its three events", async () => {
  const endings = [
    [{ kind: "completed" }, "CommandCompleted"],
    [{ kind: "exit", exitCode: 3 }, "CommandExit"],
    [{ kind: "failed", error: { code: -32010, message: "wrong" } }, "CommandFailed"],
  ] as const;
  for (const [outcome, type] of endings) {
    await using server = new TestServer();
    const client = await server.join();
    assertEquals(await client.call("work"), { build: "build-1" });
    (await server.cooker.build(0)).end(outcome);
    await client.event(type);
    await client.call("ping");
    assertEquals(client.events.map((event) => event.type), [type]);
  }
});

Deno.test("R9 R10 a command whose idle work throws fails, and the server keeps running", async () => {
  await using server = new TestServer();
  const client = await server.join();
  await client.call("work");
  (await server.cooker.build(0)).fail(new RangeError("the build broke"));
  assertEquals((await client.event("CommandFailed")).error.code, ERROR_CODES.internalError);
  assert(server.log.messages.some((message) => message.includes("the build broke")));
  assertEquals(await client.call("work"), { build: "build-2" });
});

Deno.test("R10 a command that fails to start is answered with an error and does not block the next one", async () => {
  await using server = new TestServer();
  const client = await server.join();
  const response = await client.reply(await client.send("refuse"));
  assertEquals("error" in response && response.error.code, ERROR_CODES.internalError);
  assertEquals(await client.call("work"), { build: "build-1" });
});

Deno.test("R10 stateShutdown cancels the command in progress", async () => {
  await using server = new TestServer();
  const client = await server.join();
  assertEquals(await client.call("stateShutdown"), false);
  await client.call("work");
  assertEquals(await client.call("stateShutdown"), true);
  await client.event("CommandExit");
  assertEquals((await server.cooker.build(0)).cancels, ["end"]);
});

Deno.test("R11 a heartbeat is sent each second while a command is in progress, and none at other times", async () => {
  let shown = 0;
  await using server = new TestServer({ onBeat: () => shown++ });
  const client = await server.join();
  await server.clock.advance(5000);
  await client.call("work");
  await server.clock.advance(3050);
  await client.call("ping");
  const beats = (): number => client.events.filter(({ type }) => type === "Heartbeat").length;
  assertEquals(beats(), 3);
  (await server.cooker.build(0)).end({ kind: "completed" });
  await client.event("CommandCompleted");
  await server.clock.advance(5000);
  await client.call("ping");
  assertEquals([beats(), shown], [3, 3]);
});

Deno.test("R12 R13 the shutdown runs its steps in order", async () => {
  const server = new TestServer({
    releaseLock: () => {
      server.cooker.calls.push("releaseLock");
      return Promise.resolve();
    },
  });
  const client = await server.join();
  server.server.stop("enough");
  assertEquals(await server.ended, { reason: "enough", isClean: true });
  assertEquals(server.listener.calls, ["unlink", "close"]);
  assertEquals(server.cooker.calls, [
    "preServe",
    "shutdown(false)",
    "notifier.stop",
    "configNotifier.stop",
    "postServe",
    "releaseLock",
  ]);
  assertEquals(server.log.messages.at(-1), "Exiting");
  await client.ended;
});

Deno.test("R13 a failed shutdown step is logged, and the next steps still run", async () => {
  const server = new TestServer();
  server.cooker.shutdownError = new RangeError("a task would not end");
  server.server.stop("enough");
  assertEquals((await server.ended).isClean, false);
  assertEquals(server.cooker.calls.slice(-3), [
    "notifier.stop",
    "configNotifier.stop",
    "postServe",
  ]);
  assert(server.log.messages.some((message) => message.includes("a task would not end")));
});

Deno.test("R12 a client that never reads does not prevent the server's shutdown", async () => {
  const server = new TestServer();
  const client = server.connect({ capacity: 16, reads: false });
  await writeAll(client.stream, encodeFrame(request(1, "hello", helloParams())));
  await server.join({ role: "observer" });
  server.server.stop("enough");
  await server.clock.waitForSleepers(2);
  await server.clock.advance(1000);
  await server.ended;
});

Deno.test("a request before hello is answered with an error, and the connection is closed", async () => {
  await using server = new TestServer();
  const client = server.connect();
  const response = await client.reply(await client.send("ping"));
  assertEquals("error" in response && response.error.code, ERROR_CODES.notPermitted);
  await client.ended;
});

Deno.test("a hello with another version or project is refused with the server's identity", async () => {
  await using server = new TestServer();
  const cases = [
    [{ version: "0.0.9" }, ERROR_CODES.versionMismatch],
    [{ protocol: 1 }, ERROR_CODES.versionMismatch],
    [{ project: { root: "/other" } }, ERROR_CODES.wrongProject],
    [{ project: { root: "/project", config: "/project/x.json" } }, ERROR_CODES.wrongProject],
  ] as const;
  for (const [params, code] of cases) {
    const client = server.connect();
    const response = await client.reply(await client.send("hello", helloParams(params)));
    assert("error" in response);
    assertEquals(response.error.code, code);
    assertEquals((response.error.data as { pid: number }).pid, Deno.pid);
    await client.ended;
  }
});

Deno.test("a second hello and an invalid hello are refused", async () => {
  await using server = new TestServer();
  const client = await server.join();
  await assertRejects(() => client.hello(), Error);
  assertEquals(await client.call("ping"), "Still alive!");
  const wrong = server.connect();
  const response = await wrong.reply(
    await wrong.send("hello", { ...helloParams(), role: "king" }),
  );
  assertEquals("error" in response && response.error.code, ERROR_CODES.invalidParams);
  await wrong.ended;
});

Deno.test("a connection that sends nothing is closed after 30 s", async () => {
  await using server = new TestServer();
  const silent = server.connect();
  const talking = await server.join();
  await server.clock.advance(31_000);
  await silent.ended;
  assertEquals(await talking.call("ping"), "Still alive!");
});

Deno.test("connections without hello are closed at the connection limit, and clients that sent hello stay", async () => {
  await using server = new TestServer({ maxConnections: 3 });
  const first = await server.join({ role: "observer" });
  const silent = [server.connect(), server.connect()];
  const others = [await server.join(), await server.join()];
  await Promise.all(silent.map((client) => client.ended));
  const late = server.connect();
  const response = await late.reply(null);
  assertEquals("error" in response && response.error.code, ERROR_CODES.busy);
  await late.ended;
  for (const client of [first, ...others]) {
    assertEquals(await client.call("ping"), "Still alive!");
  }
});

Deno.test("a client of another user is refused, and the log names the user", async () => {
  await using server = new TestServer();
  const stranger = server.connect({ uid: (Deno.uid() ?? 0) + 1 });
  const response = await stranger.reply(null);
  assertEquals("error" in response && response.error.code, ERROR_CODES.notPermitted);
  await stranger.ended;
  assert(server.log.messages.some((message) => message.includes(`user ${(Deno.uid() ?? 0) + 1}`)));
});

Deno.test("an observer may only read, and an operator may also shut down but not change", async () => {
  await using server = new TestServer();
  const observer = await server.join({ role: "observer" });
  assertEquals(await observer.call("look"), { saw: "test" });
  for (const method of ["change", "work", "stateShutdown", "terminateServer", "signalTasks"]) {
    const params = method === "signalTasks" ? { signal: "SIGUSR1" } : {};
    const response = await observer.reply(await observer.send(method, params));
    assertEquals("error" in response && response.error.code, ERROR_CODES.readOnly, method);
  }
  const operator = await server.join({ role: "operator" });
  assertEquals(await operator.call("stateShutdown"), false);
  const response = await operator.reply(await operator.send("change"));
  assertEquals("error" in response && response.error.code, ERROR_CODES.readOnly);
});

Deno.test("status is answered for a waiting client while a build runs", async () => {
  await using server = new TestServer();
  const controller = await server.join();
  await controller.call("work");
  const waiting = await server.join();
  const status = await waiting.call("status") as Record<string, unknown>;
  assertEquals([status.busyWith, status.build, status.root], ["work", "build-1", "/project"]);
  assertEquals((status.clients as { role: string }[]).map(({ role }) => role), [
    "controller",
    "waiting",
  ]);
});

Deno.test("each malformed frame is answered with an error, and the connection stays open", async () => {
  await using server = new TestServer({ limits: { maxFrameBytes: 1000 } });
  const client = await server.join();
  const junk = [
    text("{\n"),
    new Uint8Array([0xff, 0xfe, 0x0a]),
    text(`"${"x".repeat(5000)}"\n`),
    text("[]\n"),
    text('{"jsonrpc":"2.0"}\n'),
  ];
  for (const bytes of junk) await writeAll(client.stream, bytes);
  assertEquals(await client.call("ping"), "Still alive!");
  const errors = client.messages.filter((message) => "id" in message && message.id === null);
  assertEquals(errors.length, junk.length);
  assert(MAX_FRAME_BYTES > 1000);
});

Deno.test("a slow observer loses only its own events, and EventsDropped reports their number", async () => {
  await using server = new TestServer({ observerQueue: 10_000 });
  const controller = await server.join();
  const slow = server.connect({ capacity: 64, reads: false });
  await writeAll(slow.stream, encodeFrame(request(1, "hello", helloParams({ role: "observer" }))));
  const brisk = await server.join({ role: "observer" });
  await controller.call("work");
  const build = await server.cooker.build(0);
  const say = (words: string): void => {
    build.call.emit({ type: "TaskOutput", build: "b", task: "t", stream: "stdout", text: words });
  };
  for (let index = 0; index < 500; index++) {
    say(`line ${index}`);
    if (index % 20 === 0) await brisk.call("ping");
  }
  const reader = new StreamClient(slow.stream);
  // The reply follows all queued events, so the queue has room again.
  await reader.call("ping");
  say("the last line");
  const dropped = await reader.event("EventsDropped");
  await reader.call("ping");
  await brisk.call("ping");
  const outputs = (client: StreamClient): number =>
    client.events.filter(({ type }) => type === "TaskOutput").length;
  assertEquals([outputs(brisk), dropped.count > 0], [501, true]);
  assertEquals(outputs(brisk), outputs(reader) + dropped.count);
  await reader.leave();
});

Deno.test("a build owner that reads slowly applies back-pressure and loses no output", async () => {
  await using server = new TestServer({ observerQueue: 1000 });
  const controller = server.connect({ capacity: 4096, reads: false });
  await writeAll(controller.stream, encodeFrame(request(1, "hello", helloParams())));
  await writeAll(controller.stream, encodeFrame(request(2, "work", {})));
  const build = await server.cooker.build(0);
  let sent = 0;
  let ready: Promise<void> | undefined;
  while (ready === undefined) {
    sent++;
    const words = "x".repeat(10_000);
    ready = build.call.emit({
      type: "TaskOutput",
      build: "b",
      task: "t",
      stream: "stdout",
      text: words,
    }).ready;
  }
  assert(sent > 10 && sent < 1000, `${sent} pieces until it was held back`);
  const reader = new StreamClient(controller.stream);
  await ready;
  build.end({ kind: "completed" });
  await reader.event("CommandCompleted");
  assertEquals(reader.events.filter(({ type }) => type === "TaskOutput").length, sent);
});
