/** A project's server as a process: its name, its files, and its shutdown. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { exists } from "@std/fs";
import { socketOf } from "../e2e/support.ts";
import { parentFolder } from "../../system/files/files.ts";
import { connectUnix } from "../../system/net/unix_socket.ts";
import { helloParams, StreamClient } from "../server/support.ts";

const MAIN = new URL("../../main.ts", import.meta.url).pathname;

const POLITE = `import signal, sys, time
def leave(*_):
    open("cleaned-up", "w").close()
    sys.exit(0)
signal.signal(signal.SIGTERM, leave)
print("started", flush=True)
time.sleep(600)
`;

const STUBBORN = `import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("started", flush=True)
time.sleep(600)
`;

/** Project with a server process in the foreground. */
class Daemon implements AsyncDisposable {
  readonly root: string;
  readonly process: Deno.ChildProcess;
  /** Log on stderr, complete when the process has ended. */
  readonly output: Promise<string>;
  #log = "";
  #hasEnded = false;
  #waiting: (() => void)[] = [];

  private constructor(root: string) {
    this.root = root;
    this.process = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", MAIN, "serve", "--timeout", "-1"],
      cwd: root,
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    this.output = this.#collect();
  }

  static async start(): Promise<Daemon> {
    const root = await Deno.realPath(await Deno.makeTempDir());
    await Deno.writeTextFile(`${root}/polite.py`, POLITE);
    await Deno.writeTextFile(`${root}/stubborn.py`, STUBBORN);
    const tasks = { polite: "python3 polite.py", stubborn: "python3 stubborn.py" };
    await Deno.writeTextFile(`${root}/deno.json`, JSON.stringify({ tasks }));
    const daemon = new Daemon(root);
    await daemon.logged("Socket: ");
    return daemon;
  }

  /** Resolves when the log contains `words`. */
  async logged(words: string): Promise<void> {
    while (!this.#log.includes(words)) {
      assert(!this.#hasEnded, this.#log);
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  /** Connects a client and sends hello. */
  async join(): Promise<StreamClient> {
    const stream = await connectUnix(socketOf(this.root));
    assert(stream !== undefined);
    const client = new StreamClient(stream);
    await client.call("hello", helloParams({ project: { root: this.root } }));
    return client;
  }

  /** Connects a client and waits until its task runs. */
  async run(task: string): Promise<StreamClient> {
    const client = await this.join();
    await client.call("runTasks", {
      tasks: [task],
      cwd: this.root,
      env: Deno.env.toObject(),
      client: { pid: Deno.pid, command: "test" },
    });
    assertStringIncludes((await client.event("TaskOutput")).text ?? "", "started");
    return client;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.process.kill("SIGKILL");
    } catch (error) {
      // The process has already ended.
      if (!(error instanceof TypeError)) throw error;
    }
    await this.process.status;
    await this.output;
    await Deno.remove(this.root, { recursive: true });
  }

  async #collect(): Promise<string> {
    const decoder = new TextDecoder();
    for await (const bytes of this.process.stderr) {
      this.#log += decoder.decode(bytes, { stream: true });
      for (const wake of this.#waiting.splice(0)) wake();
    }
    this.#hasEnded = true;
    for (const wake of this.#waiting.splice(0)) wake();
    return this.#log;
  }
}

Deno.test("R1 the server names its process Cooker and logs the paths of its lock and socket", async () => {
  await using daemon = await Daemon.start();
  const { root, process } = daemon;
  if (Deno.build.os === "linux") {
    assertEquals(await Deno.readTextFile(`/proc/${process.pid}/comm`), "Cooker\n");
  }
  assertStringIncludes(await Deno.readTextFile(`${root}/.simmer/lock`), String(process.pid));
  assertEquals(((await Deno.lstat(socketOf(root))).mode ?? 0) & 0o777, 0o600);
  process.kill("SIGTERM");
  const log = await daemon.output;
  const facts = ["Entering server connection loop", `${root}/.simmer/lock`, "Socket: ", "Exiting"];
  const places = facts.map((fact) => log.indexOf(fact));
  assert(places.every((place) => place >= 0), log);
  assertEquals(places, places.toSorted((a, b) => a - b));
});

Deno.test("R12 R13 R14 SIGTERM lets a task clean up and leaves neither socket nor lock", async () => {
  await using daemon = await Daemon.start();
  const client = await daemon.run("polite");
  const socket = socketOf(daemon.root);
  daemon.process.kill("SIGTERM");
  assertEquals((await client.event("ServerExit")).reason, "SIGTERM");
  await client.ended;
  await client.leave();
  assertEquals((await daemon.process.status).code, 143, await daemon.output);
  assertEquals(await exists(`${daemon.root}/cleaned-up`), true);
  for (const path of [`${daemon.root}/.simmer/lock`, socket, parentFolder(socket)]) {
    assertEquals(await exists(path), false, path);
  }
  const types = client.events.map(({ type }) => type);
  assertEquals(types.slice(-3), ["BuildCompleted", "CommandExit", "ServerExit"]);
});

Deno.test("R13 a second SIGTERM kills a task that ignores the first one before its grace period is over", async () => {
  // The patient server gives its task the whole grace period, which begins at the same time.
  await using patient = await Daemon.start();
  await using hurried = await Daemon.start();
  const clients = await Promise.all([patient, hurried].map((each) => each.run("stubborn")));
  for (const { process } of [patient, hurried]) process.kill("SIGTERM");
  await Promise.all([patient, hurried].map((each) => each.logged("Exiting")));
  hurried.process.kill("SIGTERM");
  const first = await Promise.race(
    [patient, hurried].map((each) => each.process.status.then(({ code }) => ({ each, code }))),
  );
  assertEquals([first.each === hurried, first.code], [true, 143]);
  patient.process.kill("SIGKILL");
  for (const client of clients) {
    await client.ended;
    await client.leave();
  }
});
