/** A server in memory for fuzz tests: it gets invalid input, and its resources are checked. */

import { assert, assertEquals } from "@std/assert";
import { TaskCooker } from "../../../cooker/task_cooker.ts";
import { statePaths } from "../../../project/state.ts";
import type { Door } from "../../../server/door.ts";
import { systemClock } from "../../../system/clock.ts";
import { FakeClock } from "../../../system/fake_clock.ts";
import { type Level, MemoryLogger } from "../../../system/logger.ts";
import { macrotask } from "../../../system/macrotask.ts";
import { memoryReleaser } from "../../../system/process/memory.ts";
import { type TestClient, TestServer } from "../../server/support.ts";
import { seed } from "../random.ts";

const CONFIG = { tasks: { a: "echo a", b: { command: "echo b", dependencies: ["a"] }, c: "c" } };

/** Bytes by which the heap varies without a leak. */
const BREATH = 8 * 1024 * 1024;

/** Stores errors only: a log of all messages would grow with the input. */
class DefectLog extends MemoryLogger {
  override log(level: Level, message: string): void {
    if (level === "error") super.log(level, message);
  }
}

/** A server with its own project, whose tasks do nothing, and a well-behaved client. */
export class FuzzedServer implements AsyncDisposable {
  readonly root: string;
  readonly server: TestServer;
  readonly clock: FakeClock;
  readonly log: DefectLog;
  readonly #neighbour: TestClient;

  private constructor(
    root: string,
    server: TestServer,
    clock: FakeClock,
    log: DefectLog,
    neighbour: TestClient,
  ) {
    this.root = root;
    this.server = server;
    this.clock = clock;
    this.log = log;
    this.#neighbour = neighbour;
  }

  /** @param doors creates the doors of further protocols */
  static async open(
    doors: (parts: { readonly clock: FakeClock; readonly log: MemoryLogger }) => Door[] = () => [],
  ): Promise<FuzzedServer> {
    const root = await Deno.realPath(await Deno.makeTempDir());
    await Deno.writeTextFile(`${root}/deno.json`, JSON.stringify(CONFIG));
    const log = new DefectLog();
    const cooker = new TaskCooker({
      root,
      state: statePaths(root),
      clock: systemClock,
      log,
      executor: { execute: () => Promise.resolve({ code: 0 }) },
    });
    const clock = new FakeClock();
    const server = new TestServer({ cooker, log, clock, doors: doors({ clock, log }) });
    const neighbour = await server.join({ role: "observer" });
    return new FuzzedServer(root, server, clock, log, neighbour);
  }

  /**
   * Calls `wrong` so many times. Checks that the server answers its well-behaved client meanwhile,
   * that heap and descriptors do not grow after the first third, and that no error is logged.
   *
   * @param rest releases the resources of the test itself
   */
  async flat(times: number, wrong: () => Promise<void>, rest: () => Promise<void>): Promise<void> {
    const release = await memoryReleaser();
    let heap = 0;
    let open = 0;
    const look = async (): Promise<{ heap: number; open: number }> => {
      await rest();
      await this.#ping();
      release();
      return { heap: Deno.memoryUsage().heapUsed, open: descriptors() };
    };
    for (let count = 1; count <= times; count++) {
      await wrong();
      if (count % 500 === 0) {
        await this.clock.advance(100);
        await this.#ping();
      }
      if (count % 20 === 0) await macrotask();
      if (count === Math.floor(times / 3)) ({ heap, open } = await look());
    }
    const after = await look();
    assertEquals(this.log.records.slice(0, 3), [], `seed ${seed()}`);
    // A build in progress has open descriptors.
    assert(Math.abs(after.open - open) <= 5, `${open} descriptors have become ${after.open}`);
    const grown = after.heap - heap;
    assert(grown < BREATH, `the heap has grown by ${(grown / 2 ** 20).toFixed(1)} MiB`);
  }

  async #ping(): Promise<void> {
    assertEquals(await this.#neighbour.call("ping"), "Still alive!");
    this.#neighbour.messages.length = 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]();
    await Deno.remove(this.root, { recursive: true });
  }
}

/** Returns the number of open descriptors of this process. */
function descriptors(): number {
  return [...Deno.readDirSync("/proc/self/fd")].length;
}
