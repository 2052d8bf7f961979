/** Servers that do not pile up: their limit, and servers that are of no use any more. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { exists } from "@std/fs";
import { isProcessAlive } from "../../system/process/processes.ts";
import { Project, untilGone } from "./support.ts";

const FILES = { "deno.json": { tasks: { hello: "echo hello", long: "echo begun && sleep 600" } } };

/** Several projects of one user, whose servers share a registry. */
class Street implements AsyncDisposable {
  readonly projects: readonly Project[];
  readonly env: Readonly<Record<string, string>>;
  readonly #cache: string;

  private constructor(projects: readonly Project[], cache: string) {
    this.projects = projects;
    this.#cache = cache;
    this.env = { SIMMER_CACHE_DIR: cache, SIMMER_MAX_SERVERS: "10" };
  }

  /** Creates projects. The limit applies to servers that are started afterwards. */
  static async create(count: number): Promise<Street> {
    const cache = await Deno.makeTempDir({ prefix: "simmer_cache_" });
    return new Street(
      await Promise.all(Array.from({ length: count }, () => Project.create(FILES))),
      cache,
    );
  }

  at(index: number): Project {
    const project = this.projects[index];
    assert(project !== undefined);
    return project;
  }

  /** Runs a task, and returns the process id of the server. */
  async hello(index: number, limit = 3): Promise<number> {
    const words = ["run", `--max-servers=${limit}`, "hello"];
    const { code, stderr } = await this.at(index).run(words, { env: this.env });
    assertEquals(code, 0, stderr);
    return await this.at(index).serverPid();
  }

  /** Resolves when the registry has the last use of a server: it is at rest then. */
  async untilAtRest(pid: number): Promise<void> {
    const folder = `${this.#cache}/servers`;
    const entries = async (): Promise<string[]> => {
      const names = (await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name);
      return await Promise.all(
        names.filter((name) => name.endsWith(".json"))
          .map((name) => Deno.readTextFile(`${folder}/${name}`).catch(() => "")),
      );
    };
    const own = async (): Promise<string | undefined> =>
      (await entries()).find((text) => text.includes(`"pid":${pid},`));
    const before = await own();
    while (await own() === before) await new Promise((resolve) => setTimeout(resolve, 20));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const project of this.projects) await project[Symbol.asyncDispose]();
    await Deno.remove(this.#cache, { recursive: true });
  }
}

Deno.test("the server of a fourth project ends the least recently used one of three", async () => {
  await using street = await Street.create(4);
  const pids: number[] = [];
  for (const index of [0, 1, 2]) {
    pids.push(await street.hello(index));
    await street.untilAtRest(pids[index] ?? 0);
  }
  const [first = 0, ...others] = pids;
  const fourth = await street.hello(3);
  await untilGone(first, "the least recently used server", 20_000);
  await street.untilAtRest(fourth);
  for (const pid of [...others, fourth]) assert(isProcessAlive(pid));

  const log = await street.at(0).read(".simmer/server.log");
  const asker = street.at(3);
  assertStringIncludes(
    log,
    "INFO  Least recently used of 4 servers, limit 3 (--max-servers): retired by the server of " +
      `${asker.root} (pid ${fourth}), exiting.`,
  );
  assertEquals(await exists(`${street.at(0).root}/.simmer/lock`), false, "the end was orderly");
  assertMatch(
    await asker.read(".simmer/server.log"),
    /INFO {2}Retired the server of .* the least recently used of 4 servers, limit 3/,
  );

  // The project goes on with a new server, and now the second one is the least recently used.
  await street.hello(0);
  await untilGone(others[0] ?? 0, "the next server", 20_000);
  for (const pid of [others[1] ?? 0, fourth]) assert(isProcessAlive(pid));
});

Deno.test("servers with a client, suspended ones and those in the foreground are passed over", async () => {
  await using street = await Street.create(5);
  const watched = street.at(0).start(["watch", "hello"], { env: street.env });
  await watched.stdout.until("hello");
  const foreground = street.at(1).start(["serve"], { env: street.env });
  await foreground.stderr.until("Socket: ");
  const suspended = await street.hello(2, 10);
  await street.untilAtRest(suspended);
  const idle = await street.hello(3, 10);
  await street.untilAtRest(idle);
  const kept = [await street.at(0).serverPid(), await street.at(1).serverPid(), suspended];
  Deno.kill(suspended, "SIGSTOP");
  try {
    await street.hello(4, 4);
    await untilGone(idle, "the only idle server", 20_000);
    for (const pid of kept) assert(isProcessAlive(pid));
  } finally {
    Deno.kill(suspended, "SIGCONT");
  }
  assertStringIncludes(
    await street.at(4).read(".simmer/server.log"),
    `Passed over the server of ${street.at(2).root} (pid ${suspended}): it does not answer`,
  );
  watched.kill("SIGINT");
  await watched.finished();
  foreground.kill("SIGTERM");
  await foreground.finished();
});

Deno.test("servers that start together end no more than needed", async () => {
  await using street = await Street.create(5);
  const old: number[] = [];
  for (const index of [0, 1, 2]) {
    const pid = await street.hello(index);
    old.push(pid);
    await street.untilAtRest(pid);
  }
  const young = await Promise.all([3, 4].map((index) => street.hello(index)));
  for (const pid of old.slice(0, 2)) await untilGone(pid, "an old server", 20_000);
  // Each of the young ones compares again when it comes to rest.
  await Promise.all(young.map((pid) => street.untilAtRest(pid)));
  assertEquals([...old.slice(2), ...young].filter(isProcessAlive).length, 3);
});

Deno.test("a server ends when its project is removed or renamed, and leaves nothing behind", async () => {
  await using street = await Street.create(2);
  const [removed, renamed] = [await street.hello(0), await street.hello(1)];
  await Deno.remove(street.at(0).root, { recursive: true });
  await Deno.rename(street.at(1).root, `${street.at(1).root}_renamed`);
  await untilGone(removed, "the server of a removed project", 20_000);
  await untilGone(renamed, "the server of a renamed project", 20_000);
  for (const { root } of street.projects) assertEquals(await exists(root), false);
  await Deno.rename(`${street.at(1).root}_renamed`, street.at(1).root);
  await Deno.mkdir(street.at(0).root);
  await street.at(0).write("deno.json", {});
});

Deno.test("a server ends soon if its config was never valid, or if its config file is gone", async () => {
  await using street = await Street.create(3);
  await street.at(0).write("deno.json", '{ "tasks": ');
  const { code } = await street.at(0).run(["run", "hello"], { env: street.env });
  assertEquals(code, 5);
  const invalid = await street.at(0).serverPid();
  const gone = await street.hello(1);
  await Deno.remove(`${street.at(1).root}/deno.json`);
  // Config that was valid once keeps the server: its other state is still of use.
  const spoiled = await street.hello(2);
  await street.at(2).write("deno.json", "{");
  assertEquals((await street.at(2).run(["run", "hello"], { env: street.env })).code, 5);

  await untilGone(invalid, "the server without a valid config", 20_000);
  await untilGone(gone, "the server without a config", 20_000);
  assertMatch(
    await street.at(0).read(".simmer/server.log"),
    /INFO {2}No config has been valid since the start \(Invalid config: .*deno\.json:1:\d+: .*\), exiting\.\n/,
  );
  assertMatch(
    await street.at(1).read(".simmer/server.log"),
    /INFO {2}No config: .* no longer has a deno\.json, deno\.jsonc or package\.json, exiting\.\n/,
  );
  assert(isProcessAlive(spoiled));
  await street.at(1).write("deno.json", {});
});
