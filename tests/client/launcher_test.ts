import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { ClientError, EXIT } from "../../client/errors.ts";
import { findServer, reachRunning, type ServerPlace } from "../../client/connect/find_server.ts";
import { GIVE_UP_MS, SILENT_MS } from "../../client/connect/patience.ts";
import { type StartPlatform, startServer } from "../../client/connect/start_server.ts";
import { LockFile } from "../../lock/lock_file.ts";
import { ensureState, statePaths } from "../../project/state.ts";
import type { Channel } from "../../rpc/channel.ts";
import { FakeClock } from "../../system/fake_clock.ts";
import { FolderWatch } from "../../system/files/folder_watch.ts";
import type { ExitStatus } from "../../system/process/group_process.ts";
import type { DaemonOptions } from "../../system/process/processes.ts";
import { FakeServer, temporaryProject } from "./fake_server.ts";

/** Project whose daemons are functions of the test. */
class Setup implements AsyncDisposable {
  readonly place: ServerPlace;
  readonly clock = new FakeClock();
  readonly said: string[] = [];
  readonly started: DaemonOptions[] = [];
  readonly #project: AsyncDisposable;
  readonly #stack = new AsyncDisposableStack();

  private constructor(project: { root: string } & AsyncDisposable) {
    this.#project = project;
    this.place = { project: { root: project.root }, paths: statePaths(project.root) };
  }

  static async create(): Promise<Setup> {
    return new Setup(await temporaryProject());
  }

  /** Connects to a running server, or starts one like a client. */
  async connect(
    daemon: (options: DaemonOptions) => Promise<ExitStatus>,
    options: { readonly signal?: AbortSignal; readonly watch?: StartPlatform["watch"] } = {},
  ): Promise<Channel> {
    const { signal, watch = (folders) => FolderWatch.open(folders) } = options;
    const found = await findServer(this.place);
    if (found.kind === "running") return this.use(found.channel);
    const channel = await startServer(
      this.place,
      {
        program: ["simmer"],
        env: { HOME: "/home/me" },
        clock: this.clock,
        timeoutSeconds: 60,
        maxRssBytes: 0,
        maxServers: 0,
        say: (text) => this.said.push(text),
        ...(signal === undefined ? {} : { signal }),
      },
      {
        startDaemon: (daemonOptions) => {
          this.started.push(daemonOptions);
          return { pid: Deno.pid, exit: daemon(daemonOptions) };
        },
        watch,
      },
    );
    return this.use(channel);
  }

  use(channel: Channel): Channel {
    this.#stack.defer(() => channel.close());
    return channel;
  }

  /** Acts as a starting server: announces that it is ready, takes the lock, and listens. */
  readonly serve = async (): Promise<ExitStatus> => {
    await this.takeLock();
    this.listen();
    return new Promise(() => {});
  };

  async takeLock(): Promise<void> {
    const { paths } = this.place;
    await Deno.writeTextFile(paths.starting, `${Deno.pid}\n`);
    const lock = await LockFile.acquire(paths.lock, { wait: "forever", retryMs: 1 });
    assert(lock !== undefined);
    await Deno.remove(paths.starting);
    lock.write({ pid: Deno.pid });
    this.#stack.defer(() => lock.release());
  }

  listen(): FakeServer {
    return this.#stack.use(new FakeServer(this.place.paths.oldSocket, () => undefined));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
    await this.#project[Symbol.asyncDispose]();
  }
}

const never = (): Promise<ExitStatus> => new Promise(() => {});

Deno.test("R21 a client that gets the lock starts a server, hands the lock over, and connects", async () => {
  await using setup = await Setup.create();
  const { root } = setup.place.project;
  await setup.connect(setup.serve);
  assertEquals(setup.started, [{
    command: [
      "simmer",
      "serve",
      "--lock-from-client",
      "--cwd",
      root,
      "--timeout=60",
      "--max-rss=0",
      "--max-servers=none",
    ],
    cwd: root,
    env: { HOME: "/home/me" },
    logPath: setup.place.paths.log,
  }]);
  assertEquals(setup.said, []);
});

Deno.test("R21 the starting client holds the lock until the server is ready to take it", async () => {
  await using setup = await Setup.create();
  const gate = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<void>();
  const connected = setup.connect(async () => {
    begun.resolve();
    await gate.promise;
    return await setup.serve();
  });
  await begun.promise;
  assertEquals((await findServer(setup.place)).kind, "between");
  gate.resolve();
  await connected;
});

Deno.test("R21 twenty simultaneous clients start one server and all connect", async () => {
  await using setup = await Setup.create();
  const clients = Array.from({ length: 20 }, () => setup.connect(setup.serve));
  assertEquals((await Promise.all(clients)).length, 20);
  assertEquals(setup.started.length, 1);
});

Deno.test("R21 a client that does not get the lock connects to the running server", async () => {
  await using setup = await Setup.create();
  ensureState(setup.place.paths);
  await using _lock = await LockFile.acquire(setup.place.paths.lock, { wait: "once" });
  setup.listen();
  const found = await findServer(setup.place);
  assertEquals(found.kind, "running");
  if (found.kind === "running") setup.use(found.channel);
});

Deno.test("R21 a client reads the socket's path from the lock file if it is not the usual one", async () => {
  await using setup = await Setup.create();
  ensureState(setup.place.paths);
  await using lock = await LockFile.acquire(setup.place.paths.lock, { wait: "once" });
  const socket = `${setup.place.project.root}/elsewhere.sock`;
  lock?.write({ pid: Deno.pid, socket });
  await using _server = new FakeServer(socket, () => undefined);
  const found = await findServer(setup.place);
  assertEquals(found.kind, "running");
  if (found.kind === "running") setup.use(found.channel);
});

Deno.test("R21 a listening server is found even if the lock is not held", async () => {
  await using setup = await Setup.create();
  ensureState(setup.place.paths);
  await Deno.writeTextFile(setup.place.paths.lock, `${Deno.pid}\n`);
  setup.listen();
  const found = await findServer(setup.place);
  assertEquals(found.kind, "running");
  if (found.kind === "running") setup.use(found.channel);
});

Deno.test("R18 a lock probe is not blocked by another client's probe", async () => {
  await using setup = await Setup.create();
  ensureState(setup.place.paths);
  await using _probe = await LockFile.acquire(setup.place.paths.lock, {
    mode: "shared",
    wait: "once",
  });
  assertEquals((await findServer(setup.place)).kind, "none");
});

Deno.test("R21 a client waits for the server's socket while another process holds the lock", async () => {
  await using setup = await Setup.create();
  ensureState(setup.place.paths);
  await using _lock = await LockFile.acquire(setup.place.paths.lock, { wait: "once" });
  const connected = setup.connect(never);
  await setup.clock.waitForSleepers(2);
  setup.listen();
  await connected;
  assertEquals(setup.started, []);
});

Deno.test("R21 a waiting client starts a server if the lock is released without a socket", async () => {
  await using setup = await Setup.create();
  ensureState(setup.place.paths);
  const lock = await LockFile.acquire(setup.place.paths.lock, { wait: "once" });
  const connected = setup.connect(setup.serve);
  await setup.clock.waitForSleepers(2);
  lock?.release();
  await setup.clock.advance(100);
  await connected;
  assertEquals(setup.started.length, 1);
});

Deno.test("R21 a client whose started server loses to another server connects to the other one", async () => {
  await using setup = await Setup.create();
  const connected = setup.connect(async () => {
    await setup.takeLock();
    return { code: EXIT.noServer };
  });
  // The two sleepers are the timeout of R22 and the retry for the lock.
  await setup.clock.waitForSleepers(2);
  setup.listen();
  await connected;
  assertEquals(setup.started.length, 1);
});

Deno.test("R21 stale files of a killed server do not prevent a start", async () => {
  await using setup = await Setup.create();
  ensureState(setup.place.paths);
  const child = new Deno.Command("/bin/true").spawn();
  await child.status;
  await Deno.writeTextFile(setup.place.paths.starting, `${child.pid}\n`);
  await Deno.writeTextFile(setup.place.paths.lock, `${child.pid}\n`);
  await setup.connect(setup.serve);
  assertEquals(setup.started.length, 1);
});

Deno.test("R22 a client reports the wait after 5 s, and gives up after 90 s with the log", async () => {
  await using setup = await Setup.create();
  const begun = Promise.withResolvers<void>();
  const connected = assertRejects(() =>
    setup.connect(async ({ logPath }) => {
      await Deno.writeTextFile(logPath, "still thinking\n");
      begun.resolve();
      return await never();
    }), ClientError);
  await begun.promise;
  await setup.clock.waitForSleepers();
  await setup.clock.advance(SILENT_MS - 1);
  assertEquals(setup.said, []);
  await setup.clock.advance(1);
  assertEquals(setup.said, ["no server has answered for 5 s; waiting up to 85 s more"]);
  await setup.clock.advance(GIVE_UP_MS - SILENT_MS);
  const error = await connected;
  assertEquals(error.exitCode, EXIT.noServer);
  assertMatch(error.message, /no server answered within 90 s/);
  assertEquals(error.details, ["still thinking"]);
});

Deno.test("R22 a server that dies during its start is reported with the last 60 lines of this start's log", async () => {
  await using setup = await Setup.create();
  ensureState(setup.place.paths);
  await Deno.writeTextFile(setup.place.paths.log, "a line of an earlier start\n");
  const lines = Array.from({ length: 70 }, (_, index) => `line ${index}`);
  const error = await assertRejects(() =>
    setup.connect(async ({ logPath }) => {
      await Deno.writeTextFile(logPath, `${lines.join("\n")}\n`, { append: true });
      return { code: 1 };
    }), ClientError);
  assertEquals(error.exitCode, EXIT.noServer);
  assertMatch(error.message, /exited during its start, with exit code 1; its log:/);
  assertEquals(error.details, lines.slice(10));
});

Deno.test("R22 a server that dies without log output is reported with the path of its log", async () => {
  await using setup = await Setup.create();
  const error = await assertRejects(
    () => setup.connect(() => Promise.resolve({ code: 127 })),
    ClientError,
  );
  assertEquals(error.details, [
    `Its log ${setup.place.paths.log} has no lines of this start.`,
  ]);
});

Deno.test("R22 a client polls for the server if the folder cannot be watched", async () => {
  await using setup = await Setup.create();
  const ready = Promise.withResolvers<void>();
  const connected = setup.connect(() => {
    ready.resolve();
    return setup.serve();
  }, { watch: () => undefined });
  await ready.promise;
  let isConnected = false;
  const done = connected.then(() => isConnected = true);
  while (!isConnected) await setup.clock.advance(100);
  await done;
  assertEquals(setup.started.length, 1);
});

Deno.test("a client that is aborted does not wait for the server", async () => {
  await using setup = await Setup.create();
  const leaving = new AbortController();
  const connected = assertRejects(
    () => setup.connect(never, { signal: leaving.signal }),
    Error,
    "leaving",
  );
  await setup.clock.waitForSleepers();
  leaving.abort(new Error("leaving"));
  await connected;
});

Deno.test("reachRunning creates no files if no server runs", async () => {
  await using setup = await Setup.create();
  assertEquals(await reachRunning(setup.place, setup.clock), undefined);
  assertEquals([...Deno.readDirSync(setup.place.project.root)].map(({ name }) => name), [
    "deno.json",
  ]);
});

Deno.test("an explicit socket is the only one that is tried", async () => {
  await using setup = await Setup.create();
  const socket = `${setup.place.project.root}/none.sock`;
  const error = await assertRejects(() => findServer({ ...setup.place, socket }), ClientError);
  assertEquals(
    [error.exitCode, error.message],
    [EXIT.noServer, `cannot connect to unix:${socket}: no server listens there`],
  );
});
