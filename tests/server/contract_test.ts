/**
 * Contract of a session, tested over three transports: a Unix socket, a stream in memory, and a
 * server in the client's own process.
 */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { serveInProcess } from "../../server/in_process.ts";
import { ProcessServer } from "../../server/process_server.ts";
import { systemClock } from "../../system/clock.ts";
import { MemoryLogger } from "../../system/logger.ts";
import { connectUnix, UnixListener } from "../../system/net/unix_socket.ts";
import { ERROR_CODES } from "../../wire/errors.ts";
import { encodeFrame } from "../../wire/frame.ts";
import { request } from "../../wire/messages.ts";
import { helloParams, MemoryListener, StreamClient, TestClient, TestCooker } from "./support.ts";

/** Cooker that a server serves, with one client. */
interface Served {
  readonly cooker: TestCooker;
  readonly client: TestClient;
  /** Resolves when the server has ended, which it does after its last client has left. */
  readonly ended: Promise<unknown>;
}

const project = { root: "/project" };

const TRANSPORTS: Record<string, (cooker: TestCooker) => Promise<Served>> = {
  "a Unix socket": async (cooker) => {
    const folder = await Deno.makeTempDir();
    const listener = UnixListener.listen(`${folder}/sock`);
    const ended = serve(cooker, listener).finally(() => Deno.remove(folder));
    const stream = await connectUnix(listener.path);
    assert(stream !== undefined);
    return { cooker, client: new StreamClient(stream), ended };
  },
  "a stream in memory": (cooker) => {
    const listener = new MemoryListener();
    const ended = serve(cooker, listener);
    return served(cooker, new StreamClient(listener.connect()), ended);
  },
  "the client's own process": (cooker) => {
    const log = new MemoryLogger();
    const { channel, ended } = serveInProcess({ cooker, clock: systemClock, log, project });
    return served(cooker, new TestClient(channel), ended);
  },
};

function serve(cooker: TestCooker, listener: UnixListener | MemoryListener): Promise<unknown> {
  const log = new MemoryLogger();
  return new ProcessServer({ cooker, listener, log, clock: systemClock, project }).serve();
}

function served(
  cooker: TestCooker,
  client: TestClient,
  ended: Promise<unknown>,
): Promise<Served> {
  return Promise.resolve({ cooker, client, ended });
}

/** Registers a test of a session for each transport. */
function contract(statement: string, prove: (served: Served) => Promise<void>): void {
  for (const [transport, open] of Object.entries(TRANSPORTS)) {
    Deno.test(`over ${transport}: ${statement}`, async () => {
      const server = await open(new TestCooker());
      await prove(server);
      await server.client.leave();
      await server.ended;
      assertEquals(server.cooker.calls.slice(-4), [
        "shutdown(false)",
        "notifier.stop",
        "configNotifier.stop",
        "postServe",
      ]);
    });
  }
}

contract("hello makes the first UI the controller", async ({ client }) => {
  const { role, pid, project: served } = await client.hello();
  assertEquals([role, pid, served], ["controller", Deno.pid, project]);
});

contract("requests that are pipelined behind hello are answered in order", async ({ client }) => {
  client.send("hello", helloParams());
  client.send("ping");
  client.send("look");
  await client.reply(await client.send("getUIHandlerNum"));
  const ids = client.messages.map((message) => "id" in message ? message.id : undefined);
  assertEquals(ids, [1, 2, 3, 4]);
});

contract(
  "an asynchronous command replies at once and ends with its completion event",
  async ({ client, cooker }) => {
    await client.hello();
    assertEquals(await client.call("work"), { build: "build-1" });
    const build = await cooker.build(0);
    build.call.emit({
      type: "TaskOutput",
      build: "build-1",
      task: "a",
      stream: "stdout",
      text: "ü\n",
    });
    build.end({ kind: "exit", exitCode: 3 });
    await client.event("CommandExit");
    assertEquals(client.events.map(({ seq, type }) => [seq, type]), [
      [1, "TaskOutput"],
      [2, "CommandExit"],
    ]);
  },
);

contract("errors carry their codes and the session continues", async ({ client }) => {
  await client.hello();
  for (
    const [method, code] of [["crash", "internalError"], ["pnig", "methodNotFound"]] as const
  ) {
    const response = await client.reply(await client.send(method));
    assertEquals("error" in response && response.error.code, ERROR_CODES[code]);
  }
  assertEquals(await client.call("ping"), "Still alive!");
});

contract("a disconnect cancels a build and ends the server", async ({ client, cooker, ended }) => {
  await client.hello();
  await client.call("work");
  await client.leave();
  await ended;
  assertEquals((await cooker.build(0)).cancels[0], "end");
});

contract("terminateServer is answered before the server ends", async ({ client, ended }) => {
  await client.hello();
  assertEquals(await client.call("terminateServer"), null);
  await ended;
  await client.ended;
  assertEquals(client.events.at(-1)?.type, "ServerExit");
});

contract("a large message arrives whole", async ({ client }) => {
  await client.hello();
  const padding = "ü".repeat(1_000_000);
  assertEquals(await client.call("look", { padding }), { saw: "test" });
});

Deno.test("R5 several UIs on a real socket see the same events in the same order", async () => {
  const folder = await Deno.makeTempDir();
  const listener = UnixListener.listen(`${folder}/sock`);
  const cooker = new TestCooker();
  const ended = serve(cooker, listener);
  const join = async (role: "controller" | "observer"): Promise<TestClient> => {
    const stream = await connectUnix(listener.path);
    assert(stream !== undefined);
    const client = new StreamClient(stream);
    await client.hello({ role });
    return client;
  };
  const clients = [await join("controller")];
  for (let index = 0; index < 10; index++) clients.push(await join("observer"));
  await clients[0]?.call("work");
  const build = await cooker.build(0);
  for (let index = 0; index < 2000; index++) {
    const text = `line ${index}\n`;
    await build.call.emit({ type: "TaskOutput", build: "b", task: "t", stream: "stdout", text })
      .ready;
  }
  build.end({ kind: "completed" });
  await Promise.all(clients.map((client) => client.event("CommandCompleted")));
  const seen = clients.map(({ events }) => events.map(({ seq, type }) => `${seq} ${type}`));
  assertEquals(seen[0]?.length, 2001);
  for (const each of seen) assertEquals(each, seen[0]);
  for (const client of clients) await client.leave();
  await ended;
  await Deno.remove(folder);
});

Deno.test("R12 the shutdown does not remove a socket file that another server has put in place of its own", async () => {
  const folder = await Deno.makeTempDir();
  const listener = UnixListener.listen(`${folder}/sock`);
  const log = new MemoryLogger();
  const server = new ProcessServer({
    cooker: new TestCooker(),
    listener,
    log,
    clock: systemClock,
    project,
    timeoutSeconds: -1,
  });
  const ended = server.serve();
  const successor = UnixListener.listen(`${folder}/sock`);
  server.stop("enough");
  await ended;
  assert((await Deno.lstat(`${folder}/sock`)).isSocket);
  assertEquals(log.messages.at(-1), "Exiting");
  successor.unlink();
  successor.close();
  assertEquals([...Deno.readDirSync(folder)], []);
  await Deno.remove(folder);
});

Deno.test("R12 clients that connect during the shutdown get the end of the stream", async () => {
  const folder = await Deno.makeTempDir();
  const listener = UnixListener.listen(`${folder}/sock`);
  const cooker = new TestCooker();
  const server = new ProcessServer({
    cooker,
    listener,
    log: new MemoryLogger(),
    clock: systemClock,
    project,
    timeoutSeconds: -1,
  });
  const ended = server.serve();
  const streams = await Promise.all(
    Array.from({ length: 20 }, async (_, index) => {
      const stream = connectUnix(listener.path);
      if (index === 10) server.stop("enough");
      return await stream;
    }),
  );
  await ended;
  for (const stream of streams) {
    if (stream === undefined) continue;
    const client = new StreamClient(stream);
    await client.ended;
    client.stream.close();
  }
  await Deno.remove(folder);
});

Deno.test("R6 a client that floods a real socket and disconnects does not disturb another client", async () => {
  const folder = await Deno.makeTempDir();
  const listener = UnixListener.listen(`${folder}/sock`);
  const ended = serve(new TestCooker(), listener);
  const [flood, steady] = await Promise.all([
    connectUnix(listener.path),
    connectUnix(listener.path),
  ]);
  assert(flood !== undefined && steady !== undefined);
  const client = new StreamClient(steady);
  await client.hello();
  const hello = encodeFrame(request(1, "hello", helloParams({ role: "observer" })));
  const pings = new TextEncoder().encode(
    '{"jsonrpc":"2.0","id":2,"method":"ping"}\n'.repeat(2000),
  );
  await flood.write(hello);
  await flood.write(pings);
  flood.close();
  for (let index = 0; index < 20; index++) {
    assertEquals(await client.call("ping"), "Still alive!");
  }
  await assertRejects(() => client.call("pnig"), Error);
  await client.leave();
  await ended;
  await Deno.remove(folder);
});
