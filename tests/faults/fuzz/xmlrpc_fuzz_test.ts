import { assert, assertMatch } from "@std/assert";
import { XmlRpcDoor } from "../../../xmlrpc/door.ts";
import { encodeCall } from "../../../xmlrpc/encoder.ts";
import type { XmlRpcValue } from "../../../xmlrpc/values.ts";
import { macrotask } from "../../../system/macrotask.ts";
import { writeAll } from "../../../system/net/streams.ts";
import { COMMANDS } from "../../../wire/commands.ts";
import { bytesOf, DoorListener, post, readAll } from "../../xmlrpc/support.ts";
import { FuzzedServer } from "./fuzzed_server.ts";
import { effort, Random, seed } from "../random.ts";

const REQUESTS = effort(1_000);

/** Milliseconds after which the server gives up on an incomplete request. */
const PATIENCE_MS = 10_000;

const METHODS = [
  "registerEventHandler",
  "unregisterEventHandler",
  "addClient",
  "removeClient",
  "runCommand",
  "getEventHandle",
  "getSetVariable",
  "system.listMethods",
  "__proto__",
  "",
] as const;

const NAMES = ["ping", ...Object.keys(COMMANDS).filter((name) => name !== "terminateServer")] as [
  string,
  ...string[],
];

const TEXTS = ["a", "b", "*", "/", "127.0.0.1", "\n", "ü", "]]>", "<a/>", "__proto__", ""] as const;

const KEYS = ["tasks", "cwd", "env", "name", "jobs", "eval", "client", "__proto__", ""] as const;

function valueFor(random: Random, depth: number): XmlRpcValue {
  const part = (): XmlRpcValue => valueFor(random, depth - 1);
  switch (random.below(depth > 0 ? 8 : 6)) {
    case 0:
      return null;
    case 1:
      return random.oneIn(2);
    case 2:
      return random.below(70_000) - 3;
    case 3:
      return 1.5;
    case 4:
    case 5:
      return random.oneIn(8) ? new Uint8Array(random.below(9)) : random.pick(TEXTS);
    case 6:
      return Array.from({ length: random.below(4) }, part);
    default:
      return Object.fromEntries(
        Array.from({ length: random.below(4) }, () => [random.pick(KEYS), part()]),
      );
  }
}

function callFor(random: Random): string {
  const values = Array.from({ length: random.below(4) }, () => valueFor(random, 3));
  if (random.oneIn(2)) {
    return encodeCall("runCommand", [[random.pick(NAMES), ...values], ...values]);
  }
  if (random.oneIn(3)) return encodeCall("registerEventHandler", ["127.0.0.1", 5000, ...values]);
  return encodeCall(random.pick(METHODS), values);
}

/** Requests that would cost a careless parser much time or memory. */
const TRICKS: readonly [string, ...string[]] = [
  `<methodCall><methodName>a</methodName><params><param>${"<value><array><data>".repeat(5000)}`,
  `<!DOCTYPE a [<!ENTITY b "${"b".repeat(1000)}"><!ENTITY c "${"&b;".repeat(1000)}">]>` +
  `<methodCall><methodName>&c;</methodName></methodCall>`,
  `<methodCall><methodName>${"&#120;".repeat(20_000)}</methodName></methodCall>`,
  `<methodCall a="${"x".repeat(100_000)}"/>`,
  `<?xml version="1.0" encoding="UTF-16"?><methodCall/>`,
  `<methodCall><methodName>a</methodName><params><param><value><int>${"9".repeat(5000)}</int>` +
  "</value></param></params></methodCall>",
  "<".repeat(50_000),
];

function requestFor(random: Random, token: string): Uint8Array {
  const fields = random.oneIn(3) ? { "Bitbake-token": token } : {};
  const body = random.oneIn(8) ? random.pick(TRICKS) : callFor(random);
  const request = bytesOf(post(body, fields));
  if (random.oneIn(2)) return request;
  const at = random.below(request.length);
  const rest = request.subarray(at + random.below(30));
  const put = random.oneIn(2) ? [] : [random.below(256), random.below(256)];
  return Uint8Array.of(...request.subarray(0, at), ...put, ...rest);
}

Deno.test("random XML-RPC requests get an expected status or none, and affect only their sender", async () => {
  const random = new Random(seed());
  const listener = new DoorListener("127.0.0.1:8200");
  await using fuzzed = await FuzzedServer.open(({ clock, log }) => [
    // No event handler listens at the address to which the server pushes events.
    new XmlRpcDoor({ listener, clock, log, dial: () => Promise.resolve(undefined) }),
  ]);
  const statuses = new Map<string, number>();
  let token = "none";
  const wrong = async (): Promise<void> => {
    const stream = listener.connect("127.0.0.1");
    let isOver = false;
    const answered = readAll(stream).finally(() => isOver = true);
    await writeAll(stream, requestFor(random, token)).catch((error: Error) => {
      // The server does not read a refused request to its end.
      if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
    });
    for (let turn = 0; turn < 20 && !isOver; turn++) await macrotask();
    // The server waits for the rest of an incomplete request until a timeout.
    if (!isOver) await fuzzed.clock.advance(PATIENCE_MS);
    const answer = await answered;
    const [, status = "none"] = /^HTTP\/1\.1 (\d+)/.exec(answer) ?? [];
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
    assertMatch(status, /^(200|100|4\d\d|505|none)$/, answer);
    [token = token] = /\b[0-9a-f]{32}\b/.exec(answer) ?? [];
  };
  await fuzzed.flat(REQUESTS, wrong, () => Promise.resolve());
  const count = (status: string): number => statuses.get(status) ?? 0;
  assert(count("200") > REQUESTS / 20, `only ${count("200")} requests were right`);
  assert(count("400") > REQUESTS / 20, `only ${count("400")} requests were wrong`);
});
