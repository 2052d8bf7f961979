/** Misbehaving clients and cookers, which must harm only themselves and never the server. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { AsyncCommand, Cancel, CommandCall } from "../../server/cooker.ts";
import { FakeClock } from "../../system/fake_clock.ts";
import { ERROR_CODES } from "../../wire/errors.ts";
import { encodeFrame } from "../../wire/frame.ts";
import { request } from "../../wire/messages.ts";
import { writeAll } from "../../system/net/streams.ts";
import { helloParams, StreamClient, type TestCommand, TestCooker, TestServer } from "./support.ts";

/** Cooker whose `work` command is supplied by the test. */
class SpecialCooker extends TestCooker {
  readonly #work: (call: CommandCall) => unknown;
  clientCompleteError: Error | undefined;
  preServeError: Error | undefined;

  constructor(work: (call: CommandCall) => unknown = () => stubborn()) {
    super();
    this.#work = work;
  }

  override preServe(...host: Parameters<TestCooker["preServe"]>): void {
    if (this.preServeError !== undefined) throw this.preServeError;
    super.preServe(...host);
  }

  override clientComplete(): void {
    if (this.clientCompleteError !== undefined) throw this.clientCompleteError;
    super.clientComplete();
  }

  override runCommand(call: CommandCall): unknown {
    return call.name === "work" ? this.#work(call) : super.runCommand(call);
  }
}

/** Command that records cancel requests but runs until `isDone` is set. */
function stubborn(detached = false): AsyncCommand & { cancels: Cancel["kind"][]; isDone: boolean } {
  const command = {
    reply: { build: "stubborn" },
    build: "stubborn",
    detached,
    cancels: [] as Cancel["kind"][],
    isDone: false,
    step: () => command.isDone ? false as const : 0.1,
    outcome: () => ({ kind: "completed" } as const),
    cancel: ({ kind }: Cancel) => void command.cancels.push(kind),
  };
  return command;
}

function errorCode(response: Awaited<ReturnType<StreamClient["reply"]>>): number | undefined {
  return "error" in response ? response.error.code : undefined;
}

/** Emits `count` numbered pieces of output. Returns the last back-pressure promise. */
function emitLines(build: TestCommand, count: number, length = 100): Promise<void> | undefined {
  let ready: Promise<void> | undefined;
  for (let index = 0; index < count; index++) {
    const text = String(index).padEnd(length);
    ready = build.call.emit({ type: "TaskOutput", build: "b", task: "t", stream: "stdout", text })
      .ready;
  }
  return ready;
}

Deno.test("the server stops reading from a client that does not read its replies, and still serves others", async () => {
  await using server = new TestServer({ limits: { maxHeld: 2000 } });
  const greedy = server.connect({ capacity: 256, reads: false });
  let isSent = false;
  const all = encodeFrame(request(1, "hello", helloParams({ role: "observer" })));
  const sending = (async () => {
    await writeAll(greedy.stream, all);
    for (let id = 2; id <= 1000; id++) {
      await writeAll(greedy.stream, encodeFrame(request(id, "look")));
    }
    isSent = true;
  })();
  const other = await server.join();
  for (let index = 0; index < 200; index++) await other.call("ping");
  assertEquals(isSent, false);
  const looked = server.cooker.calls.length;
  for (let index = 0; index < 200; index++) await other.call("ping");
  assertEquals(server.cooker.calls.length, looked, "nothing more is read");
  const reader = new StreamClient(greedy.stream);
  await sending;
  await reader.reply(1000);
  const ids = reader.messages.flatMap((message) => "id" in message ? [message.id] : []);
  assertEquals(ids, Array.from({ length: 1000 }, (_, index) => index + 1));
  await reader.leave();
});

Deno.test("a refused client that does not read the refusal is disconnected after 5 s", async () => {
  await using server = new TestServer();
  const deaf = server.connect({ capacity: 8, reads: false });
  await writeAll(deaf.stream, encodeFrame(request(1, "look")));
  const more = writeAll(deaf.stream, new Uint8Array(100)).then(() => "read", () => "closed");
  const other = await server.join();
  await server.clock.advance(4900);
  assertEquals(await Promise.race([more, other.call("ping").then(() => "open")]), "open");
  await server.clock.advance(100);
  assertEquals(await more, "closed");
});

Deno.test("an observer that lost events gets EventsDropped once it has caught up, even without new events", async () => {
  await using server = new TestServer({ observerQueue: 5000 });
  const controller = await server.join();
  const slow = server.connect({ capacity: 64, reads: false });
  await writeAll(slow.stream, encodeFrame(request(1, "hello", helloParams({ role: "observer" }))));
  while (!(JSON.stringify(await controller.call("status"))).includes("observer"));
  await controller.call("work");
  const build = await server.cooker.build(0);
  emitLines(build, 500);
  build.end({ kind: "completed" });
  await controller.event("CommandCompleted");
  const reader = new StreamClient(slow.stream);
  const dropped = await reader.event("EventsDropped");
  assertEquals(reader.events.length - 1 + dropped.count, controller.events.length);
  assertEquals(dropped.seq, controller.events.at(-1)?.seq);
  assertEquals(reader.events.filter(({ type }) => type === "EventsDropped").length, 1);
  await reader.leave();
});

Deno.test("R10 a queued command is refused with shuttingDown when the server is terminated", async () => {
  await using server = new TestServer();
  const client = await server.join({ features: ["queueCommands"] });
  await client.call("work");
  const queued = await client.send("work");
  const operator = await server.join({ role: "operator" });
  await operator.call("terminateServer");
  assertEquals(errorCode(await client.reply(queued)), ERROR_CODES.shuttingDown);
  (await server.cooker.build(0)).end({ kind: "completed" });
  await server.ended;
  assertEquals(server.cooker.builds.length, 1);
});

Deno.test("R6 R10 a command that is still starting at shutdown gets one reply and no completion event", async () => {
  const begun = Promise.withResolvers<AsyncCommand>();
  await using server = new TestServer({ cooker: new SpecialCooker(() => begun.promise) });
  const client = await server.join();
  const id = await client.send("work");
  await client.call("ping");
  server.server.stop("enough", "force");
  await server.ended;
  await client.ended;
  assertEquals(errorCode(await client.reply(id)), ERROR_CODES.shuttingDown);
  assertEquals(client.events.map(({ type }) => type), ["ServerExit"]);
  const late = stubborn();
  begun.resolve(late);
  await begun.promise;
  await Promise.resolve();
  assertEquals(late.cancels, ["kill"]);
});

Deno.test("R13 a command that ignores the shutdown fails as cancelled", async () => {
  await using server = new TestServer({ cooker: new SpecialCooker() });
  const client = await server.join();
  await client.call("work");
  server.server.stop("enough", "now");
  await server.ended;
  await client.ended;
  assertEquals((await client.event("CommandFailed")).error.code, ERROR_CODES.cancelled);
});

Deno.test("R7 R10 the next controller's command waits until the previous controller's cancelled command has ended", async () => {
  const commands: ReturnType<typeof stubborn>[] = [];
  const cooker = new SpecialCooker(() => {
    const command = stubborn();
    commands.push(command);
    return command;
  });
  await using server = new TestServer({ cooker });
  const first = await server.join();
  const second = await server.join();
  await first.call("work");
  const kept = await second.send("work");
  await first.leave();
  await second.notification("role");
  await second.call("ping");
  assertEquals([commands.length, commands[0]?.cancels], [1, ["end"]]);
  const impatient = await server.join({ whenBusy: "observe" });
  assertEquals((await impatient.call("status") as { busyWith: string }).busyWith, "work");
  if (commands[0] !== undefined) commands[0].isDone = true;
  await server.clock.advance(200);
  const response = await second.reply(kept);
  assertEquals("result" in response && response.result, { build: "stubborn" });
});

Deno.test("R10 a build owner that does not read does not delay a forced shutdown of its build", async () => {
  await using server = new TestServer();
  const owner = server.connect({ capacity: 1024, reads: false });
  await writeAll(owner.stream, encodeFrame(request(1, "hello", helloParams())));
  await writeAll(owner.stream, encodeFrame(request(2, "work", {})));
  const build = await server.cooker.build(0);
  const operator = await server.join({ role: "operator" });
  const ready = emitLines(build, 2000, 1000);
  assert(ready !== undefined, "the build is held back");
  assertEquals(await operator.call("stateForceShutdown"), true);
  await ready;
  assertEquals(emitLines(build, 10), undefined);
  assertEquals(build.cancels, ["kill"]);
  owner.stream.close();
});

Deno.test("R12 a build owner that does not read does not delay the server's shutdown", async () => {
  const server = new TestServer();
  const owner = server.connect({ capacity: 1024, reads: false });
  await writeAll(owner.stream, encodeFrame(request(1, "hello", helloParams())));
  await writeAll(owner.stream, encodeFrame(request(2, "work", {})));
  const ready = emitLines(await server.cooker.build(0), 2000, 1000);
  assert(ready !== undefined, "the build is held back");
  server.server.stop("enough", "now");
  await ready;
  await server.clock.waitForSleepers(2);
  await server.clock.advance(1000);
  await server.ended;
});

Deno.test("R7 an error in the cooker's clientComplete is logged, and the server keeps running", async () => {
  const cooker = new SpecialCooker();
  cooker.clientCompleteError = new RangeError("cannot complete");
  await using server = new TestServer({ cooker });
  const observer = await server.join({ role: "observer" });
  await (await server.join()).leave();
  while (!server.log.messages.some((message) => message.includes("cannot complete"))) {
    await observer.call("ping");
  }
  assertEquals(await observer.call("ping"), "Still alive!");
});

Deno.test("R10 a command whose cancel throws fails, and the server keeps running", async () => {
  const cooker = new SpecialCooker(() => ({
    ...stubborn(),
    cancel: () => {
      throw new RangeError("cannot cancel");
    },
  }));
  await using server = new TestServer({ cooker });
  const client = await server.join();
  await client.call("work");
  assertEquals(await client.call("stateShutdown"), true);
  await client.event("CommandFailed");
  assertEquals(await client.call("work"), { build: "stubborn" });
  assertEquals(client.events.map(({ type }) => type), ["CommandFailed"]);
});

Deno.test("R1 an error in the cooker's preServe ends the server with an orderly shutdown", async () => {
  const cooker = new SpecialCooker();
  cooker.preServeError = new RangeError("cannot prepare");
  const server = new TestServer({ cooker });
  assertEquals(await server.ended, { reason: "failure", isClean: false });
  assertEquals(cooker.calls.at(-1), "postServe");
  assertEquals(server.listener.calls, ["unlink", "close"]);
  assertStringIncludes(server.log.messages[0] ?? "", "cannot prepare");
});

Deno.test("R6 a cooker cannot define commands with the names of server commands", () => {
  for (const name of ["ping", "hello"]) {
    const cooker = new TestCooker();
    Object.assign(cooker.commands, { [name]: cooker.commands.look });
    let error: unknown;
    try {
      new TestServer({ cooker, clock: new FakeClock() });
    } catch (each) {
      error = each;
    }
    assert(error instanceof TypeError && error.message.includes(name), String(error));
  }
});

Deno.test("R6 an unknown method name of 15 MiB is truncated in the error, without a suggestion", async () => {
  await using server = new TestServer();
  const client = await server.join();
  const refused = await client.reply(await client.send("stauts"));
  assert("error" in refused);
  assertEquals(refused.error.message, "No such command: stauts. Did you mean status?");
  const long = await client.reply(await client.send("x".repeat(15 * 1024 ** 2)));
  assert("error" in long);
  assertEquals(long.error.code, ERROR_CODES.methodNotFound);
  assertEquals(
    long.error.message,
    `No such command: ${"x".repeat(200)}… (15728640 characters)`,
  );
  const silent = server.connect();
  const early = await silent.reply(await silent.send("y".repeat(1024 ** 2)));
  assert("error" in early);
  assert(early.error.message.length < 300, "the answer repeats what came");
});

Deno.test("R6 the error for a thousand long wrong parameters stays under 3000 characters", async () => {
  await using server = new TestServer();
  const client = await server.join();
  const unknown = Array.from({ length: 1000 }, (_, i) => [`${i}`.padEnd(1000, "x"), 1]);
  const params = { logLevel: "x".repeat(1024 ** 2), ...Object.fromEntries(unknown) };
  const reply = await client.reply(await client.send("setEventMask", params));
  assert("error" in reply);
  assertEquals(reply.error.code, ERROR_CODES.invalidParams);
  assert(reply.error.message.length < 3000, `${reply.error.message.length} characters`);
});
