/**
 * `simmer serve`: runs the server in this process, or starts one in the background.
 *
 * @module
 */

import { parseAddress, type TcpAddress } from "../../wire/address.ts";
import { UsageError, type ValuesFor } from "../args/arguments.ts";
import { defineCommand } from "../command.ts";
import { openOperator } from "../connect/open_session.ts";
import { ClientError, EXIT } from "../errors.ts";
import type { Invocation } from "../invocation.ts";
import { reachServer, type ServerPlace, serverPlace } from "../connect/find_server.ts";
import { LIMIT_OPTIONS, serverLimits } from "../args/server_limits.ts";

const OPTIONS = [
  ...LIMIT_OPTIONS,
  {
    name: "xmlrpc",
    kind: "text",
    value: "[host:]port",
    summary: "also serve XML-RPC; without a host: on this machine only; port 0: any free port",
  },
  {
    name: "bitbake",
    kind: "flag",
    summary: "also serve BitBake's own clients, at bitbake.sock in the project's root",
  },
  {
    name: "single",
    kind: "flag",
    summary: "run one client's build at a time; always on with --bitbake",
  },
  { name: "detach", kind: "flag", summary: "run in the background, and print the server's pid" },
  {
    name: "lock-from-client",
    kind: "flag",
    summary: "take the lock over from the client that starts this server",
    isHidden: true,
  },
] as const;

/** The `simmer serve` command. */
export const command = defineCommand({
  name: "serve",
  usage: "",
  summary: "Run the project's server in the foreground, logging to the terminal",
  about: [
    "'simmer run' starts a server automatically if none is running. Such a server runs any number of\n" +
    "builds at once.",
    "With --single, further clients wait until the controlling client has left. A 'simmer run' inside\n" +
    "a task would wait for its own build; it needs --no-server.",
  ],
  options: OPTIONS,
  words: { min: 0, max: 0 },
  examples: [
    ["simmer serve --timeout 600", "exit after ten minutes without a client"],
    ["simmer serve --bitbake", "let 'bitbake TASK' in this folder run the project's tasks"],
    ["simmer serve --xmlrpc 8200", "accept XML-RPC clients of this machine on port 8200"],
  ],
}, async (invocation, { values }) => {
  const place = serverPlace(invocation, values);
  const limits = serverLimits(invocation, values);
  const xmlrpc = addressOf(values.xmlrpc);
  if (values.detach) return await detach(invocation, place, values);
  const served = await invocation.serve({
    project: place.project,
    ...limits,
    foreground: !values["lock-from-client"] && !values.quiet,
    lockFromClient: values["lock-from-client"],
    bitbake: values.bitbake,
    single: values.single,
    ...(xmlrpc === undefined ? {} : { xmlrpc }),
  });
  if (served.kind === "refused") throw new ClientError(EXIT.noServer, served.message);
  if (served.kind === "ended") return served.exitCode;
  const holder = served.holder === undefined ? "another process" : `pid ${served.holder}`;
  throw new ClientError(
    EXIT.noServer,
    `cannot serve ${place.project.root}: ${holder} serves it already; 'simmer stop' stops it`,
  );
});

function addressOf(text: string | undefined): TcpAddress | undefined {
  const address = text === undefined ? undefined : parseAddress(text);
  if (text === undefined || address !== undefined) return address;
  throw new UsageError(
    `invalid value '${text}' for '--xmlrpc': expected HOST:PORT, or a PORT up to 65535`,
  );
}

async function detach(
  invocation: Invocation,
  place: ServerPlace,
  values: ValuesFor<typeof OPTIONS>,
): Promise<number> {
  const { env, clock, startedAt, output, pid, commandLine } = invocation;
  const warn = (text: string): void => output.write("stderr", `simmer: ${text}\n`);
  const say = (text: string): void => {
    if (!values.quiet) warn(text);
  };
  const start = {
    env,
    clock,
    startedAt,
    warn,
    ...serverLimits(invocation, values),
    say,
    ...(values.xmlrpc === undefined ? {} : { xmlrpc: values.xmlrpc }),
    bitbake: values.bitbake,
    single: values.single,
  };
  const dial = (): ReturnType<typeof reachServer> => reachServer(place, start);
  const client = { pid, command: commandLine };
  const { session, hello } = await openOperator(await dial(), { ...start, client }, dial);
  await using _session = session;
  output.write(
    "stdout",
    values.json ? `${JSON.stringify({ pid: hello.pid })}\n` : `${hello.pid}\n`,
  );
  return EXIT.ok;
}
