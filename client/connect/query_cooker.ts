/**
 * Queries about a project. A running server answers them, if there is one, or else the same cooker
 * in this process. No server is started.
 *
 * @module
 */

import { PROTOCOL, VERSION } from "../../wire/hello.ts";
import { preventsServer } from "../errors.ts";
import type { Invocation } from "../invocation.ts";
import type { ServerPlace } from "./find_server.ts";
import { type OperatorOptions, withServer } from "./with_server.ts";
import { SocketSession } from "../session.ts";

/** Runs a query and returns its reply. */
export async function queryCooker<T>(
  invocation: Invocation,
  place: ServerPlace,
  ask: (session: SocketSession) => Promise<T>,
  options: Pick<OperatorOptions, "quiet">,
): Promise<T> {
  return await askServer(invocation, place, ask, options) ??
    await inProcess(invocation, place, ask);
}

/**
 * Queries a running server. A query needs no server, so the result is `undefined` if none runs, if
 * a server holds the lock but does not listen, or if it belongs to another user.
 */
async function askServer<T>(
  invocation: Invocation,
  place: ServerPlace,
  ask: (session: SocketSession) => Promise<T>,
  options: Pick<OperatorOptions, "quiet">,
): Promise<T | undefined> {
  try {
    return await withServer(invocation, place, ({ session }) => ask(session), options);
  } catch (error) {
    if (preventsServer(error)) return undefined;
    if (error instanceof Error && error.name === "SilentServerError") return undefined;
    throw error;
  }
}

async function inProcess<T>(
  { serveLocally, clock, pid, commandLine }: Invocation,
  { project }: ServerPlace,
  ask: (session: SocketSession) => Promise<T>,
): Promise<T> {
  const { channel, ended } = await serveLocally(project);
  const session = new SocketSession(channel, { clock });
  try {
    const client = { pid, command: commandLine };
    await session.hello({ protocol: PROTOCOL, version: VERSION, role: "observer", client });
    return await ask(session);
  } finally {
    await session.close();
    await ended;
  }
}
