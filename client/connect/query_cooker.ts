/**
 * Questions about a project: a server is asked where one runs, else the same cooker in this
 * process; none is started.
 *
 * @module
 */

import { PROTOCOL, VERSION } from "../../wire/hello.ts";
import { preventsServer } from "../errors.ts";
import type { Invocation } from "../invocation.ts";
import type { ServerPlace } from "./find_server.ts";
import { type OperatorOptions, withServer } from "./with_server.ts";
import { SocketSession } from "../session.ts";

/** Asks a question, and gives its reply. */
export async function askCooker<T>(
  invocation: Invocation,
  place: ServerPlace,
  ask: (session: SocketSession) => Promise<T>,
  options: Pick<OperatorOptions, "quiet">,
): Promise<T> {
  return await askServer(invocation, place, ask, options) ??
    await inProcess(invocation, place, ask);
}

/**
 * A question needs no server: one that holds the lock and does not listen is none, and neither is
 * one of another user.
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
  const { stream, ended } = await serveLocally(project);
  const session = new SocketSession(stream, { clock });
  try {
    const client = { pid, command: commandLine };
    await session.hello({ protocol: PROTOCOL, version: VERSION, role: "observer", client });
    return await ask(session);
  } finally {
    await session.close();
    await ended;
  }
}
