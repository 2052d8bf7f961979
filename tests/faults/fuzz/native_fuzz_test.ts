import { assert } from "@std/assert";
import { writeAll } from "../../../system/net/streams.ts";
import { isResponse } from "../../../wire/messages.ts";
import { StreamClient, type TestServer } from "../../server/support.ts";
import { FuzzedServer } from "./fuzzed_server.ts";
import { bytesFor } from "./messages.ts";
import { effort, Random, seed } from "../random.ts";

/** Number of messages, and number of clients that take turns to send them. */
const MESSAGES = effort(20_000);
const CLIENTS = 5;

Deno.test("invalid input on the native socket affects only its sender", async () => {
  const random = new Random(seed());
  await using fuzzed = await FuzzedServer.open();
  const clients: (StreamClient | undefined)[] = [];
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
 * Connects a client. Most clients say hello, because the server answers nothing else before. The
 * test server's own list of clients is not used, because it would grow.
 */
async function newcomer({ listener }: TestServer, random: Random): Promise<StreamClient> {
  const client = new StreamClient(listener.connect());
  if (random.oneIn(6)) return client;
  await client.hello({ role: random.pick(["controller", "observer", "operator"]) });
  return client;
}
