import { assertEquals, assertRejects } from "@std/assert";
import { type Carrier, Channel, framed, inMemory } from "../../rpc/channel.ts";
import { macrotask } from "../../system/macrotask.ts";
import { type ByteStream, memoryPair } from "../../system/net/streams.ts";
import { type Message, notification, request, success } from "../../wire/messages.ts";

const CARRIERS: Record<string, () => [Carrier, Carrier]> = {
  "framed bytes": () => {
    const [near, far] = memoryPair();
    return [framed(near), framed(far)];
  },
  "objects in memory": inMemory,
};

/** Registers a test for each carrier. */
function contract(
  statement: string,
  prove: (client: Channel, server: Channel) => Promise<void>,
): void {
  for (const [name, open] of Object.entries(CARRIERS)) {
    Deno.test(`a channel of ${name}: ${statement}`, async () => {
      const [near, far] = open();
      const [client, server] = [new Channel(near, "client"), new Channel(far, "server")];
      await prove(client, server);
      client.close();
      server.close();
      await Promise.all([client.outbox.drained(), server.outbox.drained()]);
    });
  }
}

async function messages(channel: Channel): Promise<Message[] | null> {
  const received = await channel.receive();
  return received && received.flatMap((each) => each.kind === "message" ? [each.message] : []);
}

const CALL = request(1, "ping", { text: "ü" });
const REPLY = success(1, ["Still alive!"]);
const EVENT = notification("event", { type: "TaskOutput", text: "line\n" });

contract("messages of one turn arrive together and in order", async (client, server) => {
  client.send(CALL);
  server.send(EVENT);
  server.send(REPLY);
  assertEquals(await messages(server), [CALL]);
  assertEquals(await messages(client), [EVENT, REPLY]);
});

contract("nothing is held once the other end has read", async (client, server) => {
  server.send(EVENT);
  assertEquals(server.outbox.held > 0, true);
  await messages(client);
  await server.outbox.drained();
  assertEquals(server.outbox.held, 0);
});

contract("what was written before the end is still read", async (client, server) => {
  server.send(EVENT);
  await macrotask();
  server.close();
  assertEquals(await messages(client), [EVENT]);
  assertEquals(await messages(client), null);
});

contract("a pending read ends if its own end closes", async (client) => {
  const received = client.receive();
  client.close();
  assertEquals(await received, null);
});

contract("a server that cannot write reads the end", async (client, server) => {
  const received = server.receive();
  client.close();
  server.send(EVENT);
  assertEquals(await received, null);
  assertEquals(server.outbox.held, 0);
});

Deno.test("a message in memory is passed without a copy, and its line is not made", async () => {
  const [near, far] = inMemory();
  const [client, server] = [new Channel(near, "client"), new Channel(far, "server")];
  server.send(EVENT, () => {
    throw new Error("a line was made");
  });
  const received = await messages(client);
  assertEquals(received?.[0] === EVENT, true);
  client.close();
});

Deno.test("several framed channels write a line that is made once", async () => {
  let made = 0;
  let line: string | undefined;
  const lines: string[] = [];
  const channels = [1, 2, 3].map(() => {
    const stream = writing((bytes) => void lines.push(new TextDecoder().decode(bytes)));
    return new Channel(framed(stream), "server");
  });
  for (const channel of channels) {
    channel.send(EVENT, () => line ??= `line ${++made}\n`);
    channel.send(REPLY, () => "reply\n");
  }
  await Promise.all(channels.map(({ outbox }) => outbox.drained()));
  assertEquals(lines, Array(3).fill("line 1\nreply\n"));
});

Deno.test("a framed channel receives an error for an invalid line, and then the next line", async () => {
  const [near, far] = memoryPair();
  const channel = new Channel(framed(far), "server");
  await near.write(new TextEncoder().encode(`nonsense\n${JSON.stringify(CALL)}\n`));
  const received = await channel.receive();
  assertEquals(received?.map(({ kind }) => kind), ["error", "message"]);
  channel.close();
});

Deno.test("a framed channel passes on the bytes of an execute only if it takes them", async () => {
  for (const takesExecute of [true, false]) {
    const [near, far] = memoryPair();
    const channel = new Channel(framed(far, { takesExecute }), "server");
    await near.write(new TextEncoder().encode("Execute\n"));
    const [first] = await channel.receive() ?? [];
    assertEquals(first?.kind, takesExecute ? "execute" : "error");
    channel.close();
  }
});

Deno.test("R7 a failed write ends a server's channel: a broken pipe as its end, any other error as a read error", async () => {
  const failures: [Error, unknown][] = [
    [new Deno.errors.BrokenPipe("gone"), null],
    [new RangeError("no more writing"), "RangeError: no more writing"],
  ];
  for (const [failure, expected] of failures) {
    const channel = new Channel(framed(writing(() => Promise.reject(failure))), "server");
    const received = channel.receive().catch(String);
    channel.send(EVENT);
    assertEquals(await received, expected);
    assertEquals(channel.outbox.held, 0);
  }
});

Deno.test("R23 a client that cannot write still reads what the server has sent last", async () => {
  const closed = Promise.withResolvers<void>();
  const stream = writing(() => Promise.reject(new Deno.errors.BrokenPipe("gone")));
  const pieces = [new TextEncoder().encode(`${JSON.stringify(EVENT)}\n`)];
  const read = async (buffer: Uint8Array): Promise<number | null> => {
    await closed.promise;
    const piece = pieces.shift();
    if (piece === undefined) return null;
    buffer.set(piece);
    return piece.length;
  };
  const channel = new Channel(framed({ ...stream, read }), "client");
  channel.send(CALL);
  await channel.outbox.drained();
  closed.resolve();
  assertEquals(await messages(channel), [EVENT]);
  assertEquals(await messages(channel), null);
});

Deno.test("a client's channel rejects with the error of a write that is no disconnect", async () => {
  const failure = new RangeError("no more writing");
  const channel = new Channel(framed(writing(() => Promise.reject(failure))), "client");
  const received = channel.receive();
  channel.send(CALL);
  await assertRejects(() => received, RangeError, "no more writing");
});

/** Creates a stream on which nothing arrives. */
function writing(write: (bytes: Uint8Array) => Promise<void> | void): ByteStream {
  const closed = Promise.withResolvers<null>();
  return {
    read: () => closed.promise,
    write: async (bytes) => {
      await write(bytes);
      return bytes.length;
    },
    close: () => closed.resolve(null),
  };
}
