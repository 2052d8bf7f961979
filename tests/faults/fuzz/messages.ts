/** Random messages for the native socket, valid and invalid. */

import { COMMANDS } from "../../../wire/commands.ts";
import { helloParams } from "../../server/support.ts";
import type { Random } from "../random.ts";

const encoder = new TextEncoder();

const METHODS = ["hello", ...Object.keys(COMMANDS)].filter((name) => name !== "terminateServer");

const NAMES = [
  "tasks",
  "cwd",
  "env",
  "jobs",
  "watch",
  "build",
  "name",
  "value",
  "role",
  "version",
  "protocol",
  "client",
  "pid",
  "command",
  "features",
  "filter",
  "recursive",
  "eval",
  "keepGoing",
  "force",
  "detach",
  "replayLogs",
  "logLevel",
  "__proto__",
  "constructor",
  "toString",
  "",
] as const;

const TEXTS = [
  "",
  "a",
  "b",
  "missing",
  "*",
  "**",
  "../..",
  "/",
  "/dev/null",
  "\0",
  "\u2028",
  "\ud800",
  "[",
  "{",
  "a b",
  "-x",
  "--",
  "constructor",
  "__proto__",
  "x".repeat(5000),
  "controller",
  "observer",
  "full",
] as const;

const NUMBERS = [0, -0, 1, -1, 0.5, 1e21, 2 ** 31, 2 ** 53, -(2 ** 63), 1e308, 4096] as const;

/** Returns a value of any type with a few levels of nesting. */
function value(random: Random, depth = 0): unknown {
  switch (random.below(depth > 3 ? 5 : 7)) {
    case 0:
      return null;
    case 1:
      return random.oneIn(2);
    case 2:
      return random.pick(NUMBERS);
    case 3:
    case 4:
      return random.pick(TEXTS);
    case 5:
      return Array.from({ length: random.below(4) }, () => value(random, depth + 1));
    default:
      return object(random, depth);
  }
}

function object(random: Random, depth: number): Record<string, unknown> {
  return Object.fromEntries(
    Array.from({ length: random.below(5) }, () => [random.pick(NAMES), value(random, depth + 1)]),
  );
}

/** Returns a request whose parameters are sometimes valid. */
function message(random: Random): unknown {
  const method = random.oneIn(12) ? value(random) : METHODS[random.below(METHODS.length)];
  const params = method === "hello" && !random.oneIn(4)
    ? {
      ...helloParams({ role: random.pick(["controller", "observer", "operator"]) }),
      ...object(random, 2),
    }
    : random.oneIn(3)
    ? { tasks: [random.pick(["a", "b", "c", "missing"])], cwd: "/", env: {}, ...object(random, 2) }
    : value(random);
  return {
    jsonrpc: random.oneIn(20) ? value(random) : "2.0",
    ...(random.oneIn(8) ? {} : { id: random.oneIn(8) ? value(random) : random.below(1000) }),
    method,
    ...(random.oneIn(8) ? {} : { params }),
    ...(random.oneIn(10) ? object(random, 2) : {}),
  };
}

/** Returns bytes for the server's socket, mostly complete lines. */
export function bytesFor(random: Random): Uint8Array {
  const text = random.oneIn(15)
    ? JSON.stringify(Array.from({ length: random.below(4) }, () => message(random)))
    : random.oneIn(30)
    ? "[".repeat(random.below(20_000))
    : JSON.stringify(message(random));
  const bytes = encoder.encode(random.oneIn(25) ? text : `${text}\n`);
  for (let damage = random.oneIn(5) ? 1 + random.below(4) : 0; damage > 0; damage--) {
    if (bytes.length > 0) bytes[random.below(bytes.length)] = random.below(256);
  }
  return random.oneIn(40) ? bytes.subarray(0, random.below(bytes.length + 1)) : bytes;
}
