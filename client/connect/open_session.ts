/**
 * Opens a session: finds or starts the server, says hello, and checks that the server fits (R24).
 * Retries if the server ends or changes meanwhile.
 *
 * @module
 */

import type { Channel } from "../../rpc/channel.ts";
import { processNamespaces } from "../../system/environment.ts";
import { WireError } from "../../wire/errors.ts";
import type { ClientInfo } from "../../wire/events.ts";
import type { Feature, HelloResult, ProjectIdentity, Role, WhenBusy } from "../../wire/hello.ts";
import { PROTOCOL, VERSION } from "../../wire/hello.ts";
import { ServerEndedError } from "../errors.ts";
import { reachServer, type ServerPlace, type StartOptions } from "./find_server.ts";
import { Patience, type PatienceOptions } from "./patience.ts";
import { SocketSession, type SocketSessionOptions } from "../session.ts";

/**
 * The maximum number of tries. A server that ends or does not fit is replaced before the next try.
 */
const MAX_TRIES = 5;

/** The parameters of opening a session. */
export interface OpenOptions extends StartOptions {
  readonly role: Role;
  readonly whenBusy?: WhenBusy;
  readonly features?: readonly Feature[];
  /** The builds whose events are received. Default: all. */
  readonly builds?: "own" | "all";
  readonly client: ClientInfo;
  /** Connects to a server. Default: finds one or starts one. */
  readonly reach?: (start: StartOptions) => Promise<Channel>;
  /**
   * Called if the server runs in another container. Returns true if `reach` connects to another
   * server from now on.
   */
  readonly elsewhere?: (server: ServerIdentity, start: StartOptions) => boolean;
}

/** The identity that a server reports to a client that it refuses. */
export interface ServerIdentity {
  readonly protocol: number;
  readonly version: string;
  readonly pid: number;
  readonly project: ProjectIdentity;
}

/** An open session, and the result of `first`. */
export interface Opened<T> {
  readonly session: SocketSession;
  readonly hello: HelloResult;
  readonly first: T;
}

/**
 * Opens a session with a project's server. Starts a server if none runs.
 *
 * @param first sends the commands that travel in the same write as the hello. It is called again
 *   for each new try. It must handle the rejection of the commands that it has sent.
 * @throws {ClientError} if no server can be reached
 * @throws {WireError} if the server refuses
 * @throws the signal's reason if it was aborted
 */
export async function openSession<T>(
  place: ServerPlace,
  options: OpenOptions,
  first: (session: SocketSession) => T,
): Promise<Opened<T>> {
  const patience = options.patience ?? new Patience(options);
  const start = { ...options, patience };
  for (let tries = 1;; tries++) {
    let session: SocketSession | undefined;
    const leave = (): void => session?.hangUp();
    options.signal?.addEventListener("abort", leave);
    try {
      const channel = await (options.reach?.(start) ?? reachServer(place, start));
      session = new SocketSession(channel, sessionOptions(options));
      using _waiting = waitingWith(patience);
      const hello = sayHello(session, place, options);
      const sent = first(session);
      return { session, hello: await hello, first: sent };
    } catch (error) {
      await session?.close();
      options.signal?.throwIfAborted();
      if (tries === MAX_TRIES) throw error;
      if (isOtherContainer(error) && options.elsewhere?.(error.data, options)) continue;
      if (place.socket !== undefined) throw error;
      const identity = mismatchOf(error);
      if (identity !== undefined) {
        const { replaceServer } = await import("./replace_server.ts");
        await replaceServer(place, options, identity);
      } else if (!isServerGoing(error)) {
        throw error;
      }
    } finally {
      options.signal?.removeEventListener("abort", leave);
    }
  }
}

/** Makes a session report a missing reply even under `--quiet`. */
function sessionOptions(
  { clock, say, warn = say }: Pick<StartOptions, "clock" | "say" | "warn">,
): SocketSessionOptions {
  return { clock, say: warn };
}

/** Reports a server that does not answer, until the result is disposed of (R22). */
function waitingWith(patience: Patience): Disposable {
  const answered = new AbortController();
  patience.mention(answered.signal).catch(reportError);
  return { [Symbol.dispose]: () => answered.abort("answered") };
}

function sayHello(
  session: SocketSession,
  { project: { root, config }, socket }: ServerPlace,
  { role, whenBusy, features, builds, client }: OpenOptions,
): Promise<HelloResult> {
  const project = config === undefined ? { root } : { root, config };
  const namespaces = processNamespaces();
  return session.hello({
    protocol: PROTOCOL,
    version: VERSION,
    role,
    ...(whenBusy === undefined ? {} : { whenBusy }),
    ...(features === undefined ? {} : { features }),
    ...(builds === undefined ? {} : { builds }),
    client,
    ...(socket === undefined ? { project } : {}),
    ...(role === "controller" && namespaces !== undefined ? { namespaces } : {}),
  });
}

/**
 * Returns true if an error means that the server has ended or is about to. A retry then gets a new
 * server.
 */
export function isServerGoing(error: unknown): boolean {
  return error instanceof ServerEndedError ||
    (error instanceof WireError && error.is("shuttingDown"));
}

function isOtherContainer(error: unknown): error is WireError & { readonly data: ServerIdentity } {
  return error instanceof WireError && error.is("otherContainer");
}

function mismatchOf(error: unknown): ServerIdentity | undefined {
  return error instanceof WireError && (error.is("versionMismatch") || error.is("wrongProject"))
    ? error.data as ServerIdentity | undefined
    : undefined;
}

/**
 * Opens an operator's session on a channel. Operators query and end servers, so they must be able
 * to speak to servers of other versions. If the server refuses the version, the next try therefore
 * says hello with the server's own version.
 *
 * @param redial connects again, for the next try
 */
export async function openOperator(
  channel: Channel,
  options: PatienceOptions & {
    readonly patience?: Patience;
    readonly client: ClientInfo;
    readonly features?: readonly Feature[];
  },
  redial: () => Promise<Channel | undefined>,
  role: Exclude<Role, "controller"> = "operator",
): Promise<Opened<undefined>> {
  let versions = { protocol: PROTOCOL, version: VERSION };
  const patience = options.patience ?? new Patience(options);
  for (let current: Channel | undefined = channel; current !== undefined;) {
    const session = new SocketSession(current, sessionOptions(options));
    using _waiting = waitingWith(patience);
    try {
      const { client, features } = options;
      const asked = features === undefined ? {} : { features };
      const hello = await session.hello({ ...versions, role, client, ...asked });
      return { session, hello, first: undefined };
    } catch (error) {
      await session.close();
      const identity = mismatchOf(error);
      if (identity === undefined || identity.version === versions.version) throw error;
      versions = { protocol: identity.protocol, version: identity.version };
      current = await redial();
    }
  }
  throw new ServerEndedError();
}
