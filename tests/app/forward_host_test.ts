import { assertEquals } from "@std/assert";
import { concat } from "@std/bytes/concat";
import fc from "fast-check";
import { ForwardHost } from "../../app/forward_host.ts";
import type { HostedInvocation } from "../../app/hosted_invocation.ts";
import { SettledBuilds } from "../../cooker/settled.ts";
import { keptOutputs } from "../../app/answer_memo.ts";
import { channelPair } from "../../rpc/channel.ts";
import { processNamespaces } from "../../system/environment.ts";
import { FakeClock } from "../../system/fake_clock.ts";
import {
  executeFrame,
  type ExecuteRequest,
  FRAME,
  frame,
  HEAD_BYTES,
} from "../../forward/protocol.ts";
import { PassedDescriptors } from "../../system/process/passed_descriptors.ts";
import { macrotask } from "../../system/macrotask.ts";
import { MemoryLogger } from "../../system/logger.ts";
import { type ByteStream, memoryPair, writeAll } from "../../system/net/streams.ts";
import { VERSION } from "../../wire/version.ts";

/** The namespaces of this process, as a client sends them. */
const NAMESPACES = processNamespaces() ?? "";

/** Frame that starts an accepted command. */
const GO = frame(FRAME.go);

type Run = (args: readonly string[], hosted: HostedInvocation) => Promise<number>;

/** Forward host in a temporary folder, with connections of clients. */
class Place implements AsyncDisposable {
  readonly root: string;
  readonly clock = new FakeClock();
  readonly log: MemoryLogger = new MemoryLogger();
  readonly host: ForwardHost;

  private constructor(root: string, run: Run) {
    this.root = root;
    this.host = new ForwardHost({
      outputs: keptOutputs(),
      root,
      clock: this.clock,
      log: this.log,
      passed: new PassedDescriptors(),
      server: {
        isAlone: true,
        settled: new SettledBuilds(),
        touch: () => {},
      },
      run,
    });
  }

  static async open(run: Run): Promise<Place> {
    const root = await Deno.realPath(await Deno.makeTempDir());
    await Deno.writeTextFile(`${root}/deno.json`, "{}");
    return new Place(root, run);
  }

  /**
   * Opens a connection that has sent its first bytes.
   *
   * @param most the most bytes that the server can write at once
   */
  enter(first: Uint8Array<ArrayBuffer>, most = Infinity): ByteStream {
    const [near, far] = memoryPair();
    const slow: ByteStream = {
      ...far,
      write: async (bytes) => {
        await macrotask();
        return await far.write(bytes.subarray(0, most));
      },
    };
    this.host.enter(most === Infinity ? far : slow, first, () => channelPair()[0]);
    return near;
  }

  /** Encodes a client's request. */
  request(args: readonly string[], more: Partial<ExecuteRequest> = {}): Uint8Array<ArrayBuffer> {
    return executeFrame({
      version: VERSION,
      pid: 4711,
      namespaces: NAMESPACES,
      cwd: this.root,
      columns: 0,
      rows: 0,
      terminal: { stdin: false, stdout: false, stderr: false },
      passed: [],
      args,
      env: { A: "b" },
      ...more,
    });
  }

  /** Opens a connection that has sent its request and `go`. */
  async begin(args: readonly string[], more: Partial<ExecuteRequest> = {}): Promise<ByteStream> {
    const stream = this.enter(this.request(args, more));
    await writeAll(stream, GO);
    return stream;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.host.close();
    await Deno.remove(this.root, { recursive: true });
  }
}

/** Reads all frames until the end of the stream, as pairs of type and text. */
async function hear(stream: ByteStream): Promise<[type: string, text: string][]> {
  const pieces: Uint8Array[] = [];
  const buffer = new Uint8Array(4096);
  for (let count = await stream.read(buffer); count !== null; count = await stream.read(buffer)) {
    pieces.push(buffer.slice(0, count));
  }
  const bytes = concat(pieces);
  const frames: [string, string][] = [];
  for (let at = 0; at < bytes.length;) {
    const length = new DataView(bytes.buffer, at).getUint32(1);
    const payload = bytes.subarray(at + HEAD_BYTES, at + HEAD_BYTES + length);
    const type = bytes[at] ?? 0;
    const text = new TextDecoder().decode(type === FRAME.exit ? payload.subarray(1) : payload);
    const code = type === FRAME.exit ? `${payload[0]}` : "";
    frames.push([String.fromCharCode(type), `${code}${text}`]);
    at += HEAD_BYTES + length;
  }
  return frames;
}

/** Frame that the host sends when it accepts a request. */
const ACCEPTED: [string, string] = ["A", ""];

function signal(name: string): Uint8Array<ArrayBuffer> {
  return frame(FRAME.signal, name);
}

Deno.test("a command runs with the client's arguments, environment, folder and pid", async () => {
  await using place = await Place.open((args, { env, cwd, pid, output }) => {
    output.write("stdout", `${args.join(" ")} ${JSON.stringify(env)} ${pid}`);
    output.write("stderr", cwd);
    return Promise.resolve(7);
  });
  const stream = await place.begin(["run", "", "x\ny"], { env: { A: "b=c", B: "" } });
  assertEquals(await hear(stream), [
    ACCEPTED,
    ["1", 'run  x\ny {"A":"b=c","B":""} 4711'],
    ["2", place.root],
    ["X", "7"],
  ]);
});

Deno.test("a request that arrives byte by byte is read like one that arrives at once", async () => {
  await using place = await Place.open(([, name], { env }) =>
    Promise.resolve(name === "x" && env.A === "b" ? 3 : 1)
  );
  const all = Uint8Array.of(...place.request(["run", "x"]), ...GO);
  const stream = place.enter(all.slice(0, 1));
  for (const byte of all.slice(1)) await writeAll(stream, Uint8Array.of(byte));
  assertEquals(await hear(stream), [ACCEPTED, ["X", "3"]]);
});

Deno.test("a request for another version or project is refused with the reason", async () => {
  await using place = await Place.open(() => Promise.resolve(0));
  const elsewhere = await Deno.makeTempDir();
  for (
    const [more, reason] of [
      [{ version: "0.0.1" }, `this server is simmer ${VERSION}`],
      [{ cwd: elsewhere }, `this server serves ${place.root}`],
    ] as const
  ) {
    assertEquals(await hear(place.enter(place.request(["run"], more))), [["R", reason]]);
  }
  await Deno.remove(elsewhere);
});

Deno.test("commands that a server does not run are refused, and so are --cwd and -c", async () => {
  await using place = await Place.open(() => Promise.resolve(0));
  const lines = [[], ["serve"], ["stop"], ["nonsense"], ["run", "--cwd", "/"], ["run", "-c", "x"]];
  for (const args of lines) {
    const reason = "a server executes only run, tasks, graph, why, status, ping";
    assertEquals(await hear(place.enter(place.request(args))), [["R", reason]]);
  }
});

Deno.test("a client that names no version is served", async () => {
  await using place = await Place.open(() => Promise.resolve(0));
  assertEquals(await hear(await place.begin(["run"], { version: "" })), [ACCEPTED, ["X", "0"]]);
});

Deno.test("a command starts only after the client's 'go', and never if the client leaves before", async () => {
  const begun: string[] = [];
  await using place = await Place.open(([, name = ""]) => {
    begun.push(name);
    return Promise.resolve(0);
  });
  const patient = place.enter(place.request(["run", "later"]));
  const buffer = new Uint8Array(HEAD_BYTES);
  assertEquals([await patient.read(buffer), buffer[0]], [HEAD_BYTES, FRAME.accepted]);
  assertEquals(begun, []);
  await writeAll(patient, GO);
  assertEquals(await hear(patient), [["X", "0"]]);
  const silent = place.enter(place.request(["run", "silent"]));
  await silent.read(buffer);
  const end = hear(silent);
  await place.clock.waitForSleepers();
  await place.clock.advance(10_000);
  assertEquals(await end, []);
  const gone = place.enter(place.request(["run", "given up"]));
  await gone.read(buffer);
  gone.close();
  await place.host.close();
  assertEquals(begun, ["later"]);
});

Deno.test("R24 a client that is in other namespaces, or names none, is refused", async () => {
  await using place = await Place.open(() => Promise.resolve(0));
  for (const namespaces of ["pid:[1] mnt:[2]", ""]) {
    const stream = place.enter(place.request(["run"], { namespaces }));
    assertEquals(await hear(stream), [["R", "this server runs in another container"]]);
  }
});

Deno.test("a malformed request is refused with the reason", async () => {
  await using place = await Place.open(() => Promise.resolve(0));
  const fields = "1\0\x001\0\0/\x000\x000\x00000\0\x001\0word";
  const cases: readonly (readonly [payload: string | Uint8Array, reason: string])[] = [
    ["1\0", "fields are missing"],
    [fields.replace("1\0", "2\0"), "protocol 2 is not 1"],
    [fields.replace("1\0word", "2\0word"), "words are missing"],
    [fields.replace("/\0", "x\0"), "the working directory is not absolute"],
    [fields.replace("000\0", "00\0"), "the terminal flags are not three of 0, 1"],
    [fields.replace("000\0\0", "000\0-1\0"), "the number of a descriptor is not a whole number"],
    [Uint8Array.of(0xff), "a field is not UTF-8"],
  ];
  for (const [payload, reason] of cases) {
    assertEquals(await hear(place.enter(frame(FRAME.execute, payload))), [["R", reason]]);
  }
});

Deno.test("invalid messages during a command are ignored, and logged once", async () => {
  const { promise: interrupted, resolve } = Promise.withResolvers<number>();
  await using place = await Place.open((_, { onSignal, terminal }) => {
    onSignal("SIGUSR1", () => resolve(terminal.columns()));
    return interrupted;
  });
  const stream = await place.begin(["run"]);
  const sizes = ["0 0", "44 10", "nonsense"].map((text) => frame(FRAME.size, text));
  const others = [signal("STOP"), frame(0, "nothing"), frame(FRAME.size, Uint8Array.of(0xff))];
  for (const each of [...sizes, ...others, signal("USR1")]) await writeAll(stream, each);
  assertEquals(await hear(stream), [ACCEPTED, ["X", "44"]]);
  assertEquals(place.log.messages.filter((line) => line.includes("Ignoring")).length, 1);
});

Deno.test("a command that listens receives signals and the end of its client, and any other ends by the signal", async () => {
  const heard: string[] = [];
  await using place = await Place.open(async ([, how], { onSignal, onGone }) => {
    const { promise, resolve } = Promise.withResolvers<number>();
    if (how === "listen") {
      onSignal("SIGINT", () => resolve(42));
      onSignal("SIGHUP", () => heard.push("hangup"));
      onGone?.(() => {
        heard.push("gone");
        resolve(1);
      });
    }
    return await promise;
  });
  const listening = await place.begin(["run", "listen"]);
  await writeAll(listening, signal("INT"));
  assertEquals(await hear(listening), [ACCEPTED, ["X", "42"]]);
  const deaf = await place.begin(["run", "deaf"]);
  await writeAll(deaf, Uint8Array.of(...signal("WINCH"), ...signal("TERM")));
  assertEquals(await hear(deaf), [ACCEPTED, ["X", "143TERM"]], "the client is told to die of it");
  const gone = await place.begin(["run", "listen"]);
  gone.close();
  await place.host.close();
  assertEquals(heard, ["gone"]);
});

Deno.test("a command sees the hangup of its terminal when it receives SIGHUP", async () => {
  const { promise: hungUp, resolve } = Promise.withResolvers<number>();
  await using place = await Place.open((_, { onSignal, terminal }) => {
    onSignal("SIGUSR2", () => assertEquals(terminal.isHungUp(), false));
    onSignal("SIGHUP", () => resolve(terminal.isHungUp() ? 1 : 0));
    return hungUp;
  });
  const stream = await place.begin(["run"]);
  for (const each of [signal("USR2"), frame(FRAME.hangup), signal("HUP")]) {
    await writeAll(stream, each);
  }
  assertEquals(await hear(stream), [ACCEPTED, ["X", "1"]]);
});

Deno.test("a command whose client does not read its output does not delay the shutdown", async () => {
  const bytes = new Uint8Array(10 * 1024 * 1024);
  const place = await Place.open((_, { output }) => {
    output.write("stdout", bytes);
    return Promise.resolve(0);
  });
  await place.begin(["run"]);
  const disposed = place[Symbol.asyncDispose]();
  await place.clock.advance(1000);
  await disposed;
});

Deno.test("a client that sends nothing or garbage is disconnected and does not disturb others", async () => {
  await using place = await Place.open(() => Promise.resolve(0));
  const silent = place.enter(Uint8Array.of(FRAME.execute));
  const end = hear(silent);
  await place.clock.advance(10_000);
  assertEquals(await end, []);
  const pieces = fc.array(
    fc.oneof(
      fc.uint8Array({ maxLength: 64 }),
      fc.constant(place.request(["run"])),
      fc.tuple(fc.nat(255), fc.string()).map(([type, text]) => frame(type, text)),
    ),
    { minLength: 1, maxLength: 5 },
  );
  await fc.assert(
    fc.asyncProperty(pieces, async (all) => {
      const stream = place.enter(Uint8Array.of(FRAME.execute));
      const heard = hear(stream);
      try {
        for (const each of all) await writeAll(stream, each);
      } catch (error) {
        if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
      }
      stream.close();
      await heard.catch(() => []);
    }),
    { numRuns: 500 },
  );
  assertEquals(await hear(await place.begin(["run"])), [ACCEPTED, ["X", "0"]]);
});

Deno.test("a frame that comes while a long one is being written follows it", async () => {
  const long = "x".repeat(30_000);
  await using place = await Place.open(async (_, { output, terminal, keyboard }) => {
    output.write("stdout", long);
    // The first part of the output has been written.
    await macrotask();
    await macrotask();
    keyboard?.signal("SIGTSTP");
    terminal.restoreBy("");
    await output.settled;
    return 0;
  });
  const stream = place.enter(place.request(["run"]), 1000);
  await writeAll(stream, GO);
  assertEquals(await hear(stream), [ACCEPTED, ["1", long], ["Z", ""], ["U", ""], ["X", "0"]]);
});

Deno.test("a client learns how to restore its screen, and a command that ends early restores it", async () => {
  await using place = await Place.open((_, { terminal, exit, onSignal }) => {
    terminal.restoreBy("restored");
    onSignal("SIGINT", () => exit(130));
    return new Promise(() => {});
  });
  const stream = await place.begin(["run"]);
  await writeAll(stream, signal("INT"));
  assertEquals(await hear(stream), [ACCEPTED, ["U", "restored"], ["2", "restored"], [
    "X",
    "130INT",
  ]]);
  // A client that names no version may not know the frame.
  const other = await place.begin(["run"], { version: "" });
  await writeAll(other, signal("INT"));
  assertEquals(await hear(other), [ACCEPTED, ["2", "restored"], ["X", "130INT"]]);
});
