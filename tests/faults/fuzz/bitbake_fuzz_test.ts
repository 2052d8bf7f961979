import { assert, assertEquals } from "@std/assert";
import { PickleFrameDecoder } from "../../../bitbake/frames.ts";
import { decode, PyTuple } from "../../../bitbake/pickle/mod.ts";
import { BitbakeSession } from "../../../bitbake/serving/session.ts";
import type { TestServer } from "../../server/support.ts";
import { FuzzedServer } from "./fuzzed_server.ts";
import { frameFor } from "./pickles.ts";
import { effort, Random, seed } from "../random.ts";

/** Number of frames, and number of clients that take turns to send them. */
const FRAMES = effort(5_000);
const CLIENTS = 4;

/** A BitBake client whose pipes are in memory. */
class Client {
  readonly served: Promise<void>;
  /** Number of replies with a value, with an error, and of any other form. */
  readonly replies = { value: 0, error: 0, strange: 0 };
  events = 0;
  isOver = false;
  readonly #frames: Uint8Array[] = [];
  #come = Promise.withResolvers<void>();
  readonly #decoder = new PickleFrameDecoder();

  constructor(server: TestServer, root: string) {
    const session = new BitbakeSession({
      pipes: {
        commands: { [Symbol.asyncIterator]: () => this.#sent(), close: () => this.leave() },
        events: { write: () => Promise.resolve(void this.events++), end: () => {} },
        replies: { write: (bytes) => Promise.resolve(this.#take(bytes)), end: () => {} },
      },
      connect: () => server.server.connect(),
      root,
      pid: 7,
      log: server.log,
    });
    this.served = session.serve().finally(() => this.isOver = true);
  }

  send(bytes: Uint8Array): void {
    this.#frames.push(bytes);
    this.#come.resolve();
  }

  leave(): void {
    this.isOver = true;
    this.#come.resolve();
  }

  async *#sent(): AsyncGenerator<Uint8Array> {
    while (true) {
      for (const frame of this.#frames.splice(0)) yield frame;
      if (this.isOver) return;
      await this.#come.promise;
      this.#come = Promise.withResolvers();
    }
  }

  #take(bytes: Uint8Array): void {
    for (const frame of this.#decoder.push(bytes)) {
      const reply = decode(frame);
      const [value, error] = reply instanceof PyTuple ? reply.items : [];
      if (typeof error === "string") this.replies.error++;
      else if (error === null && value !== undefined) this.replies.value++;
      else this.replies.strange++;
    }
  }
}

Deno.test("invalid input on BitBake's socket affects only its sender", async () => {
  const random = new Random(seed());
  await using fuzzed = await FuzzedServer.open();
  const clients: (Client | undefined)[] = [];
  const sums = { value: 0, error: 0, strange: 0, events: 0, dropped: 0 };
  const part = async (client: Client): Promise<void> => {
    if (client.isOver) sums.dropped++;
    client.leave();
    await client.served;
    for (const name of ["value", "error", "strange"] as const) sums[name] += client.replies[name];
    sums.events += client.events;
  };
  const wrong = async (): Promise<void> => {
    const index = random.below(CLIENTS);
    let client = clients[index];
    if (client === undefined || client.isOver || random.oneIn(200)) {
      if (client !== undefined) await part(client);
      client = new Client(fuzzed.server, fuzzed.root);
      clients[index] = client;
    }
    client.send(frameFor(random));
  };
  const rest = async (): Promise<void> => {
    for (const client of clients.splice(0)) if (client !== undefined) await part(client);
  };
  await fuzzed.flat(FRAMES, wrong, rest);
  assertEquals(sums.strange, 0);
  for (const name of ["value", "error", "events", "dropped"] as const) {
    assert(sums[name] > FRAMES / 200, `only ${sums[name]} of ${name}`);
  }
});
