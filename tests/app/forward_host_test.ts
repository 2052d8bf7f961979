import { assertEquals, assertStringIncludes } from "@std/assert";
import fc from "fast-check";
import { ExpressHost, type HostedInvocation } from "../../app/forward_host.ts";
import { SettledBuilds } from "../../cooker/settled.ts";
import { Memos } from "../../app/answer_memo.ts";
import { processNamespaces } from "../../system/environment.ts";
import { FakeClock } from "../../system/fake_clock.ts";
import { HEAD_BYTES, PIECE } from "../../forward/client.ts";
import { MemoryLogger } from "../../system/logger.ts";
import { type ByteStream, memoryPair, writeAll } from "../../system/net/streams.ts";
import { VERSION } from "../../wire/version.ts";
import { MemoryListener } from "../server/support.ts";

/** The namespaces of this process, as a client sends them. */
const namespaces = processNamespaces();
const NAMESPACES = namespaces === undefined ? {} : { namespaces };

/** Lets a command begin. */
const GO = '{"go":true}\n';

type Run = (args: readonly string[], hosted: HostedInvocation) => Promise<number>;

/** A host in a folder of its own, and processes that hand their command lines over to it. */
class Place implements AsyncDisposable {
  readonly root: string;
  readonly clock = new FakeClock();
  readonly log: MemoryLogger = new MemoryLogger();
  readonly host: ExpressHost;

  private constructor(root: string, run: Run) {
    this.root = root;
    this.host = new ExpressHost({
      listener: new MemoryListener(),
      memos: new Memos(),
      root,
      clock: this.clock,
      log: this.log,
      standing: {
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

  enter(peer: { readonly uid?: number } = {}): ByteStream {
    const [near, far] = memoryPair();
    const stream = peer.uid === undefined
      ? far
      : { ...far, peer: { pid: 1, uid: peer.uid, gid: 1 } };
    this.host.enter(stream, () => memoryPair()[0]);
    return near;
  }

  /** What a process sends: the two lines, and `go`. */
  greeting(args: readonly string[], more: Readonly<Record<string, unknown>> = {}): string {
    const terminal = { stdin: false, stdout: false, stderr: false };
    const head = JSON.stringify({ version: VERSION, pid: 4711, ...NAMESPACES, ...more });
    const line = JSON.stringify({ args, env: { A: "b" }, cwd: this.root, terminal });
    return `${head}\n${line}\n${GO}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.host.close();
    await Deno.remove(this.root, { recursive: true });
  }
}

async function say(stream: ByteStream, text: string): Promise<void> {
  await writeAll(stream, new TextEncoder().encode(text));
}

/** Everything up to the end: pieces by kinds, texts joined. */
async function hear(stream: ByteStream): Promise<[kind: number, text: string][]> {
  let bytes = new Uint8Array(0);
  const buffer = new Uint8Array(4096);
  for (let count = await stream.read(buffer); count !== null; count = await stream.read(buffer)) {
    bytes = Uint8Array.of(...bytes, ...buffer.subarray(0, count));
  }
  const pieces: [number, string][] = [];
  for (let at = 0; at < bytes.length;) {
    const length = new DataView(bytes.buffer, at).getUint32(1);
    const piece = bytes.subarray(at + HEAD_BYTES, at + HEAD_BYTES + length);
    const kind = bytes[at] ?? 0;
    pieces.push([kind, kind === PIECE.exit ? `${piece[0]}` : new TextDecoder().decode(piece)]);
    at += HEAD_BYTES + length;
  }
  return pieces;
}

/** Sent before anything is done. */
const ACCEPTED: [number, string] = [PIECE.accepted, ""];

Deno.test("a command line is carried out with what it came with", async () => {
  await using place = await Place.open((args, { env, cwd, pid, output }) => {
    output.write("stdout", `${args.join(" ")} ${JSON.stringify(env)} ${pid}`);
    output.write("stderr", cwd);
    return Promise.resolve(7);
  });
  const stream = place.enter();
  await say(stream, place.greeting(["run", "x"]));
  assertEquals(await hear(stream), [
    ACCEPTED,
    [PIECE.stdout, 'run x {"A":"b"} 4711'],
    [PIECE.stderr, place.root],
    [PIECE.exit, "7"],
  ]);
});

Deno.test("another version or another project is refused: whoever asks does it by itself", async () => {
  await using place = await Place.open(() => Promise.resolve(0));
  const elsewhere = await Deno.makeTempDir();
  for (
    const text of [
      place.greeting(["run"], { version: "0.0.1" }),
      place.greeting(["run"]).replaceAll(place.root, elsewhere),
    ]
  ) {
    const stream = place.enter();
    await say(stream, text);
    assertEquals(await hear(stream), [[PIECE.refused, ""]]);
  }
  await Deno.remove(elsewhere);
});

Deno.test("a command begins only at the client's 'go': a client that leaves before has given it up", async () => {
  const begun: string[] = [];
  await using place = await Place.open(([name = ""]) => {
    begun.push(name);
    return Promise.resolve(0);
  });
  const patient = place.enter();
  await say(patient, place.greeting(["later"]).replace(GO, ""));
  const buffer = new Uint8Array(HEAD_BYTES);
  assertEquals([await patient.read(buffer), buffer[0]], [HEAD_BYTES, PIECE.accepted]);
  assertEquals(begun, []);
  await say(patient, GO);
  assertEquals(await hear(patient), [[PIECE.exit, "0"]]);
  const gone = place.enter();
  await say(gone, place.greeting(["given up"]).replace(GO, ""));
  await gone.read(buffer);
  gone.close();
  const silent = place.enter();
  await say(silent, place.greeting(["silent"]).replace(GO, ""));
  await silent.read(buffer);
  const end = hear(silent);
  await place.clock.waitForSleepers();
  await place.clock.advance(10_000);
  assertEquals(await end, []);
  await place.host.close();
  assertEquals(begun, ["later"]);
});

Deno.test("R24 a client in other namespaces is refused, and one that names none", async () => {
  await using place = await Place.open(() => Promise.resolve(0));
  for (const other of ["pid:[1] mnt:[2]", undefined]) {
    const stream = place.enter();
    await say(stream, place.greeting(["run"], { namespaces: other }));
    assertEquals(await hear(stream), [[PIECE.refused, ""]]);
  }
});

Deno.test("an unreadable message on the way is ignored, and logged once", async () => {
  const { promise: interrupted, resolve } = Promise.withResolvers<number>();
  await using place = await Place.open((_, { onSignal, terminal }) => {
    onSignal("SIGINT", () => resolve(terminal.columns()));
    return interrupted;
  });
  const stream = place.enter();
  await say(stream, place.greeting(["run"]));
  await say(stream, '{"columns":0}\n{"columns":44}\nnonsense\n{"signal":"SIGSTOP"}\n');
  await writeAll(stream, Uint8Array.of(0xff, 0xfe, 10));
  await say(stream, '{"signal":"SIGINT"}\n');
  assertEquals(await hear(stream), [ACCEPTED, [PIECE.exit, "44"]]);
  assertEquals(place.log.messages.filter((line) => line.includes("Ignoring")).length, 1);
});

Deno.test("signals reach a command that listens, and end one that does not; so does the end of the process", async () => {
  const heard: string[] = [];
  await using place = await Place.open(async ([how], { onSignal, onGone }) => {
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
  const listening = place.enter();
  await say(listening, place.greeting(["listen"]));
  await say(listening, '{"signal":"SIGINT"}\n');
  assertEquals(await hear(listening), [ACCEPTED, [PIECE.exit, "42"]]);
  const deaf = place.enter();
  await say(deaf, place.greeting(["deaf"]));
  await say(deaf, '{"signal":"SIGWINCH"}\n{"signal":"SIGTERM"}\n');
  assertEquals(await hear(deaf), [ACCEPTED, [PIECE.exit, "143"]]);
  const gone = place.enter();
  await say(gone, place.greeting(["listen"]));
  gone.close();
  await place.host.close();
  assertEquals(heard, ["gone"]);
});

Deno.test("a command learns that its terminal is gone before the signal that says so", async () => {
  const { promise: hungUp, resolve } = Promise.withResolvers<number>();
  await using place = await Place.open((_, { onSignal, terminal }) => {
    onSignal("SIGUSR2", () => assertEquals(terminal.isHungUp(), false));
    onSignal("SIGHUP", () => resolve(terminal.isHungUp() ? 1 : 0));
    return hungUp;
  });
  const stream = place.enter();
  await say(stream, place.greeting(["run"]));
  await say(stream, '{"signal":"SIGUSR2"}\n{"isHungUp":true}\n{"signal":"SIGHUP"}\n');
  assertEquals(await hear(stream), [ACCEPTED, [PIECE.exit, "1"]]);
});

Deno.test("a command whose output nobody takes does not hold the server's end up", async () => {
  const bytes = new Uint8Array(10 * 1024 * 1024);
  const place = await Place.open((_, { output }) => {
    output.write("stdout", bytes);
    return Promise.resolve(0);
  });
  const stalled = place.enter();
  await say(stalled, place.greeting(["run"]));
  const disposed = place[Symbol.asyncDispose]();
  await place.clock.advance(1000);
  await disposed;
});

Deno.test("whoever says nothing, nonsense, or is another user is dropped, and nobody else notices", async () => {
  await using place = await Place.open(() => Promise.resolve(0));
  const silent = place.enter();
  const end = hear(silent);
  await place.clock.advance(10_000);
  assertEquals(await end, []);
  const foreign = place.enter({ uid: (Deno.uid() ?? 0) + 1 });
  assertEquals(await hear(foreign), []);
  assertStringIncludes(place.log.messages.join("\n"), "not permitted");
  const lines = fc.array(
    fc.oneof(fc.json(), fc.string(), fc.constant(place.greeting(["run"]).trim())),
    { minLength: 2, maxLength: 5 },
  );
  await fc.assert(
    fc.asyncProperty(lines, async (texts) => {
      const stream = place.enter();
      const all = hear(stream);
      try {
        await say(stream, texts.map((text) => `${text}\n`).join(""));
      } catch (error) {
        if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
      }
      stream.close();
      await all.catch(() => []);
    }),
    { numRuns: 500 },
  );
  const stream = place.enter();
  await say(stream, place.greeting(["run"]));
  assertEquals(await hear(stream), [ACCEPTED, [PIECE.exit, "0"]]);
});
