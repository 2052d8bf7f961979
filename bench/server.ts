/**
 * Measures the server itself: latency, start, event throughput, memory, and CPU use when idle.
 *
 * @module
 */

import { readLockContent } from "../lock/content.ts";
import { Channel, framed } from "../rpc/channel.ts";
import { type Delivery, EventBus } from "../server/event_bus.ts";
import { systemClock } from "../system/clock.ts";
import { execute } from "./measure.ts";
import { tasksOf, writeInputs } from "./project.ts";
import { median, percentile } from "./statistics.ts";
import { denoConfig, SIMMER } from "./tools.ts";
import { VERSION } from "../wire/version.ts";

/** Results of the server's measurements. */
export interface ServerFigures {
  readonly "ping p50, us": number;
  readonly "ping p99, us": number;
  /**
   * BitBake's own client and server. Absent if the variable `BITBAKE_DIR` does not name BitBake's
   * folder.
   */
  readonly "BitBake ping p50, us"?: number;
  readonly "BitBake ping p99, us"?: number;
  readonly "events a second to one UI": number;
  readonly "events with 10 observers, times": number;
  readonly "a build with 10 observers, times": number;
  readonly "idle, share of a core": number;
  readonly "RSS after 1000 tasks, MiB": number;
  readonly "cold start, ms over deno task": number;
}

const PINGS = 10_000;
const EVENTS = 200_000;
const IDLE_MS = 20_000;
/** Server and runtime free memory once after a build. The idle measurement starts after that. */
const SETTLE_MS = 40_000;
const MIB = 1024 * 1024;

/** Measures a server of a project with a thousand tasks. */
export async function measureServer(): Promise<ServerFigures> {
  const tasks = tasksOf({ shape: "tree", tasks: 1000, work: "builtins" });
  const root = await Deno.realPath(await Deno.makeTempDir({ prefix: "simmer_bench_" }));
  try {
    await writeInputs(root, tasks);
    await denoConfig(root, tasks);
    await execute([...SIMMER, "run", "t0"], root);
    const pid = parseInt(await Deno.readTextFile(`${root}/.simmer/lock`));
    const pings = await ping(socketIn(root));
    const bitbake = await bitbakePings();
    await systemClock.sleep(SETTLE_MS);
    const before = cpuTicks(pid);
    await systemClock.sleep(IDLE_MS);
    const idle = (cpuTicks(pid) - before) / 100 / (IDLE_MS / 1000);
    const [alone, watched] = [await sendEvents(0), await sendEvents(10)];
    const rss = rssOf(pid);
    const observed = await observedBuilds(root);
    return {
      "ping p50, us": median(pings) * 1000,
      "ping p99, us": percentile(pings, 0.99) * 1000,
      ...bitbake,
      "events a second to one UI": EVENTS / alone * 1000,
      "events with 10 observers, times": watched / alone,
      "a build with 10 observers, times": observed,
      "idle, share of a core": idle,
      "RSS after 1000 tasks, MiB": rss / MIB,
      "cold start, ms over deno task": await coldStart(),
    };
  } finally {
    await execute([...SIMMER, "stop", "--force"], root);
    await Deno.remove(root, { recursive: true });
  }
}

/**
 * Opens a connection and says hello.
 *
 * @returns the connection; `ask` sends a request and waits for its reply
 */
async function join(
  socket: string,
  role: "operator" | "observer",
): Promise<{ readonly connection: Deno.Conn; ask(text: string): Promise<void> }> {
  const connection = await Deno.connect({ transport: "unix", path: socket });
  const encoder = new TextEncoder();
  const buffer = new Uint8Array(64 * 1024);
  const ask = async (text: string): Promise<void> => {
    await connection.write(encoder.encode(`${text}\n`));
    for (let last = 0; last !== 0x0a;) {
      const count = await connection.read(buffer) ?? 0;
      last = buffer[count - 1] ?? 0x0a;
    }
  };
  const client = { pid: Deno.pid, command: "bench" };
  const hello = { protocol: 1, version: VERSION, role, client };
  await ask(JSON.stringify({ jsonrpc: "2.0", id: 0, method: "hello", params: hello }));
  return { connection, ask };
}

/** Returns the ratio of the build times with ten observers and without. Every task runs. */
async function observedBuilds(root: string): Promise<number> {
  const build = async (observers: number): Promise<number> => {
    const socket = socketIn(root);
    const joined = await Promise.all(
      Array.from({ length: observers }, () => join(socket, "observer")),
    );
    const reading = joined.map(async ({ connection }) => {
      const buffer = new Uint8Array(256 * 1024);
      try {
        while (await connection.read(buffer) !== null);
      } catch (error) {
        // Closed below.
        if (
          !(error instanceof Deno.errors.BadResource || error instanceof Deno.errors.Interrupted)
        ) {
          throw error;
        }
      }
    });
    const begun = performance.now();
    await execute([...SIMMER, "run", "--force", "t0"], root);
    const ms = performance.now() - begun;
    for (const { connection } of joined) connection.close();
    await Promise.all(reading);
    return ms;
  };
  const times = { alone: [] as number[], watched: [] as number[] };
  for (let run = 0; run < 5; run++) {
    times.alone.push(await build(0));
    times.watched.push(await build(10));
  }
  return median(times.watched) / median(times.alone);
}

/** Measures round trips, in milliseconds. */
async function ping(socket: string): Promise<number[]> {
  const { connection, ask } = await join(socket, "operator");
  const times: number[] = [];
  for (let id = 1; id <= PINGS; id++) {
    const begun = performance.now();
    await ask(`{"jsonrpc":"2.0","id":${id},"method":"ping"}`);
    times.push(performance.now() - begun);
  }
  connection.close();
  return times;
}

async function bitbakePings(): Promise<Partial<ServerFigures>> {
  const folder = Deno.env.get("BITBAKE_DIR");
  if (folder === undefined) return {};
  const script = new URL("./bitbake_ping.py", import.meta.url).pathname;
  const { success, stdout, stderr } = await new Deno.Command("python3", {
    args: [script, folder, String(PINGS)],
    stdin: "null",
  }).output();
  const text = new TextDecoder().decode(success ? stdout : stderr);
  if (!success) throw new Error(`BitBake's pings failed: ${text.slice(-500)}`);
  const [p50 = 0, p99 = 0] = text.trim().split(" ").map(Number);
  return { "BitBake ping p50, us": p50, "BitBake ping p99, us": p99 };
}

/**
 * Measures the time, in milliseconds, in which events pass the bus and real sockets and reach all
 * readers.
 */
async function sendEvents(observers: number): Promise<number> {
  const path = await Deno.makeTempFile({ prefix: "simmer_bench_" });
  await Deno.remove(path);
  const listener = Deno.listen({ transport: "unix", path });
  const bus = new EventBus(systemClock);
  const reading: Promise<void>[] = [];
  const channels: Channel[] = [];
  for (let count = 0; count <= observers; count++) {
    const connection = await Deno.connect({ transport: "unix", path });
    const channel = new Channel(framed(await listener.accept()), "server");
    channels.push(channel);
    const deliver = ({ message, line }: Delivery): void => channel.send(message, line);
    bus.register({ deliver, ready: undefined });
    reading.push(readAll(connection, EVENTS).finally(() => channel.close()));
  }
  const begun = performance.now();
  for (let sent = 0; sent < EVENTS; sent++) {
    bus.emit({ type: "TaskOutput", build: "b", task: "t", stream: "stdout", text: "a line\n" });
    // A build also yields from time to time.
    if (sent % 1000 === 999) await Promise.all(channels.map((each) => each.outbox.drained()));
  }
  await Promise.all(reading);
  const ms = performance.now() - begun;
  // Closing the listener removes its file.
  listener.close();
  return ms;
}

async function readAll(connection: Deno.Conn, lines: number): Promise<void> {
  const buffer = new Uint8Array(256 * 1024);
  for (let left = lines; left > 0;) {
    const count = await connection.read(buffer);
    if (count === null) throw new Error("the connection ended early");
    for (let at = buffer.indexOf(0x0a); at >= 0 && at < count; at = buffer.indexOf(0x0a, at + 1)) {
      left--;
    }
  }
  connection.close();
}

/** Returns the additional time of `simmer run` over `deno task`, if it must start its server. */
async function coldStart(): Promise<number> {
  const root = await Deno.realPath(await Deno.makeTempDir({ prefix: "simmer_bench_" }));
  await Deno.writeTextFile(`${root}/deno.json`, '{ "tasks": { "t0": "true" } }');
  const times = { simmer: [] as number[], deno: [] as number[] };
  const timed = async (words: readonly string[], into: number[]): Promise<void> => {
    const begun = performance.now();
    await execute(words, root);
    into.push(performance.now() - begun);
  };
  for (let run = 0; run < 7; run++) {
    await timed([...SIMMER, "run", "t0"], times.simmer);
    await execute([...SIMMER, "stop", "--force"], root);
    await timed([Deno.execPath(), "task", "t0"], times.deno);
  }
  await Deno.remove(root, { recursive: true });
  return median(times.simmer) - median(times.deno);
}

/** Returns user and system time of a process, in hundredths of a second (Linux). */
function cpuTicks(pid: number): number {
  const text = Deno.readTextFileSync(`/proc/${pid}/stat`);
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return Number(fields[11]) + Number(fields[12]);
}

function rssOf(pid: number): number {
  const [, kib = "0"] = /VmRSS:\s+(\d+)/.exec(Deno.readTextFileSync(`/proc/${pid}/status`)) ?? [];
  return Number(kib) * 1024;
}

/** Returns the socket that a project's lock file names. */
function socketIn(root: string): string {
  const socket = readLockContent(`${root}/.simmer/lock`)?.socket;
  if (socket === undefined) throw new Error(`no server runs in ${root}`);
  return socket;
}
