/** The limit of a user's servers: which ones are asked to end, and when. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { ServerLimit, type ServerLimitOptions } from "../../app/server_limit.ts";
import type { RetireOptions, RetireOutcome } from "../../client/connect/retire_server.ts";
import { LockFile } from "../../lock/lock_file.ts";
import { CachePlaceError } from "../../project/cache_place.ts";
import { type RegisteredServer, ServerRegistry } from "../../project/registry.ts";
import { systemClock } from "../../system/clock.ts";
import { FakeClock } from "../../system/fake_clock.ts";
import { MemoryLogger } from "../../system/logger.ts";

const GIB = 1024 ** 3;

/** Servers of one user. None of them is a process. */
class Neighbourhood implements AsyncDisposable {
  readonly registry: ServerRegistry;
  readonly clock = new FakeClock();
  readonly log = new MemoryLogger();
  /** Roots of the servers that were asked to end, in order. */
  readonly asked: string[] = [];
  /** Requests to end, in order. */
  readonly requests: RetireOptions[] = [];
  /** Answers that differ from `ended`, by root. */
  readonly answers = new Map<string, RetireOutcome>();
  readonly dead = new Set<number>();
  /** Resident memory of each server in bytes. */
  bytes = 0;
  readonly #cache: string;
  readonly #over = new AbortController();
  readonly #running: Promise<void>[] = [];

  private constructor(cache: string) {
    this.#cache = cache;
    this.registry = new ServerRegistry(cache);
  }

  /** Creates servers `/1`, `/2` and so on, the least recently used first. */
  static async create(count: number): Promise<Neighbourhood> {
    const neighbourhood = new Neighbourhood(await Deno.makeTempDir());
    for (let pid = 1; pid <= count; pid++) neighbourhood.add({ pid, usedAt: pid * 1000 });
    return neighbourhood;
  }

  /** Adds the server `/PID`. */
  add(server: Omit<RegisteredServer, "root">): void {
    this.registry.add({ root: `/${server.pid}`, ...server });
  }

  get roots(): string[] {
    return this.registry.list().map(({ root }) => root);
  }

  /** Starts the server `/PID`, which enforces the limit. */
  start(pid: number, maxServers: number, usedAt = pid * 1000): ServerLimit {
    const own = { root: `/${pid}`, pid, usedAt };
    this.registry.add(own);
    const options: ServerLimitOptions = {
      registry: this.registry,
      own,
      maxServers,
      clock: this.clock,
      log: this.log,
      platform: {
        isAlive: (pid) => !this.dead.has(pid),
        residentBytes: () => Promise.resolve(this.bytes),
        usableMemory: () => Promise.resolve(16 * GIB),
        retire: (root, request) => this.#retire(root, request),
      },
    };
    const limit = new ServerLimit(options);
    this.#running.push(limit.run(this.#over.signal));
    return limit;
  }

  /** Lets a second pass, and waits for the work that follows. */
  async pass(): Promise<void> {
    await this.clock.advance(1000);
    // The lock of the limit is a file: wait until no server has or wants it.
    await (await LockFile.acquire(this.registry.limitLock, { clock: systemClock }))?.release();
    await this.clock.advance(100);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#over.abort();
    await Promise.all(this.#running);
    await Deno.remove(this.#cache, { recursive: true });
  }

  #retire(root: string, request: RetireOptions): Promise<RetireOutcome> {
    this.asked.push(root);
    this.requests.push(request);
    const outcome = this.answers.get(root) ?? "ended";
    if (outcome === "ended") this.registry.remove({ root, pid: Number(root.slice(1)) });
    return Promise.resolve(outcome);
  }
}

Deno.test("a server that starts beyond the limit ends the least recently used ones", async () => {
  await using others = await Neighbourhood.create(4);
  others.start(5, 3);
  assertEquals(others.asked, [], "the first build goes first");
  await others.pass();
  assertEquals(others.asked, ["/1", "/2"]);
  assertEquals(others.roots, ["/3", "/4", "/5"]);
  const [request] = others.requests;
  assertEquals(request?.unusedSince, 1000);
  assertEquals(
    request?.reason,
    "Least recently used of 5 servers, limit 3 (--max-servers): retired by the server of /5 (pid 5)",
  );
  assertStringIncludes(
    others.log.messages.join("\n"),
    "Retired the server of /1 (pid 1), the least recently used of 5 servers, limit 3",
  );
});

Deno.test("at or below the limit no server is asked, and the lock is not taken", async () => {
  await using others = await Neighbourhood.create(2);
  const lock = await LockFile.acquire(others.registry.limitLock);
  others.start(3, 3);
  await others.clock.advance(2000);
  assertEquals(others.asked, []);
  lock?.release();
});

Deno.test("servers in use and hung ones are passed over, and the next ones are asked", async () => {
  await using others = await Neighbourhood.create(4);
  others.answers.set("/1", "in use").set("/2", "no answer");
  others.start(5, 3);
  await others.pass();
  assertEquals(others.asked, ["/1", "/2", "/3", "/4"]);
  assertEquals(others.roots, ["/1", "/2", "/5"]);
  const warnings = others.log.records.filter(({ level }) => level === "warn");
  assertEquals(warnings.map(({ message }) => message), [
    "Passed over the server of /2 (pid 2): it does not answer",
  ]);
});

Deno.test("killed servers do not count, and an entry without a server is removed", async () => {
  await using others = await Neighbourhood.create(4);
  others.dead.add(1);
  others.answers.set("/2", "absent");
  others.start(5, 3);
  await others.pass();
  assertEquals(others.asked, ["/2"], "process 2 is not a server any more");
  assertEquals(others.roots, ["/1", "/3", "/4", "/5"]);
});

Deno.test("a server in the foreground counts and is never asked", async () => {
  await using others = await Neighbourhood.create(0);
  for (const pid of [1, 2]) others.add({ pid, usedAt: pid, isKept: true });
  others.start(3, 1);
  await others.pass();
  assertEquals(others.asked, []);
});

Deno.test("a server never asks one that was used after it, so two servers do not end each other", async () => {
  await using others = await Neighbourhood.create(0);
  others.start(1, 1);
  others.start(2, 1);
  await others.pass();
  assertEquals(others.asked, ["/1"]);
  assertEquals(others.roots, ["/2"]);
});

Deno.test("servers that start at the same moment do not end more than needed", async () => {
  await using others = await Neighbourhood.create(4);
  for (const pid of [5, 6, 7]) others.start(pid, 4);
  await others.pass();
  await others.pass();
  await others.pass();
  assertEquals(others.asked.toSorted(), ["/1", "/2", "/3"]);
  assertEquals(others.roots, ["/4", "/5", "/6", "/7"]);
});

Deno.test("after each rest, a server records its last use and enforces the limit again", async () => {
  await using others = await Neighbourhood.create(2);
  others.answers.set("/1", "in use").set("/2", "in use");
  const limit = others.start(3, 2);
  await others.pass();
  assertEquals(others.asked, ["/1", "/2"]);
  others.answers.clear();
  limit.rested(9000);
  await others.pass();
  assertEquals(others.asked, ["/1", "/2", "/1"]);
  assertEquals(others.registry.list().find(({ pid }) => pid === 3)?.usedAt, 9000);
  await others.pass();
  assertEquals(others.asked.length, 3, "one comparison after each use");
});

Deno.test("servers that use more than a quarter of the memory end until the rest use less", async () => {
  await using others = await Neighbourhood.create(4);
  others.bytes = GIB;
  others.start(5, 100);
  await others.pass();
  assertEquals(others.asked, ["/1"]);
  assertStringIncludes(
    others.requests[0]?.reason ?? "",
    "5 servers that use 5.0 GiB of memory, limit 4.0 GiB (a quarter of the machine's)",
  );
});

Deno.test("a registry that cannot be written is reported, and the server goes on", async () => {
  await using others = await Neighbourhood.create(2);
  const limit = others.start(3, 1);
  await others.pass();
  assertEquals(others.asked, ["/1", "/2"]);
  others.registry.add = () => {
    throw new CachePlaceError("no");
  };
  limit.rested(9000);
  await others.pass();
  assertEquals(others.log.messages.at(-1), "Cannot limit the number of servers: no");
});
