/**
 * Limit of a user's servers: when there are too many, or when they use too much memory, asks the
 * least recently used ones to end.
 *
 * Each server compares the user's registry with its own limit a second after its start, and each
 * time that it has come to rest after a use. Clients never wait for this.
 *
 * Servers that start or rest at the same moment take turns by a lock file, and each waits until the
 * servers that it has asked have ended. The next one therefore counts only those that remain. A
 * server asks only those that were used before itself, so two servers never end each other.
 *
 * @module
 */

import { printable } from "../client/render/printable.ts";
import type { RetireOptions, RetireOutcome } from "../client/connect/retire_server.ts";
import { LockFile } from "../lock/lock_file.ts";
import { CachePlaceError } from "../project/cache_place.ts";
import type { RegisteredServer, ServerRegistry } from "../project/registry.ts";
import type { Clock } from "../system/clock.ts";
import { isSystemError } from "../system/files/files.ts";
import { NoLocksError } from "../system/files/lockable_file.ts";
import type { Logger } from "../system/logger.ts";
import { sizeText } from "../system/size.ts";
import { Latch } from "../system/source.ts";

/** Time from the start to the first comparison, in milliseconds: the first build goes first. */
const START_MS = 1000;
/** Time to wait for another server that enforces its limit, in milliseconds. */
const TURN_MS = 30_000;
/** Share of the machine's memory that the user's servers may use together. */
const MEMORY_SHARE = 1 / 4;

/** Facts about processes, and the request to another server. Tests replace them. */
interface LimitPlatform {
  isAlive(pid: number): boolean;
  /** Returns the resident memory of a process in bytes; `undefined` if it has ended. */
  residentBytes(pid: number): Promise<number | undefined>;
  /** Returns the memory that processes may use on this machine, in bytes. */
  usableMemory(): Promise<number>;
  /** Asks the server of a project to end. */
  retire(root: string, options: RetireOptions): Promise<RetireOutcome>;
}

/** Options of a {@linkcode ServerLimit}. */
export interface ServerLimitOptions {
  readonly registry: ServerRegistry;
  /** Entry of this server, with the time of its start as its last use. */
  readonly own: RegisteredServer & { readonly usedAt: number };
  /** Largest number of servers, this one included. */
  readonly maxServers: number;
  readonly clock: Clock;
  readonly log: Logger;
  readonly platform: LimitPlatform;
}

/** A server other than this one, with its memory in bytes. */
interface Fellow extends RegisteredServer {
  readonly bytes: number;
}

/** All servers of the user that run. */
interface Population {
  readonly fellows: readonly Fellow[];
  /** Number and total memory in bytes, this server included. */
  count: number;
  bytes: number;
}

/** Enforces the limit for one server. */
export class ServerLimit {
  readonly #options: ServerLimitOptions;
  readonly #rested = new Latch("rest");
  #own: ServerLimitOptions["own"];
  /** The last failure in the log. */
  #reported = "";
  /** True if the registry has the last use of this server. */
  #isRecorded = true;

  constructor(options: ServerLimitOptions) {
    this.#options = options;
    this.#own = options.own;
  }

  /** Records the last use of this server, and has the limit enforced. */
  rested(usedAt: number): void {
    this.#own = { ...this.#own, usedAt };
    this.#rested.wake();
  }

  /**
   * Enforces the limit until the signal is aborted. The entry of this server is in the registry
   * already.
   */
  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    signal.addEventListener("abort", () => this.#rested.wake());
    await clock.sleep(START_MS, signal);
    while (!signal.aborted) {
      try {
        await this.#enforce(signal);
      } catch (error) {
        if (signal.aborted) return;
        if (!isExpected(error)) throw error;
        this.#report(error.message);
      }
      await this.#rested.read();
      this.#isRecorded = false;
    }
  }

  /** Logs a failure, unless it is the same as the last one. */
  #report(failure: string): void {
    if (failure === this.#reported) return;
    this.#reported = failure;
    this.#options.log.log("warn", `Cannot limit the number of servers: ${failure}`);
  }

  async #enforce(signal: AbortSignal): Promise<void> {
    const { registry, clock } = this.#options;
    if (!this.#isRecorded) registry.add(this.#own);
    this.#isRecorded = true;
    const limitBytes = await this.#options.platform.usableMemory() * MEMORY_SHARE;
    if (this.#excess(await this.#population(), limitBytes) === undefined) return;
    const wait = { timeoutMs: TURN_MS };
    await using turn = await LockFile.acquire(registry.limitLock, { wait, signal, clock });
    if (turn === undefined) return;
    const population = await this.#population();
    for (const fellow of this.#candidates(population)) {
      const excess = this.#excess(population, limitBytes);
      if (excess === undefined || signal.aborted) return;
      if (!await this.#retire(fellow, excess)) continue;
      population.count--;
      population.bytes -= fellow.bytes;
    }
  }

  async #population(): Promise<Population> {
    const { registry, platform } = this.#options;
    const others = registry.list().filter(({ root, pid }) =>
      root !== this.#own.root && platform.isAlive(pid)
    );
    const fellows = await Promise.all(others.map(async (server) => ({
      ...server,
      bytes: await platform.residentBytes(server.pid) ?? 0,
    })));
    const ownBytes = await platform.residentBytes(this.#own.pid) ?? 0;
    const bytes = fellows.reduce((sum, fellow) => sum + fellow.bytes, ownBytes);
    return { fellows, count: fellows.length + 1, bytes };
  }

  /** Returns the servers that this one may ask to end, the least recently used first. */
  #candidates({ fellows }: Population): Fellow[] {
    return fellows
      .filter((fellow) => fellow.isKept !== true && lastUse(fellow) < this.#own.usedAt)
      .sort((a, b) => lastUse(a) - lastUse(b));
  }

  /** Returns the limit that is exceeded, as text. */
  #excess({ count, bytes }: Population, limitBytes: number): string | undefined {
    const { maxServers } = this.#options;
    if (count > maxServers) return `${count} servers, limit ${maxServers} (--max-servers)`;
    if (count === 1 || bytes <= limitBytes) return undefined;
    return `${count} servers that use ${sizeText(bytes)} of memory, limit ` +
      `${sizeText(limitBytes)} (a quarter of the machine's)`;
  }

  /** Asks a server to end. Returns false if it goes on. */
  async #retire(fellow: Fellow, excess: string): Promise<boolean> {
    const { platform, clock, log, registry } = this.#options;
    const asker = `the server of ${printable(this.#own.root)} (pid ${this.#own.pid})`;
    const outcome = await platform.retire(fellow.root, {
      clock,
      client: { pid: this.#own.pid, command: "simmer serve" },
      unusedSince: lastUse(fellow),
      reason: `Least recently used of ${excess}: retired by ${asker}`,
    });
    const name = `the server of ${fellow.root} (pid ${fellow.pid})`;
    switch (outcome) {
      case "ended":
        log.log("info", `Retired ${name}, the least recently used of ${excess}`);
        return true;
      case "absent":
        registry.remove(fellow);
        return true;
      case "in use":
        log.log("debug", `Passed over ${name}: it is in use`);
        return false;
      case "no answer":
        log.log("warn", `Passed over ${name}: it does not answer`);
        return false;
    }
  }
}

function lastUse({ usedAt = 0 }: RegisteredServer): number {
  return usedAt;
}

function isExpected(error: unknown): error is Error {
  return error instanceof CachePlaceError || error instanceof NoLocksError || isSystemError(error);
}
