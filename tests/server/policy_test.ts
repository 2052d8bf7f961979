/**
 * Contract of a server's policies: what `single` and `many` have in common, and the table of their
 * differences.
 */

import { assertEquals, assertRejects } from "@std/assert";
import { type CommandPolicy, MANY, SINGLE } from "../../server/policy.ts";
import { ERROR_CODES } from "../../wire/errors.ts";
import type { HelloParams, WhenBusy } from "../../wire/hello.ts";
import { encodeFrame } from "../../wire/frame.ts";
import { type Message, request } from "../../wire/messages.ts";
import { writeAll } from "../../system/net/streams.ts";
import { eventOf, helloParams, StreamClient, type TestCommand, TestServer } from "./support.ts";

const POLICIES: readonly CommandPolicy[] = [SINGLE, MANY];

/** Registers a test for both policies. */
function contract(statement: string, prove: (server: TestServer) => Promise<void>): void {
  for (const policy of POLICIES) {
    Deno.test(`by the policy ${policy.name}: ${statement}`, async () => {
      await using server = new TestServer({ policy });
      await prove(server);
    });
  }
}

/** Registers a test with a value for each policy. */
function difference<T>(
  statement: string,
  expected: Readonly<Record<CommandPolicy["name"], T>>,
  prove: (server: TestServer, expected: T) => Promise<void>,
): void {
  for (const policy of POLICIES) {
    const value = expected[policy.name];
    Deno.test(`by the policy ${policy.name}: ${statement}: ${String(value)}`, async () => {
      await using server = new TestServer({ policy });
      await prove(server, value);
    });
  }
}

/** Disconnects a client, and waits until the server has handled that. */
async function leave(server: TestServer, client: StreamClient): Promise<void> {
  const completed = (): number =>
    server.cooker.calls.filter((call) => call === "clientComplete").length;
  const before = completed();
  const operator = await server.join({ role: "operator" });
  await client.leave();
  while (completed() === before) await operator.call("ping");
}

/** Starts a command that goes on when its UI has left, and returns it. */
async function leaveDetached(server: TestServer): Promise<TestCommand> {
  const before = await server.join();
  await before.call("work", { detached: true });
  await leave(server, before);
  return await server.cooker.build(0);
}

/** Starts a command of a UI, and returns both. */
async function working(
  server: TestServer,
  params: Partial<HelloParams> = {},
): Promise<{ readonly client: StreamClient; readonly build: TestCommand }> {
  const client = await server.join(params);
  const index = server.cooker.builds.length;
  await client.call("work");
  return { client, build: await server.cooker.build(index) };
}

/** Returns the answer to a hello: a role, or the name of an error. */
async function admission(server: TestServer, whenBusy: WhenBusy): Promise<string> {
  const client = server.connect();
  try {
    return String((await client.hello({ whenBusy })).role);
  } catch (error) {
    assertEquals((error as { code?: number }).code, ERROR_CODES.busy);
    return "busy";
  }
}

for (const whenBusy of ["wait", "refuse", "observe"] as const) {
  contract(
    `R4 R10 a UI with whenBusy=${whenBusy} that a command in progress waits for is served at once`,
    async (server) => {
      const { build } = await working(server);
      server.cooker.isPartOfWork = ({ pid }) => pid === 4711;
      const inner = await working(server, { whenBusy, client: { pid: 4711, command: "inner" } });
      inner.build.end({ kind: "completed" });
      assertEquals((await inner.client.event("CommandCompleted")).build, "build-2");
      assertEquals(build.cancels, []);
    },
  );
}

// Differences

for (
  const [whenBusy, withController, behindDetached] of [
    [
      "wait",
      { single: "waiting", many: "controller" },
      { single: "controller", many: "controller" },
    ],
    ["refuse", { single: "busy", many: "busy" }, { single: "controller", many: "busy" }],
    ["observe", { single: "observer", many: "observer" }, {
      single: "controller",
      many: "observer",
    }],
  ] as const
) {
  difference(
    `R4 a UI with whenBusy=${whenBusy} that comes during the build of another UI`,
    withController,
    async (server, expected) => {
      await working(server);
      assertEquals(await admission(server, whenBusy), expected);
    },
  );
  difference(
    `R4 a UI with whenBusy=${whenBusy} that comes during a detached build`,
    behindDetached,
    async (server, expected) => {
      await leaveDetached(server);
      assertEquals(await admission(server, whenBusy), expected);
    },
  );
}

difference(
  "R4 a UI with whenBusy=observe that comes when another UI has no build",
  { single: "observer", many: "controller" },
  async (server, expected) => {
    await server.join();
    assertEquals(await admission(server, "observe"), expected);
  },
);

difference(
  "R10 a second command of the same UI",
  { single: "Busy (work in progress)", many: "build-2" },
  async (server, expected) => {
    const { client } = await working(server);
    const answer = await client.call("work").then(
      (reply) => (reply as { readonly build: string }).build,
      (error: Error) => error.message,
    );
    assertEquals(answer, expected);
  },
);

difference(
  "R10 a second command of a UI that asked for queueing",
  { single: "queued", many: "runs" },
  async (server, expected) => {
    const { client, build } = await working(server, { features: ["queueCommands"] });
    const id = await client.send("work");
    assertEquals(await client.call("ping"), "Still alive!");
    const isAnswered = client.messages.some((message) => "id" in message && message.id === id);
    assertEquals(isAnswered ? "runs" : "queued", expected);
    build.end({ kind: "completed" });
    await client.reply(id);
    (await server.cooker.build(1)).end({ kind: "completed" });
  },
);

difference(
  "a command that comes while the only other one is being cancelled",
  { single: "queued", many: "runs" },
  async (server, expected) => {
    const { client, build } = await working(server);
    build.endsWhenCancelled = false;
    await client.call("stateShutdown");
    const id = await client.send("work");
    assertEquals(await client.call("ping"), "Still alive!");
    const isAnswered = client.messages.some((message) => "id" in message && message.id === id);
    assertEquals(isAnswered ? "runs" : "queued", expected);
    build.end({ kind: "completed" });
    await client.reply(id);
    (await server.cooker.build(1)).end({ kind: "completed" });
  },
);

// Common rules. The first command is detached where both policies are to have two commands of
// different UIs: by the policy `single`, the second one then waits.

contract(
  "R4 R10 status has the policy, and the commands in progress in their order",
  async (server) => {
    const { client } = await working(server, { client: { pid: 41, command: "simmer run a" } });
    const { policy, busyWith, build, builds } = await client.call("status") as {
      readonly policy: string;
      readonly busyWith: string;
      readonly build: string;
      readonly builds: unknown;
    };
    assertEquals([busyWith, build], ["work", "build-1"]);
    assertEquals(builds, [{
      build: "build-1",
      command: "work",
      client: { pid: 41, command: "simmer run a" },
      detached: false,
      state: "running",
      waitsFor: [],
    }]);
    assertEquals(["single", "many"].includes(policy), true);
  },
);

contract(
  "R7 a UI that leaves cancels its own command, and the server accepts the next one",
  async (server) => {
    const { client, build } = await working(server);
    await client.leave();
    const next = await working(server);
    assertEquals([build.cancels, next.build.cancels], [["end"], []]);
  },
);

contract("R7 a UI that leaves does not cancel a detached command", async (server) => {
  const build = await leaveDetached(server);
  await leave(server, await server.join());
  assertEquals(build.cancels, []);
});

contract("cancelBuild without an id cancels the UI's own command", async (server) => {
  const { client, build } = await working(server);
  assertEquals(await client.call("cancelBuild"), true);
  assertEquals(build.cancels, ["end"]);
  await client.event("CommandExit");
  assertEquals(await client.call("cancelBuild"), false);
});

contract("cancelBuild without an id cancels no command of another UI", async (server) => {
  const build = await leaveDetached(server);
  const client = await server.join();
  assertEquals(await client.call("cancelBuild"), false);
  assertEquals(build.cancels, []);
});

contract("an operator cancels a build by its id, with force and without", async (server) => {
  const { build } = await working(server);
  const operator = await server.join({ role: "operator" });
  assertEquals(await operator.call("cancelBuild", { build: "build-7" }), false);
  assertEquals(await operator.call("cancelBuild"), false, "an operator owns no build");
  build.endsWhenCancelled = false;
  assertEquals(await operator.call("cancelBuild", { build: "build-1" }), true);
  assertEquals(await operator.call("cancelBuild", { build: "build-1", force: true }), true);
  assertEquals(build.cancels, ["end", "kill"]);
  build.end({ kind: "completed" });
});

contract("an observer may not cancel a build", async (server) => {
  const { build } = await working(server);
  const observer = await server.join({ role: "observer" });
  await assertRejects(() => observer.call("cancelBuild", { build: "build-1" }), Error, "only for");
  assertEquals(build.cancels, []);
});

contract("R25 signalTasks reaches no command of another UI", async (server) => {
  const build = await leaveDetached(server);
  const client = await server.join({ features: ["queueCommands"] });
  for (
    const params of [{ signal: "SIGUSR1" }, { signal: "SIGINT", cancel: true }, {
      signal: "SIGKILL",
    }]
  ) {
    assertEquals(await client.call("signalTasks", params), false);
  }
  assertEquals([build.signals, build.cancels], [[], []]);
});

contract("R25 SIGKILL cancels a UI's command, with or without cancel", async (server) => {
  const { client, build } = await working(server);
  assertEquals(await client.call("signalTasks", { signal: "SIGKILL" }), true);
  assertEquals([build.signals, build.cancels], [[], ["kill"]]);
});

contract("R11 a heartbeat each second names the command's build", async (server) => {
  const { client } = await working(server);
  await server.clock.waitForSleepers();
  await server.clock.advance(2500);
  await client.call("ping");
  const builds = client.events.filter(({ type }) => type === "Heartbeat").map(({ build }) => build);
  assertEquals(builds, ["build-1", "build-1"]);
});

contract("stateShutdown cancels a command of another UI", async (server) => {
  const { build } = await working(server);
  const operator = await server.join({ role: "operator" });
  assertEquals(await operator.call("stateShutdown"), true);
  assertEquals(build.cancels, ["end"]);
  assertEquals(await operator.call("stateShutdown"), false);
});

contract(
  "a UI that asked for its own events gets no events of other builds, and all that belong to none",
  async (server) => {
    const detached = await leaveDetached(server);
    const client = await server.join({ builds: "own", features: ["queueCommands"] });
    const observer = await server.join({ role: "observer" });
    detached.end({ kind: "completed" });
    await observer.event("CommandCompleted");
    server.cooker.host?.emit({ type: "LogRecord", level: "info", message: "for all" });
    await client.call("work");
    (await server.cooker.build(1)).end({ kind: "exit", exitCode: 3 });
    assertEquals((await client.event("CommandExit")).build, "build-2");
    assertEquals(client.events.map(({ type }) => type), ["LogRecord", "CommandExit"]);
  },
);

contract(
  "setEventMask switches between own and all events, and leaves them as they are otherwise",
  async (server) => {
    const build = await leaveDetached(server);
    const observer = await server.join({ role: "observer", builds: "own" });
    const say = async (text: string): Promise<void> => {
      build.call.emit({
        type: "TaskOutput",
        build: build.build,
        task: "a",
        stream: "stdout",
        text,
      });
      await observer.call("ping");
    };
    await say("1");
    await observer.call("setEventMask", { logLevel: "info" });
    await say("2");
    await observer.call("setEventMask", { builds: "all" });
    await say("3");
    await observer.call("setEventMask", {});
    await say("4");
    await observer.call("setEventMask", { builds: "own" });
    await say("5");
    assertEquals(observer.events.map((event) => event.type === "TaskOutput" && event.text), [
      "3",
      "4",
    ]);
  },
);

for (const force of [false, true]) {
  contract(
    `R12 a UI that asked for its own events sees the end of its build, with force=${force}`,
    async (server) => {
      const { client, build } = await working(server, { builds: "own" });
      const operator = await server.join({ role: "operator" });
      await operator.call("terminateServer", { force });
      if (!force) build.end({ kind: "exit", exitCode: 130 });
      await server.ended;
      await client.ended;
      assertEquals(client.events.map(({ type }) => type), ["CommandExit", "ServerExit"]);
    },
  );
}

// Several commands at once, by the policy `many`

/** Registers a test with the policy `many`. */
function many(statement: string, prove: (server: TestServer) => Promise<void>): void {
  Deno.test(`by the policy many: ${statement}`, async () => {
    await using server = new TestServer({ policy: MANY, observerQueue: 1000 });
    await prove(server);
  });
}

many("R7 a UI that leaves cancels its own commands only", async (server) => {
  const one = await working(server);
  const other = await working(server);
  await one.client.call("work");
  await leave(server, one.client);
  assertEquals(await other.client.call("ping"), "Still alive!");
  assertEquals(server.cooker.builds.map(({ cancels }) => cancels), [["end"], [], ["end"]]);
});

many(
  "R25 signalTasks and cancelBuild reach all commands of their UI, and no other",
  async (server) => {
    const one = await working(server);
    await working(server);
    await one.client.call("work");
    await server.cooker.build(2);
    await one.client.call("signalTasks", { signal: "SIGUSR1" });
    assertEquals(server.cooker.builds.map(({ signals }) => signals), [["SIGUSR1"], [], [
      "SIGUSR1",
    ]]);
    assertEquals(await one.client.call("cancelBuild", { force: true }), true);
    assertEquals(server.cooker.builds.map(({ cancels }) => cancels), [["kill"], [], ["kill"]]);
  },
);

many("R11 each command has a heartbeat of its own", async (server) => {
  const { client } = await working(server);
  await server.clock.waitForSleepers();
  await server.clock.advance(500);
  await working(server);
  await server.clock.advance(1000);
  await client.call("ping");
  const beats = client.events.filter(({ type }) => type === "Heartbeat");
  assertEquals(beats.map(({ build }) => build), ["build-1", "build-2"]);
});

many("R6 terminateServer waits for all commands, and refuses new ones", async (server) => {
  const one = await working(server);
  const other = await working(server);
  const operator = await server.join({ role: "operator" });
  await operator.call("terminateServer");
  await assertRejects(() => one.client.call("work"), Error, "shutting down");
  one.build.end({ kind: "completed" });
  await one.client.event("CommandCompleted");
  assertEquals(await other.client.call("ping"), "Still alive!");
  other.build.end({ kind: "completed" });
  await server.ended;
  assertEquals(server.cooker.builds.map(({ cancels }) => cancels), [[], []]);
});

many("back-pressure of one owner does not hold up the command of another UI", async (server) => {
  const unread = server.connect({ capacity: 4096, reads: false });
  const hello = helloParams({ builds: "own" });
  await writeAll(unread.stream, encodeFrame(request(1, "hello", hello)));
  await writeAll(unread.stream, encodeFrame(request(2, "work", {})));
  const slow = await server.cooker.build(0);
  const fast = await working(server, { builds: "own" });
  const text = "x".repeat(10_000);
  const write = ({ call, build }: TestCommand): Promise<void> | undefined =>
    call.emit({ type: "TaskOutput", build, task: "a", stream: "stdout", text }).ready;
  let held: Promise<void> | undefined;
  let sent = 0;
  for (; held === undefined; sent++) held = write(slow);
  let isHeld = true;
  const resumed = held.then(() => isHeld = false);
  for (let count = 0; count < 500; count++) await write(fast.build);
  fast.build.end({ kind: "completed" });
  await fast.client.event("CommandCompleted");
  assertEquals([fast.client.events.length, isHeld], [501, true]);
  const reader = new StreamClient(unread.stream);
  await resumed;
  slow.end({ kind: "completed" });
  await reader.event("CommandCompleted");
  assertEquals(reader.events.length, sent + 1);
});

many(
  "a UI that owns a build and does not read loses only events of other builds",
  async (server) => {
    const unread = server.connect({ capacity: 4096, reads: false });
    await writeAll(unread.stream, encodeFrame(request(1, "hello", helloParams())));
    await writeAll(unread.stream, encodeFrame(request(2, "work", {})));
    const own = await server.cooker.build(0);
    const other = await working(server);
    const write = ({ call, build }: TestCommand): Promise<void> | undefined =>
      call.emit({ type: "TaskOutput", build, task: "a", stream: "stdout", text: "x".repeat(1000) })
        .ready;
    for (let count = 0; count < 500; count++) {
      await write(other.build);
      if (count % 100 === 0) write(own);
    }
    const reader = new StreamClient(unread.stream);
    other.build.end({ kind: "completed" });
    own.end({ kind: "completed" });
    await reader.find((message): message is Message => {
      const event = eventOf(message);
      return event?.type === "CommandCompleted" && event.build === own.build;
    });
    const counts = (build: string): number =>
      reader.events.filter((event) => event.type === "TaskOutput" && event.build === build).length;
    const dropped = reader.events.reduce(
      (sum, event) => sum + (event.type === "EventsDropped" ? event.count : 0),
      0,
    );
    assertEquals(counts(own.build), 5);
    assertEquals([counts(other.build.build) < 100, dropped > 400], [true, true]);
  },
);
