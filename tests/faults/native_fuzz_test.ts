import { assert, assertEquals } from "@std/assert";
import { TaskCooker } from "../../cooker/task_cooker.ts";
import { statePaths } from "../../project/state.ts";
import { systemClock } from "../../system/clock.ts";
import { macrotask } from "../../system/macrotask.ts";
import { writeAll } from "../../system/streams.ts";
import { MemoryLogger } from "../../system/logger.ts";
import { isResponse } from "../../wire/messages.ts";
import { type TestClient, TestServer } from "../server/support.ts";
import { bytesFor } from "./messages.ts";
import { effort, Random, seed } from "./random.ts";

/** How many messages, and how many clients send them by turns. */
const MESSAGES = effort(20_000);
const CLIENTS = 5;

const CONFIG = { tasks: { a: "echo a", b: { command: "echo b", dependencies: ["a"] }, c: "c" } };

Deno.test("whatever is sent to the native socket costs its sender alone", async () => {
  const root = await Deno.realPath(await Deno.makeTempDir());
  await Deno.writeTextFile(`${root}/deno.json`, JSON.stringify(CONFIG));
  const log = new MemoryLogger();
  const cooker = new TaskCooker({
    root,
    state: statePaths(root, { runtimeDir: undefined, uid: undefined }),
    clock: systemClock,
    log,
    executor: { execute: () => Promise.resolve({ code: 0 }) },
  });
  const random = new Random(seed());
  {
    await using server = new TestServer({ cooker, log });
    const neighbour = await server.join({ role: "observer" });
    const clients: TestClient[] = [];
    const answers = { result: 0, error: 0 };
    const open = descriptors();
    for (let sent = 0; sent < MESSAGES; sent++) {
      const index = random.below(CLIENTS);
      const client = clients[index] ?? await newcomer(server, random);
      clients[index] = client;
      const isThere = await Promise.race([
        writeAll(client.stream, bytesFor(random)).then(() => true, () => false),
        client.ended.then(() => false),
      ]);
      for (const message of client.messages.splice(0)) {
        if (isResponse(message)) answers["error" in message ? "error" : "result"]++;
      }
      if (!isThere || random.oneIn(50)) {
        await client.leave();
        delete clients[index];
      }
      if (sent % 500 === 0) {
        await server.clock.advance(100);
        assertEquals(await neighbour.call("ping"), "Still alive!", `after ${sent} messages`);
        neighbour.messages.length = 0;
      }
      if (sent % 20 === 0) await macrotask();
    }
    for (const client of clients) await client?.leave();
    assertEquals(await neighbour.call("ping"), "Still alive!");
    assert(answers.result > MESSAGES / 100, `only ${answers.result} messages were right`);
    assert(answers.error > MESSAGES / 100, `only ${answers.error} messages were wrong`);
    const defects = log.records.filter(({ level }) => level === "error");
    assertEquals(defects.slice(0, 3), [], `seed ${seed()}`);
    assert(descriptors() <= open + 3, `${open} descriptors have become ${descriptors()}`);
  }
  await Deno.remove(root, { recursive: true });
});

/** A client that has said hello, as nothing else is answered before; now and then one that has not. */
async function newcomer(server: TestServer, random: Random): Promise<TestClient> {
  if (random.oneIn(6)) return server.connect();
  return await server.join({ role: random.pick(["controller", "observer", "operator"]) });
}

/** How many descriptors this process has. */
function descriptors(): number {
  return [...Deno.readDirSync("/proc/self/fd")].length;
}
