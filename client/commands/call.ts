/**
 * `simmer call`: one raw command.
 *
 * @module
 */

import type { CommandTable } from "../../wire/commands.ts";
import { WireError } from "../../wire/errors.ts";
import { UsageError } from "../arguments.ts";
import { defineCommand } from "../command.ts";
import { openSession } from "../connect.ts";
import { type ClientError, EXIT } from "../exit_code.ts";
import { BuildFollower } from "../follower.ts";
import type { Invocation } from "../invocation.ts";
import { reachRunning, type ServerPlace, serverPlace } from "../launcher.ts";
import { nearestName } from "../nearest.ts";
import { noServer, withServer } from "../operator.ts";
import type { Renderer } from "../render/renderer.ts";
import type { SocketSession } from "../session.ts";

/** Shows nothing: the reply is all that is printed. */
const SILENT: Renderer = {
  warn: () => {},
  isLive: false,
  event: () => {},
  say: () => {},
  refresh: () => {},
  finish: () => {},
};

/** The command. */
export const command = defineCommand({
  name: "call",
  usage: "COMMAND [JSON…]",
  summary: "Send one raw command to the server, and print the reply as JSON",
  about: [
    "The command's parameters are one JSON object; several JSON values are sent as a list. A command\n" +
    "that only the controller may send is refused while another client is that.",
  ],
  options: [],
  words: { min: 1, max: Infinity },
  topics: async () => ({
    title: "Commands",
    rows: Object.entries(await commandTable()).map(([name, { summary }]) => [name, summary]),
  }),
  examples: [
    ["simmer call ping", "one round trip"],
    [`simmer call getVariable '{"name":"VERSION"}'`, "give parameters"],
  ],
}, async (invocation, { values, words }) => {
  const [name = "", ...texts] = words;
  const params = paramsOf(texts);
  const place = serverPlace(invocation, values);
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

/** The rows cost their schemas' library, which no other command of the client needs. */
async function commandTable(): Promise<CommandTable> {
  const { COMMANDS } = await import("../../wire/commands.ts");
  return COMMANDS;
}

function paramsOf(texts: readonly string[]): unknown {
  const values = texts.map((text): unknown => {
    try {
      return JSON.parse(text);
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      throw new UsageError(`'${text}' is not JSON: ${error.message}`);
    }
  });
  if (values.length === 0) return {};
  const [first] = values;
  return values.length === 1 && typeof first === "object" && first !== null ? first : values;
}

/** As the controller; an asynchronous command is waited for. */
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
    role: "controller",
    whenBusy: "refuse",
    client: { pid, command: commandLine },
    reach: async () => {
      const stream = await reachRunning(place, clock);
      if (stream === undefined) throw noServer(place);
      return stream;
    },
  }, (session: SocketSession) => session.onEvent((event) => follower.take(event)));
  await using _session = session;
  print(invocation, await session.call(name, params));
  if (!isAsync) return EXIT.ok;
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
