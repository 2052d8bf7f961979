import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { ClientError, EXIT } from "../../client/errors.ts";
import { findServer, reachRunning, type ServerPlace } from "../../client/connect/find_server.ts";
import { GIVE_UP_MS, SILENT_MS } from "../../client/connect/patience.ts";
import { type StartPlatform, startServer } from "../../client/connect/start_server.ts";
import { LockFile } from "../../lock/lock_file.ts";
import { ensureState, statePaths } from "../../project/state.ts";
import { FakeClock } from "../../system/fake_clock.ts";
import { FolderWatch } from "../../system/files/folder_watch.ts";
import type { ExitStatus } from "../../system/process/group_process.ts";
import type { DaemonOptions } from "../../system/process/processes.ts";
import type { ByteStream } from "../../system/net/streams.ts";
import { FakeServer, temporaryProject } from "./fake_server.ts";

/** A project, and daemons that are functions of a test. */
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

  /** Does what a client does that finds no server. */
  async connect(
    daemon: (options: DaemonOptions) => Promise<ExitStatus>,
    options: { readonly signal?: AbortSignal; readonly watch?: StartPlatform["watch"] } = {},
  ): Promise<ByteStream> {
    const { signal, watch = (folders) => FolderWatch.open(folders) } = options;
    const found = await findServer(this.place);
    if (found.kind === "running") return this.use(found.stream);
    const stream = await startServer(
      this.place,
      {
        program: ["simmer"],
        env: { HOME: "/home/me" },
        clock: this.clock,
        timeoutSeconds: 60,
        maxRssBytes: 0,
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
    return this.use(stream);
  }

  use(stream: ByteStream): ByteStream {
    this.#stack.defer(() => stream.close());
    return stream;
  }

  /** What a server does that starts: it says that it stands ready, takes the lock, and listens. */
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
    command: ["simmer", "serve", "--handover", "--cwd", root, "--timeout=60", "--max-rss=0"],
    cwd: root,
    env: { HOME: "/home/me" },
    logPath: setup.place.paths.log,
  }]);
  assertEquals(setup.said, []);
});

Deno.test("R21 the starter keeps the lock until the server stands ready to take it", async () => {
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

Deno.test("R21 twenty clients at the same moment start one server and all connect", async () => {
  await using setup = await Setup.create();
  const clients = Array.from({ length: 20 }, () => setup.connect(setup.serve));
  assertEquals((await Promise.all(clients)).length, 20);
  assertEquals(setup.started.length, 1);
});

Deno.test("R21 a client that does not get the lock connects", async () => {
  await using setup = await Setup.create();
  ensureState(setup.place.paths);
  await using _lock = await LockFile.acquire(setup.place.paths.lock, { wait: "once" });
  setup.listen();
  const found = await findServer(setup.place);
  assertEquals(found.kind, "running");
  if (found.kind === "running") setup.use(found.stream);
});

Deno.test("R21 the lock file says where a server listens that is not at the usual place", async () => {
  await using setup = await Setup.create();
  ensureState(setup.place.paths);
  await using lock = await LockFile.acquire(setup.place.paths.lock, { wait: "once" });
  const socket = `${setup.place.project.root}/elsewhere.sock`;
  lock?.write({ pid: Deno.pid, socket });
  await using _server = new FakeServer(socket, () => undefined);
  const found = await findServer(setup.place);
  assertEquals(found.kind, "running");
  if (found.kind === "running") setup.use(found.stream);
});

Deno.test("R21 a server that listens is found without a look at the lock", async () => {
  await using setup = await Setup.create();
  ensureState(setup.place.paths);
  await Deno.writeTextFile(setup.place.paths.lock, `${Deno.pid}\n`);
  setup.listen();
  const found = await findServer(setup.place);
  assertEquals(found.kind, "running");
  if (found.kind === "running") setup.use(found.stream);
});

Deno.test("R18 a probe is not refused by the probe of another client", async () => {
  await using setup = await Setup.create();
  ensureState(setup.place.paths);
  await using _probe = await LockFile.acquire(setup.place.paths.lock, {
    mode: "shared",
    wait: "once",
  });
  assertEquals((await findServer(setup.place)).kind, "none");
});

Deno.test("R21 a server that starts or ends meanwhile is waited for by its socket", async () => {
  await using setup = await Setup.create();
  ensureState(setup.place.paths);
  await using _lock = await LockFile.acquire(setup.place.paths.lock, { wait: "once" });
  const connected = setup.connect(never);
  await setup.clock.waitForSleepers(2);
  setup.listen();
  await connected;
  assertEquals(setup.started, []);
});

Deno.test("R21 when the holder of the lock goes without a socket, the next client starts a server", async () => {
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

Deno.test("R21 a started server that finds another one in possession is no failure: it connects there", async () => {
  await using setup = await Setup.create();
  const connected = setup.connect(async () => {
    await setup.takeLock();
    return { code: EXIT.noServer };
  });
  // The clock is looked at by the patience of R22, and by the new try for the lock.
  await setup.clock.waitForSleepers(2);
  setup.listen();
  await connected;
  assertEquals(setup.started.length, 1);
});

Deno.test("R21 what a killed server left of its start does not keep the next one away", async () => {
  await using setup = await Setup.create();
  ensureState(setup.place.paths);
  const child = new Deno.Command("/bin/true").spawn();
  await child.status;
  await Deno.writeTextFile(setup.place.paths.starting, `${child.pid}\n`);
  await Deno.writeTextFile(setup.place.paths.lock, `${child.pid}\n`);
  await setup.connect(setup.serve);
  assertEquals(setup.started.length, 1);
});

Deno.test("R22 it waits 5 s in silence, says so, and gives up after 90 s with the log", async () => {
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
  assertEquals(setup.said, ["no server answers for 5 s; waiting up to 85 s more"]);
  await setup.clock.advance(GIVE_UP_MS - SILENT_MS);
  const error = await connected;
  assertEquals(error.exitCode, EXIT.noServer);
  assertMatch(error.message, /no server answered within 90 s/);
  assertEquals(error.details, ["still thinking"]);
});

Deno.test("R22 a server that dies on the way is told with the last 60 lines of this start's log", async () => {
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
  assertMatch(error.message, /ended as it started, with exit code 1; its log:/);
  assertEquals(error.details, lines.slice(10));
});

Deno.test("R22 a server that says nothing as it dies leaves a hint to its log", async () => {
  await using setup = await Setup.create();
  const error = await assertRejects(
    () => setup.connect(() => Promise.resolve({ code: 127 })),
    ClientError,
  );
  assertEquals(error.details, [
    `Its log ${setup.place.paths.log} has nothing of this start.`,
  ]);
});

Deno.test("R22 where the system can't watch a folder, the client looks ten times a second", async () => {
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

Deno.test("a client that is told to leave does not wait for the server", async () => {
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

Deno.test("a command that starts no server touches nothing where none runs", async () => {
  await using setup = await Setup.create();
  assertEquals(await reachRunning(setup.place, setup.clock), undefined);
  assertEquals([...Deno.readDirSync(setup.place.project.root)].map(({ name }) => name), [
    "deno.json",
  ]);
});

Deno.test("a socket that is named is the only one that is tried", async () => {
  await using setup = await Setup.create();
  const socket = `${setup.place.project.root}/none.sock`;
  const error = await assertRejects(() => findServer({ ...setup.place, socket }), ClientError);
  assertEquals(
    [error.exitCode, error.message],
    [EXIT.noServer, `cannot connect to unix:${socket}: no server listens there`],
  );
});
