/**
 * `simmer call`: sends one raw command to the server and prints the reply.
 *
 * @module
 */

import type { CommandTable } from "../../wire/commands.ts";
import { WireError } from "../../wire/errors.ts";
import { UsageError } from "../args/arguments.ts";
import { defineCommand } from "../command.ts";
import { openSession } from "../connect/open_session.ts";
import { type ClientError, EXIT } from "../errors.ts";
import { BuildFollower } from "../build/follower.ts";
import type { Invocation } from "../invocation.ts";
import { reachRunning, type ServerPlace, serverPlace } from "../connect/find_server.ts";
import { nearestName } from "../args/nearest.ts";
import { noServer, withServer } from "../connect/with_server.ts";
import type { CommonValues } from "../args/options.ts";
import { rendererFor } from "../render/choose.ts";
import type { Renderer } from "../render/renderer.ts";
import type { SocketSession } from "../session.ts";

/** Shows nothing, because only the reply is printed. */
const SILENT: Renderer = {
  warn: () => {},
  event: () => undefined,
  say: () => {},
  finish: () => {},
};

/** The `simmer call` command. */
export const command = defineCommand({
  name: "call",
  usage: "COMMAND [JSON…]",
  summary: "Send one raw command to the server, and print the reply as JSON",
  about: [
    "The parameters are one JSON object. Other JSON values are sent as a list. The server refuses a\n" +
    "command that is reserved for the controller while another client is the controller.",
    "On BitBake's own server, the JSON values are the arguments of a BitBake command. Log messages of\n" +
    "the server go to stderr. If the command starts an action, simmer waits until it has finished.",
  ],
  options: [],
  words: { min: 1, max: Infinity },
  topics: async () => ({
    title: "Commands",
    rows: Object.entries(await commandTable()).map(([name, { summary }]) => [name, summary]),
  }),
  examples: [
    ["simmer call ping", "one round trip"],
    [`simmer call getVariable '{"name":"VERSION"}'`, "pass parameters"],
  ],
}, async (invocation, { values, words }) => {
  const [name = "", ...texts] = words;
  const place = serverPlace(invocation, values);
  const args = valuesOf(texts);
  if (place.isBitbake === true) return await callBitbake(invocation, values, name, args);
  const params = paramsOf(args);
  const table = await commandTable();
  const row = table[name];
  try {
    if (row?.access === "control") {
      return await control(invocation, place, name, params, row.kind === "async");
    }
    const code = await withServer(invocation, place, async ({ session }) => {
      print(invocation, await session.call(name, params));
      return EXIT.ok;
    }, values);
    if (code === undefined) throw noServer(place);
    return code;
  } catch (error) {
    throw error instanceof WireError && error.is("methodNotFound") ? unknown(name, table) : error;
  }
});

/**
 * Imports the command table lazily: it needs the schema library, which no other client command
 * needs.
 */
async function commandTable(): Promise<CommandTable> {
  const { COMMANDS } = await import("../../wire/commands.ts");
  return COMMANDS;
}

function valuesOf(texts: readonly string[]): unknown[] {
  return texts.map((text): unknown => {
    try {
      return JSON.parse(text);
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      throw new UsageError(`'${text}' is not JSON: ${error.message}`);
    }
  });
}

/** Returns a single object as the parameters. Anything else is a list of arguments. */
function paramsOf(values: readonly unknown[]): unknown {
  if (values.length === 0) return {};
  const [first] = values;
  const isObject = typeof first === "object" && first !== null && !Array.isArray(first);
  return values.length === 1 && isObject ? first : values;
}

/** Calls one of BitBake's commands, and shows the log records that the server sends meanwhile. */
async function callBitbake(
  invocation: Invocation,
  values: CommonValues,
  name: string,
  args: readonly unknown[],
): Promise<number> {
  const place = serverPlace(invocation, values);
  // Only the reply goes to stdout, even with --json.
  const renderer = await rendererFor(invocation, {
    ...values,
    json: false,
    "no-prefix": true,
    output: undefined,
    timestamps: false,
  });
  const code = await withServer(invocation, place, async ({ session }) => {
    session.onEvent((event) => {
      if (event.type !== "LogRecord") return undefined;
      renderer.event(event);
      return invocation.output.settled;
    });
    const { "log-level": logLevel } = values;
    if (logLevel !== undefined) await session.call("setEventMask", { logLevel });
    // The gateway replies when an action has ended. A first parse can take minutes.
    print(invocation, await session.call(name, args, { mayQueue: true }));
    return EXIT.ok;
  }, values);
  if (code === undefined) throw noServer(place);
  return code;
}

/** Calls a command as the controller. Waits for the end of an asynchronous command. */
async function control(
  invocation: Invocation,
  place: ServerPlace,
  name: string,
  params: unknown,
  isAsync: boolean,
): Promise<number> {
  const { env, clock, pid, commandLine, output } = invocation;
  const follower = new BuildFollower({ renderer: SILENT, output });
  const say = (text: string): void => output.write("stderr", `simmer: ${text}\n`);
  const { session } = await openSession(place, {
    env,
    clock,
    say,
    timeoutSeconds: 0,
    maxRssBytes: 0,
    maxServers: 0,
    role: "controller",
    builds: "own",
    client: { pid, command: commandLine },
    reach: async () => {
      const channel = await reachRunning(place, clock);
      if (channel === undefined) throw noServer(place);
      return channel;
    },
  }, (session: SocketSession) => session.onEvent((event) => follower.take(event)));
  await using _session = session;
  const reply = await session.call(name, params);
  print(invocation, reply);
  if (!isAsync) return EXIT.ok;
  follower.follow((reply as { readonly build?: string } | null)?.build ?? "first");
  const ended = session.ended.then((error) => Promise.reject(error));
  return (await Promise.race([follower.end, ended])).exitCode;
}

function print({ output }: Invocation, reply: unknown): void {
  output.write("stdout", `${JSON.stringify(reply)}\n`);
}

function unknown(name: string, table: CommandTable): ClientError {
  const nearest = nearestName(name, Object.keys(table));
  const hint = nearest === undefined
    ? "'simmer call --help' lists the commands"
    : `did you mean '${nearest}'?`;
  return new UsageError(`unknown server command '${name}': ${hint}`);
}
