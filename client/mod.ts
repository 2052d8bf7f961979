/**
 * Client library: lets a program send commands to a project's server and receive its events.
 *
 * ```ts ignore
 * import { connect } from "@simmer/simmer/client";
 *
 * await using session = await connect({ cwd: "/home/me/project" });
 * session.onEvent((event) => console.log(event.type));
 * console.log(await session.call("status"));
 * ```
 *
 * @module
 */

import { requireProject } from "../project/root.ts";
import { statePaths } from "../project/state.ts";
import { systemClock } from "../system/clock.ts";
import { environment, processId, workingDirectory } from "../system/environment.ts";
import { joinPath } from "../system/files/files.ts";
import { Latch } from "../system/source.ts";
import type { SimmerEvent } from "../wire/events.ts";
import type { Role, WhenBusy } from "../wire/hello.ts";
import { openSession } from "./connect/open_session.ts";
import { ClientError, EXIT, ServerEndedError } from "./errors.ts";
import { reachRunning, reachServer } from "./connect/find_server.ts";
import type { CallOptions, EventListener, Session } from "./session.ts";
import { DEFAULT_MAX_RSS, DEFAULT_MAX_SERVERS, DEFAULT_TIMEOUT_S } from "./args/server_limits.ts";

export { type CallOptions, ClientError, type EventListener, EXIT, ServerEndedError, type Session };
export type * from "../wire/events.ts";
export type { ErrorObject } from "../wire/errors.ts";
export type { Role, WhenBusy } from "../wire/hello.ts";

/** Selects the server and the role of the session. */
export interface ConnectOptions {
  /** A folder of the project. Default: the working directory. */
  readonly cwd?: string;
  /** The config file to use, rather than the nearest one. */
  readonly config?: string;
  /** Default: `operator`, which may observe, and end the build or the server. It never waits. */
  readonly role?: Role;
  /** Behaviour of a controller if another one is active. Default: `wait`. */
  readonly whenBusy?: WhenBusy;
  /** The name that other users of the server see. Default: `a program`. */
  readonly name?: string;
  /**
   * The command that runs simmer, such as `["simmer"]`, to start a server if none runs. If absent,
   * none is started.
   */
  readonly program?: readonly string[];
  /** Receives messages for the user, such as that the server is being restarted. */
  readonly say?: (text: string) => void;
}

/**
 * Opens a session with a project's server. Close it, or dispose of it.
 *
 * @throws {ClientError} if there is no server, or none that fits
 * @throws {WireError} if there is no project, or the server refuses
 */
export async function connect(options: ConnectOptions = {}): Promise<Session> {
  const { cwd = ".", config, role = "operator", whenBusy, name = "a program", program } = options;
  const project = requireProject(joinPath(workingDirectory(), cwd), config);
  const place = { project, paths: statePaths(project.root) };
  const { session } = await openSession(place, {
    ...(program === undefined ? {} : { program }),
    env: environment(),
    clock: systemClock,
    timeoutSeconds: DEFAULT_TIMEOUT_S,
    maxRssBytes: DEFAULT_MAX_RSS,
    maxServers: DEFAULT_MAX_SERVERS,
    say: options.say ?? (() => {}),
    role,
    ...(whenBusy === undefined ? {} : { whenBusy }),
    client: { pid: processId(), command: name },
    reach: async (start) => {
      if (program !== undefined) return await reachServer(place, start);
      const channel = await reachRunning(place, systemClock);
      if (channel !== undefined) return channel;
      throw new ClientError(EXIT.noServer, `no server runs for ${project.root}`);
    },
  }, () => undefined);
  return session;
}

/**
 * Sends one command to a project's server.
 *
 * @returns its reply
 * @throws as {@linkcode connect}, and what the server answers instead of a reply
 */
export async function call(
  name: string,
  params?: unknown,
  options: ConnectOptions = {},
): Promise<unknown> {
  await using session = await connect(options);
  return await session.call(name, params);
}

/**
 * Iterates over the events of a project's server, until the server ends. Events are read only as
 * fast as they are consumed.
 *
 * @throws as {@linkcode connect}
 */
export async function* events(options: ConnectOptions = {}): AsyncGenerator<SimmerEvent> {
  await using session = await connect({ role: "observer", ...options });
  const untaken: { readonly event: SimmerEvent; readonly taken: () => void }[] = [];
  const more = new Latch("events");
  let isOver = false;
  session.ended.then(() => {
    isOver = true;
    more.wake();
  });
  using _listening = session.onEvent((event) =>
    new Promise<void>((taken) => {
      untaken.push({ event, taken });
      more.wake();
    })
  );
  try {
    while (true) {
      const next = untaken.shift();
      next?.taken();
      if (next !== undefined) yield next.event;
      else if (isOver) return;
      else await more.read();
    }
  } finally {
    // If the consumer stops early, closing the session must not wait for events that remain.
    for (const { taken } of untaken) taken();
  }
}
