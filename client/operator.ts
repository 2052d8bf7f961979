/**
 * Commands that ask or end a server that runs, and start none.
 *
 * @module
 */

import { type Opened, openOperator } from "./connect.ts";
import { ClientError, EXIT, ServerEndedError } from "./exit_code.ts";
import type { Invocation } from "./invocation.ts";
import { reachRunning, type ServerPlace } from "./launcher.ts";

/** How a running server is spoken to. */
export interface OperatorOptions {
  /** Default: `operator`. */
  readonly role?: "operator" | "observer";
  readonly quiet?: boolean;
}

/**
 * Opens a session with the server that runs, for the time of some work.
 *
 * @returns what the work gives; `undefined` where no server runs
 */
export async function withServer<T>(
  invocation: Invocation,
  place: ServerPlace,
  work: (opened: Opened<undefined>) => Promise<T>,
  { role = "operator", quiet = false }: OperatorOptions = {},
): Promise<T | undefined> {
  const { clock, pid, commandLine, output } = invocation;
  const stream = await reachRunning(place, clock);
  if (stream === undefined) return undefined;
  const options = {
    clock,
    say: (text: string): void => quiet ? undefined : output.write("stderr", `simmer: ${text}\n`),
    client: { pid, command: commandLine },
  };
  const redial = (): ReturnType<typeof reachRunning> => reachRunning(place, clock);
  const opened = await opening(openOperator(stream, options, redial, role));
  if (opened === undefined) return undefined;
  await using _session = opened.session;
  return await work(opened);
}

/** A server that ends while it is connected to is none. */
async function opening<T>(opened: Promise<T>): Promise<T | undefined> {
  try {
    return await opened;
  } catch (error) {
    if (error instanceof ServerEndedError) return undefined;
    throw error;
  }
}

/** The error of commands that need a server where none runs. */
export function noServer({ project }: ServerPlace): ClientError {
  return new ClientError(
    EXIT.noServer,
    `no server runs for ${project.root}: 'simmer run TASK' or 'simmer serve --detach' starts one`,
  );
}
