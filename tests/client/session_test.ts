import { assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { ClientError, EXIT, ServerEndedError } from "../../client/errors.ts";
import { GIVE_UP_MS, MENTION_MS, SocketSession } from "../../client/session.ts";
import { Channel, framed } from "../../rpc/channel.ts";
import { FakeClock } from "../../system/fake_clock.ts";
import { memoryPair } from "../../system/net/streams.ts";
import { WireError } from "../../wire/errors.ts";
import { PROTOCOL, VERSION } from "../../wire/hello.ts";
import { notification } from "../../wire/messages.ts";
import { FakePeer, greeting, type Handler } from "./fake_server.ts";
import { oneTask } from "./support.ts";

const HELLO = {
  protocol: PROTOCOL,
  version: VERSION,
  role: "controller",
  client: { pid: 1, command: "a test" },
} as const;

interface Setup extends AsyncDisposable {
  readonly session: SocketSession;
  readonly peer: FakePeer;
  readonly clock: FakeClock;
  readonly said: string[];
}

function setUp(handler: Handler, capacity?: number): Setup {
  const [near, far] = memoryPair(capacity);
  const clock = new FakeClock();
  const said: string[] = [];
  const session = new SocketSession(new Channel(framed(near), "client"), {
    clock,
    say: (text) => said.push(text),
  });
  const peer = new FakePeer(far, handler);
  return {
    session,
    peer,
    clock,
    said,
    [Symbol.asyncDispose]: async () => {
      await session.close();
      await peer.close();
      await peer.ended;
    },
  };
}

Deno.test("a session sends hello, mask and command in one write, and matches replies by their ids", async () => {
  await using setup = setUp(greeting(({ method }) => method));
  const { session, peer } = setup;
  const replies = await Promise.all([
    session.hello(HELLO),
    session.call("setEventMask", { logLevel: "debug" }),
    session.call("runTasks", {}),
  ]);
  assertEquals(peer.pieces.length, 1);
  assertEquals(replies.slice(1), ["setEventMask", "runTasks"]);
  assertEquals(session.role, "controller");
});

Deno.test("a session throws the error that the server answers", async () => {
  await using setup = setUp(() => {
    throw new WireError("busy", "Busy (runTasks in progress)", { pid: 7 });
  });
  const error = await assertRejects(() => setup.session.call("runTasks"), WireError);
  assertEquals([error.is("busy"), error.data], [true, { pid: 7 }]);
});

Deno.test("R23 a missing reply is reported after 30 s, and fails after 90 s with the command's name", async () => {
  await using setup = setUp(() => undefined);
  const { session, clock, said } = setup;
  const reply = assertRejects(() => session.call("listTasks"), ClientError);
  await clock.waitForSleepers();
  await clock.advance(MENTION_MS - 1);
  assertEquals(said, []);
  await clock.advance(1);
  assertEquals(said, ["no reply to listTasks for 30 s; still waiting"]);
  await clock.advance(GIVE_UP_MS - 1);
  await clock.advance(1);
  const error = await reply;
  assertEquals(error.exitCode, EXIT.noServer);
  assertEquals(
    error.message,
    "no reply to listTasks for 90 s: the server hangs; 'simmer stop --force' kills it",
  );
});

Deno.test("R23 a UI that waits in the queue gets no report of a late reply", async () => {
  await using setup = setUp(greeting(() => undefined, { role: "waiting" }));
  const { session, clock, said, peer } = setup;
  await session.hello(HELLO);
  const reply = session.call("runTasks").catch((error: unknown) => error);
  await peer.asked("runTasks");
  await clock.advance(10 * (MENTION_MS + GIVE_UP_MS));
  assertEquals(said, []);
  peer.send(notification("role", { role: "controller" }));
  await session.close();
  assertInstanceOf(await reply, ServerEndedError);
});

Deno.test("R23 a session waits for a command that may be queued as long as the server answers pings", async () => {
  await using setup = setUp(({ method }) => method === "ping" ? "Still alive!" : undefined);
  const { session, clock, peer, said } = setup;
  const options = { mayQueue: true, advice: "perhaps for another build" };
  const reply = session.call("runTasks", {}, options).catch((error: unknown) => error);
  await peer.asked("runTasks");
  await clock.advance(MENTION_MS + GIVE_UP_MS);
  await peer.asked("ping");
  await clock.waitForSleepers();
  assertEquals(said, [
    "no reply to runTasks for 30 s; still waiting, perhaps for another build",
  ]);
  await session.close();
  assertInstanceOf(await reply, ServerEndedError);
});

Deno.test("R23 every pending command fails with ServerEndedError if the server dies", async () => {
  await using setup = setUp((_, peer) => void peer.close());
  const { session } = setup;
  const errors = await Promise.all(
    ["a", "b"].map((name) => assertRejects(() => session.call(name), ServerEndedError)),
  );
  assertEquals(errors.map((error) => error.message), [
    "the server ended, perhaps killed",
    "the server ended, perhaps killed",
  ]);
  const late = await assertRejects(() => session.call("c"), ServerEndedError);
  assertEquals(late.exitCode, EXIT.noServer);
});

Deno.test("the error for an ended server quotes the reason in ServerExit", async () => {
  await using setup = setUp((_, peer) => {
    peer.emit({ type: "ServerExit", reason: "terminateServer" });
    void peer.close();
  });
  const error = await assertRejects(() => setup.session.call("a"), ServerEndedError);
  assertEquals(error.message, "the server ended: terminateServer");
});

Deno.test("an event listener that is not ready applies back-pressure to the server", async () => {
  await using setup = setUp(() => undefined, 256);
  const { session, peer } = setup;
  const gate = Promise.withResolvers<void>();
  const first = Promise.withResolvers<void>();
  let count = 0;
  session.onEvent(() => {
    count++;
    first.resolve();
    return gate.promise;
  });
  for (let round = 0; round < 50; round++) for (const event of oneTask()) peer.emit(event);
  await first.promise;
  await new Promise((resolve) => setTimeout(resolve, 0));
  const held = count;
  const all = Promise.withResolvers<void>();
  session.onEvent(() => count >= 50 * oneTask().length ? all.resolve() : undefined);
  gate.resolve();
  await all.promise;
  assertEquals(count, 50 * oneTask().length);
  assertEquals(held < 5, true, `${held} events were read before the first was shown`);
});

Deno.test("an invalid line from the server ends the session with the reason", async () => {
  const [near, far] = memoryPair();
  const session = new SocketSession(new Channel(framed(near), "client"), {
    clock: new FakeClock(),
  });
  const reply = assertRejects(() => session.call("ping"), WireError, "not JSON");
  await far.write(new TextEncoder().encode("nonsense\n"));
  await reply;
  await session.close();
  far.close();
});
