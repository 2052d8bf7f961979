import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { openOperator, openSession } from "../../client/connect/open_session.ts";
import { ClientError, EXIT, ServerEndedError } from "../../client/errors.ts";
import { GIVE_UP_MS, MENTION_MS } from "../../client/session.ts";
import { connectSocket, type ServerPlace } from "../../client/connect/find_server.ts";
import { LockFile } from "../../lock/lock_file.ts";
import { ensureState, statePaths } from "../../project/state.ts";
import type { Channel } from "../../rpc/channel.ts";
import { FakeClock } from "../../system/fake_clock.ts";
import { WireError } from "../../wire/errors.ts";
import {
  type FakeIdentity,
  FakeServer,
  greeting,
  type Handler,
  temporaryProject,
} from "./fake_server.ts";

const client = { pid: 100, command: "simmer run hello" };

/** Project with fake servers. When one ends, the next one serves. */
class Setup implements AsyncDisposable {
  readonly place: ServerPlace;
  readonly said: string[] = [];
  readonly servers: FakeServer[] = [];
  readonly #project: AsyncDisposable;
  #lock: LockFile | undefined;

  private constructor(project: { root: string } & AsyncDisposable) {
    this.#project = project;
    this.place = { project: { root: project.root }, paths: statePaths(project.root) };
  }

  static async create(): Promise<Setup> {
    const setup = new Setup(await temporaryProject());
    ensureState(setup.place.paths);
    setup.#lock = await LockFile.acquire(setup.place.paths.lock, { wait: "once" });
    return setup;
  }

  /** Serves until the handler ends the connection. */
  serve(handler: Handler, identity: FakeIdentity = {}): FakeServer {
    const { root } = this.place.project;
    const server = new FakeServer(
      this.place.paths.oldSocket,
      greeting(handler, { root, ...identity }),
    );
    this.servers.push(server);
    return server;
  }

  open(
    options: {
      readonly place?: ServerPlace;
      readonly reach?: () => Promise<Channel>;
      readonly clock?: FakeClock;
    } = {},
  ): ReturnType<typeof openSession<Promise<unknown>>> {
    const { place = this.place, reach, clock = new FakeClock() } = options;
    return openSession(place, {
      env: {},
      clock,
      timeoutSeconds: 60,
      maxRssBytes: 0,
      maxServers: 0,
      say: (text) => this.said.push(text),
      role: "controller",
      client,
      ...(reach === undefined ? {} : { reach }),
    }, (session) => session.call("first").catch((error: unknown) => error));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const server of this.servers) await server[Symbol.asyncDispose]();
    this.#lock?.release();
    await this.#project[Symbol.asyncDispose]();
  }
}

/** Answers an operator as an idle or busy server. `terminateServer` calls `replace`. */
function operated(busyWith: string | null, replace: () => void): Handler {
  return ({ method }, peer) => {
    if (method === "status") {
      return {
        pid: 4711,
        busyWith,
        clients: [{ role: "controller", pid: 7, command: "simmer run slow" }],
      };
    }
    if (method !== "terminateServer") return "first reply";
    replace();
    queueMicrotask(() => void peer.close());
    return null;
  };
}

Deno.test("R24 an idle server of another version is reported, restarted, and never used", async () => {
  await using setup = await Setup.create();
  const old = setup.serve(
    operated(null, () => setup.serve(() => "from the new one")),
    { version: "0.0.9" },
  );
  const { session, first } = await setup.open();
  assertEquals(await first, "from the new one");
  await session.close();
  assertEquals(setup.said, [
    "restarting the server (pid 4711): it is simmer 0.0.9, this is 0.3.0",
  ]);
  const asked = old.peers.flatMap((peer) => peer.requests.map(({ method }) => method));
  assertEquals(asked.filter((method) => method !== "hello"), [
    "first",
    "status",
    "terminateServer",
  ]);
});

Deno.test("R24 a busy server of another version is not restarted, and the error names the client that uses it", async () => {
  await using setup = await Setup.create();
  const old = setup.serve(operated("runTasks", () => {}), { version: "0.0.9" });
  const error = await assertRejects(() => setup.open(), ClientError);
  assertEquals(error.exitCode, EXIT.refused);
  assertMatch(
    error.message,
    /\(pid 4711\): it is simmer 0\.0\.9, this is 0\.3\.0, and it is busy with runTasks for 'simmer run slow' \(pid 7\)/,
  );
  const asked = old.peers.flatMap((peer) => peer.requests.map(({ method }) => method));
  assertEquals(asked.includes("terminateServer"), false);
});

Deno.test("R24 the error for a busy server names the client of its oldest build, which may have left", async () => {
  await using setup = await Setup.create();
  const builds = [{ client: { pid: 8, command: "simmer run --detach all" } }];
  const answers = operated("runTasks", () => {});
  setup.serve((request, peer) => {
    const answer = answers(request, peer);
    return request.method === "status" ? { ...Object(answer), builds } : answer;
  }, { version: "0.0.9" });
  const error = await assertRejects(() => setup.open(), ClientError);
  assertMatch(error.message, /busy with runTasks for 'simmer run --detach all' \(pid 8\)/);
});

Deno.test("R24 a server with another root or config file is restarted, and the client reports the difference", async () => {
  const table = [
    [{ root: "/moved/away" }, /it serves \/moved\/away, not \//],
    [{ config: "/other.json" }, /it uses \/other\.json, not the nearest config file/],
  ] as const;
  for (const [identity, message] of table) {
    await using setup = await Setup.create();
    setup.serve(operated(null, () => setup.serve(() => "right")), identity);
    const { session, first } = await setup.open();
    assertEquals(await first, "right");
    await session.close();
    assertMatch(setup.said.join("\n"), message);
  }
});

Deno.test("R23 R24 a server that hangs is never replaced, and the error says how to end it", async () => {
  await using setup = await Setup.create();
  const clock = new FakeClock();
  const asked: string[] = [];
  const begun = Promise.withResolvers<void>();
  const server = new FakeServer(setup.place.paths.oldSocket, ({ method }) => {
    asked.push(method);
    begun.resolve();
    return undefined;
  });
  setup.servers.push(server);
  const opened = assertRejects(() => setup.open({ clock }), ClientError);
  await begun.promise;
  await clock.advance(MENTION_MS);
  await clock.advance(GIVE_UP_MS);
  const error = await opened;
  assertEquals(error.exitCode, EXIT.noServer);
  assertMatch(error.message, /the server hangs; 'simmer stop --force' kills it/);
  assertEquals(asked.filter((method) => method !== "hello" && method !== "first"), []);
  assertEquals(setup.said.filter((text) => text.includes("restarting")), []);
});

Deno.test("R24 a server that was chosen by its address is not restarted", async () => {
  await using setup = await Setup.create();
  setup.serve(operated(null, () => {}), { version: "0.0.9" });
  const place = { ...setup.place, socket: setup.place.paths.oldSocket };
  const error = await assertRejects(() => setup.open({ place }), WireError);
  assert(error.is("versionMismatch"));
  assertEquals(setup.said, []);
});

Deno.test("R24 a client that keeps finding servers of another version fails after five of them", async () => {
  await using setup = await Setup.create();
  let count = 0;
  const stubborn = (): void => {
    count++;
    setup.serve(operated(null, stubborn), { version: "0.0.9" });
  };
  stubborn();
  await assertRejects(() => setup.open(), WireError, "This server is simmer 0.0.9");
  assertEquals(count, 5);
});

Deno.test("a client retries if the server closes the connection before it answers", async () => {
  await using setup = await Setup.create();
  let tries = 0;
  setup.serve(() => "done");
  const { session, first } = await setup.open({
    reach: async () => {
      tries++;
      const channel = await connectSocket(setup.place.paths.oldSocket);
      assert(channel !== undefined);
      // The first connection is cut as if the server had ended.
      if (tries === 1) channel.close();
      return channel;
    },
  });
  assertEquals([await first, tries], ["done", 2]);
  await session.close();
});

Deno.test("R22 a client reports once, 5 s after its start, that no server answers", async () => {
  await using setup = await Setup.create();
  // A handler that returns `undefined` sends no reply.
  await using server = new FakeServer(setup.place.paths.oldSocket, () => undefined);
  const clock = new FakeClock();
  const startedAt = clock.monotonic();
  await clock.advance(3000);
  const warned: string[] = [];
  const left = new AbortController();
  const opening = openSession(setup.place, {
    env: {},
    clock,
    startedAt,
    timeoutSeconds: 60,
    maxRssBytes: 0,
    maxServers: 0,
    say: (text) => setup.said.push(text),
    warn: (text) => warned.push(text),
    signal: left.signal,
    role: "operator",
    client,
  }, () => undefined);
  await (await server.peer()).asked("hello");
  await clock.advance(1999);
  assertEquals(warned, []);
  await clock.advance(1);
  assertEquals(warned, ["no server has answered for 5 s; waiting up to 85 s more"]);
  await clock.advance(20_000);
  assertEquals([warned.length, setup.said], [1, []]);
  left.abort(new Error("left"));
  await assertRejects(() => opening, Error, "left");
  assertEquals(server.peers.length, 1);
});

Deno.test("an operator sends the server's own version to a server of another version", async () => {
  await using setup = await Setup.create();
  setup.serve(() => "Still alive!", { version: "9.9.9" });
  const { oldSocket: socket } = setup.place.paths;
  const stream = await connectSocket(socket);
  assert(stream !== undefined);
  const options = { clock: new FakeClock(), say: () => {}, client };
  const { session, hello } = await openOperator(stream, options, () => connectSocket(socket));
  assertEquals([hello.version, await session.call("ping")], ["9.9.9", "Still alive!"]);
  await session.close();
});

Deno.test("openOperator throws ServerEndedError if the server ends before the second connection", async () => {
  await using setup = await Setup.create();
  setup.serve(() => undefined, { version: "9.9.9" });
  const stream = await connectSocket(setup.place.paths.oldSocket);
  assert(stream !== undefined);
  const options = { clock: new FakeClock(), say: () => {}, client };
  await assertRejects(
    () => openOperator(stream, options, () => Promise.resolve(undefined)),
    ServerEndedError,
  );
});
