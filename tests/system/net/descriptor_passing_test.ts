import { assert, assertEquals } from "@std/assert";
import { DescriptorPassing } from "../../../system/net/descriptor_passing.ts";
import { PipeReader, PipeWriter } from "../../../system/net/pipe_stream.ts";
import { UnixListener } from "../../../system/net/unix_socket.ts";

function openDescriptors(): number {
  return [...Deno.readDirSync("/proc/self/fd")].length;
}

async function withPair(
  work: (passing: DescriptorPassing, server: number, client: Deno.UnixConn) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  const passing = DescriptorPassing.open();
  const listener = UnixListener.listen(`${folder}/s.sock`);
  const [client, accepted] = await Promise.all([
    Deno.connect({ transport: "unix", path: `${folder}/s.sock` }),
    listener.accept(),
  ]);
  try {
    assert(accepted?.descriptor !== undefined);
    await work(passing, accepted.descriptor, client);
  } finally {
    accepted?.close();
    client.close();
    listener[Symbol.dispose]();
    passing[Symbol.dispose]();
    await Deno.remove(folder, { recursive: true });
  }
}

const SENDER = `
import array, os, socket, sys
s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])
kind = sys.argv[2]
ends = [os.pipe() for _ in range(70 if kind == "many" else 3)]
fds = [ends[0][1], ends[1][0], ends[2][1]] if kind == "three" else [e[0] for e in ends]
if kind == "none": s.send(b"x")
elif kind == "close": s.close(); sys.exit()
else: socket.send_fds(s, [b"\\x03"], fds)
os.write(ends[1][1], b"hello")
os.close(ends[1][1])
for fd in fds: os.close(fd)
if kind == "three": print(os.read(ends[0][0], 100).decode())
s.recv(1)
`;

async function fromPython(kind: string): Promise<{ count: number; text: string; left: number }> {
  const folder = await Deno.makeTempDir();
  const before = openDescriptors();
  let count = -1;
  let text = "";
  {
    using passing = DescriptorPassing.open();
    using listener = UnixListener.listen(`${folder}/s.sock`);
    const child = new Deno.Command("python3", {
      args: ["-c", SENDER, `${folder}/s.sock`, kind],
      stdout: "piped",
    }).spawn();
    const accepted = await listener.accept();
    const received = await passing.receive(accepted?.descriptor ?? -1, 5000);
    count = received?.descriptors.length ?? -1;
    if (kind === "three" && received !== undefined) {
      const [events, commands, replies] = received.descriptors;
      const writer = new PipeWriter(events ?? -1);
      const reader = new PipeReader(commands ?? -1);
      for await (const piece of reader) text += new TextDecoder().decode(piece);
      await writer.write(new TextEncoder().encode("heard"));
      writer.close();
      reader.close();
      passing.closeAll([replies ?? -1]);
    } else if (received !== undefined) {
      passing.closeAll(received.descriptors);
    }
    accepted?.close();
    const { stdout } = await child.output();
    text += new TextDecoder().decode(stdout).trim();
  }
  await Deno.remove(folder, { recursive: true });
  return { count, text, left: openDescriptors() - before };
}

Deno.test({
  name: "descriptors of another process are received, and none is leaked in any case",
  // A pipe's socket releases its descriptor one turn after it is closed.
  sanitizeResources: false,
  sanitizeOps: false,
}, async () => {
  await fromPython("three");
  assertEquals(await fromPython("three"), { count: 3, text: "helloheard", left: 0 });
  assertEquals(await fromPython("none"), { count: 0, text: "", left: 0 });
  assertEquals(await fromPython("many"), { count: -1, text: "", left: 0 });
  assertEquals(await fromPython("close"), { count: -1, text: "", left: 0 });
});

Deno.test("send passes a descriptor together with a byte", async () => {
  await withPair(async (passing, server, client) => {
    const pipe = passing.pipe();
    assert(passing.send(server, new Uint8Array([1]), [pipe.write]));
    passing.closeAll([pipe.write, pipe.read]);
    const buffer = new Uint8Array(4);
    assertEquals(await client.read(buffer), 1);
  });
});

Deno.test("receive returns undefined if nothing arrives within its timeout", async () => {
  await withPair(async (passing, server) => {
    assertEquals(await passing.receive(server, 10), undefined);
  });
});
