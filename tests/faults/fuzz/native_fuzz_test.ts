import { assert } from "@std/assert";
import { writeAll } from "../../../system/net/streams.ts";
import { isResponse } from "../../../wire/messages.ts";
import { TestClient, type TestServer } from "../../server/support.ts";
import { FuzzedServer } from "./fuzzed_server.ts";
import { bytesFor } from "./messages.ts";
import { effort, Random, seed } from "../random.ts";

/** How many messages, and how many clients send them by turns. */
const MESSAGES = effort(20_000);
const CLIENTS = 5;

Deno.test("whatever is sent to the native socket costs its sender alone", async () => {
  const random = new Random(seed());
  await using fuzzed = await FuzzedServer.open();
  const clients: (TestClient | undefined)[] = [];
  const answers = { result: 0, error: 0 };
  const wrong = async (): Promise<void> => {
    const index = random.below(CLIENTS);
    const client = clients[index] ?? await newcomer(fuzzed.server, random);
    clients[index] = client;
    const isThere = await Promise.race([
      writeAll(client.stream, bytesFor(random)).then(() => true, () => false),
      client.ended.then(() => false),
    ]);
    for (const message of client.messages.splice(0)) {
      if (isResponse(message)) answers["error" in message ? "error" : "result"]++;
    }
    if (isThere && !random.oneIn(50)) return;
    await client.leave();
    clients[index] = undefined;
  };
  const rest = async (): Promise<void> => {
    for (const client of clients.splice(0)) await client?.leave();
  };
  await fuzzed.flat(MESSAGES, wrong, rest);
  assert(answers.result > MESSAGES / 100, `only ${answers.result} messages were right`);
  assert(answers.error > MESSAGES / 100, `only ${answers.error} messages were wrong`);
});

/**
 * A client that has said hello, as nothing else is answered before; now and then one that has not.
 * It is none that the test server keeps: they would be what grows.
 */
async function newcomer({ listener }: TestServer, random: Random): Promise<TestClient> {
  const client = new TestClient(listener.connect());
  if (random.oneIn(6)) return client;
  await client.hello({ role: random.pick(["controller", "observer", "operator"]) });
  return client;
}
