/** Servers that are suspended, full, silent or ending, and clients that give up. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { FRAME, frame } from "../../forward/protocol.ts";
import { writeAll } from "../../system/net/streams.ts";
import { Project, SENDS_COMMAND_LINES, SIMMER } from "../e2e/support.ts";

/** `mark` records that it has run. `wait` prints `up`, and waits until the test writes to `gate`. */
const CONFIG = {
  tasks: { a: "echo a", mark: "echo begun >> begun.txt", wait: "echo up && cat gate" },
};

/** Handles the first connection of a stand-in. */
type Behaviour = (stranger: Stranger) => Promise<void>;

/**
 * A stand-in for the server: the lock file names its socket instead of the server's. It handles the
 * first connection, and forwards all others to the server.
 */
class Stranger implements AsyncDisposable {
  readonly #listener: Deno.UnixListener;
  readonly #lock: string;
  readonly #text: string;
  readonly #server: string;
  readonly #first: Promise<void>;
  readonly #passing: Promise<void>[] = [];
  #heard = "";
  #connection: Deno.UnixConn | undefined;

  private constructor({ root }: Project, server: string, behaviour: Behaviour) {
    const path = `${root}/.simmer/stranger.sock`;
    this.#listener = Deno.listen({ transport: "unix", path });
    this.#server = server;
    this.#lock = `${root}/.simmer/lock`;
    this.#text = Deno.readTextFileSync(this.#lock);
    Deno.writeTextFileSync(this.#lock, this.#text.replace(server, path));
    this.#first = this.#serve(behaviour);
  }

  static in(project: Project, behaviour: Behaviour): Stranger {
    return new Stranger(project, project.socket(), behaviour);
  }

  /** Reads until `text` has come. @returns whether it came before the end */
  async until(text: string): Promise<boolean> {
    while (!this.#heard.includes(text)) {
      const buffer = new Uint8Array(65536);
      const count = await this.#connection?.read(buffer) ?? null;
      if (count === null) return false;
      this.#heard += new TextDecoder().decode(buffer.subarray(0, count));
    }
    return true;
  }

  async send(type: number): Promise<void> {
    if (this.#connection !== undefined) await writeAll(this.#connection, frame(type));
  }

  /** Resolves when the first connection has been handled. */
  get served(): Promise<void> {
    return this.#first;
  }

  async #serve(behaviour: Behaviour): Promise<void> {
    const connection = await this.#listener.accept();
    this.#connection = connection;
    this.#passing.push(this.#passOn());
    await behaviour(this);
    connection.close();
  }

  /** Forwards every further connection to the server. */
  async #passOn(): Promise<void> {
    try {
      for await (const connection of this.#listener) this.#passing.push(this.#join(connection));
    } catch (error) {
      if (!(error instanceof Deno.errors.BadResource)) throw error;
    }
  }

  async #join(near: Deno.UnixConn): Promise<void> {
    const far = await Deno.connect({ transport: "unix", path: this.#server });
    await Promise.allSettled([
      near.readable.pipeTo(far.writable),
      far.readable.pipeTo(near.writable),
    ]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    Deno.writeTextFileSync(this.#lock, this.#text);
    this.#listener.close();
    await this.#first;
    await Promise.all(this.#passing);
  }
}

/** The header of a `go` frame. */
const GO = "G\0\0\0\0";

async function running(): Promise<Project> {
  const project = await Project.create({ "deno.json": CONFIG });
  await project.runProgram(["mkfifo", "gate"]);
  assertEquals((await project.run(["run", "a"])).code, 0);
  return project;
}

function begun({ root }: Project): string {
  try {
    return Deno.readTextFileSync(`${root}/begun.txt`);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}

Deno.test({
  name:
    "R22 a client of a suspended server reports it under -q, Ctrl-C ends the client, and the resumed " +
    "server does not run the command",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    await using project = await running();
    const pid = await project.serverPid();
    Deno.kill(pid, "SIGSTOP");
    try {
      // More than the kernel buffers for a connection: the client cannot even send it.
      const env = Object.fromEntries(
        Array.from({ length: 20 }, (_, index) => [`BIG_${index}`, "x".repeat(60_000)]),
      );
      const client = project.start(["run", "-q", "mark"], { terminal: true, env });
      await client.stdout.until("no server has answered for");
      assertMatch(client.stdout.text, /no server has answered for \d+ s; waiting up to \d+ s more/);
      await client.type("\x03");
      assertEquals((await client.finished()).code, 130);
    } finally {
      Deno.kill(pid, "SIGCONT");
    }
    assertEquals((await project.run(["run", "a"])).stdout, "a\n");
    assertEquals(begun(project), "");
  },
});

Deno.test({
  name: "Ctrl-C in a terminal ends the client if the server has not accepted the command yet",
  ignore: Deno.build.os !== "linux" || !SENDS_COMMAND_LINES,
  fn: async () => {
    await using project = await running();
    const gone = Promise.withResolvers<boolean>();
    const read = Promise.withResolvers<void>();
    await using stranger = Stranger.in(project, async (self) => {
      await self.until("mark");
      read.resolve();
      gone.resolve(await self.until(GO));
    });
    const client = project.start(["run", "mark"], { terminal: true });
    await read.promise;
    await client.type("\x03");
    assertEquals((await client.finished()).code, 130);
    assertEquals(await gone.promise, false, "the client said 'go'");
    await stranger.served;
    assertEquals(begun(project), "");
  },
});

Deno.test({
  name: "Ctrl-C in a terminal ends a running build with 130",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    await using project = await running();
    const client = project.start(["run", "wait"], { terminal: true });
    await client.stdout.until("up");
    await client.type("\x03");
    assertEquals((await client.finished()).code, 130);
    assertEquals((await project.run(["run", "a"])).stdout, "a\n");
  },
});

Deno.test({
  name:
    "the whole client runs a command once if the server accepts the connection and never answers",
  ignore: !SENDS_COMMAND_LINES,
  fn: async () => {
    await using project = await running();
    await using stranger = Stranger.in(project, async (self) => {
      assertEquals(await self.until(GO), false, "the client said 'go'");
    });
    const { code, stderr } = await project.run(["run", "mark"]);
    assertEquals(code, 0, stderr);
    await stranger.served;
    assertEquals(begun(project), "begun\n");
  },
});

Deno.test({
  name:
    "R22 a client reports a full backlog, and goes on when the lock file names a server with room",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    await using project = await running();
    const lock = `${project.root}/.simmer/lock`;
    const text = await Deno.readTextFile(lock);
    const path = `${project.root}/.simmer/full.sock`;
    const fill = [
      "import socket, sys",
      "listener = socket.socket(socket.AF_UNIX)",
      "listener.bind(sys.argv[1])",
      "listener.listen(0)",
      "waiting = socket.socket(socket.AF_UNIX)",
      "waiting.connect(sys.argv[1])",
      "print('full', flush=True)",
      "sys.stdin.read()",
    ].join("\n");
    const full = project.startProgram(["python3", "-c", fill, path]);
    await full.stdout.until("full");
    await Deno.writeTextFile(lock, text.replace(project.socket(), path));
    const client = project.start(["run", "-q", "a"]);
    await client.stderr.until("no server has answered for");
    await Deno.writeTextFile(lock, text);
    const { code, stdout, stderr } = await client.finished();
    assertEquals([code, stdout], [0, "a\n"], stderr);
    await full.endInput();
    await full.finished();
  },
});

Deno.test({
  name:
    "a client reports that the server ended after 'go', and does not repeat the command, which may " +
    "have run",
  ignore: !SENDS_COMMAND_LINES,
  fn: async () => {
    await using project = await running();
    await using stranger = Stranger.in(project, async (self) => {
      await self.until("mark");
      await self.send(FRAME.accepted);
      assert(await self.until(GO));
    });
    const { code, stderr } = await project.run(["run", "mark"]);
    await stranger.served;
    assertEquals(code, 3);
    assertStringIncludes(stderr, "the server ended");
    assertEquals(begun(project), "");
  },
});

Deno.test({
  name: "the whole client runs a command that the server refuses after 'go'",
  ignore: !SENDS_COMMAND_LINES,
  fn: async () => {
    await using project = await running();
    await using stranger = Stranger.in(project, async (self) => {
      await self.until("mark");
      await self.send(FRAME.accepted);
      await self.until(GO);
      await self.send(FRAME.refused);
    });
    assertEquals((await project.run(["run", "mark"])).code, 0);
    await stranger.served;
    assertEquals(begun(project), "begun\n");
  },
});

Deno.test({
  name: "a client works in a terminal that has 0 columns, from the start or after a resize",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    await using project = await running();
    const resize = (columns: number): string =>
      "python3 -c 'import fcntl,struct,sys,termios; " +
      `fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", 24, ${columns}, 0, 0))'`;
    const script = `${resize(0)}; "$@" run a || exit; ${resize(80)}; "$@" run wait & client=$!; ` +
      `read key; ${resize(90)}; ${
        resize(0)
      }; echo resized; read key; echo > gate; wait $client; echo "exit $?"`;
    const shell = project.startProgram(["sh", "-c", script, "sh", ...SIMMER], { terminal: true });
    await shell.stdout.until("up");
    await shell.type("\r");
    await shell.stdout.until("resized\r\n");
    await shell.type("\r");
    const { stdout } = await shell.finished();
    assertStringIncludes(stdout, "a\r\n");
    assertStringIncludes(stdout, "exit 0");
  },
});
