/**
 * Opening a session: find or start the server, say hello, and see to it that it is the right one
 * (R24), whatever ends or changes in between.
 *
 * @module
 */

import { processNamespaces } from "../../system/environment.ts";
import type { ByteStream } from "../../system/net/streams.ts";
import { WireError } from "../../wire/errors.ts";
import type { ClientInfo } from "../../wire/events.ts";
import type { Feature, HelloResult, ProjectIdentity, Role, WhenBusy } from "../../wire/hello.ts";
import { PROTOCOL, VERSION } from "../../wire/hello.ts";
import { ServerEndedError } from "../errors.ts";
import { reachServer, type ServerPlace, type StartOptions } from "./find_server.ts";
import { Patience, type PatienceOptions } from "./patience.ts";
import { SocketSession, type SocketSessionOptions } from "../session.ts";

/** How often a server that goes or does not fit is replaced until that is an error. */
const MAX_TRIES = 5;

/** How a session is opened. */
export interface OpenOptions extends StartOptions {
  readonly role: Role;
  readonly whenBusy?: WhenBusy;
  readonly features?: readonly Feature[];
  readonly client: ClientInfo;
  /** Gets to a server; default: finds one or starts one. */
  readonly reach?: (start: StartOptions) => Promise<ByteStream>;
  /** Told that the server runs in another container; whether `reach` gets to another one then. */
  readonly elsewhere?: (server: ServerIdentity, start: StartOptions) => boolean;
}

/** What a server says of itself to a client that it refuses. */
export interface ServerIdentity {
  readonly protocol: number;
  readonly version: string;
  readonly pid: number;
  readonly project: ProjectIdentity;
}

/** An open session, and what `first` has sent on it. */
export interface Opened<T> {
  readonly session: SocketSession;
  readonly hello: HelloResult;
  readonly first: T;
}

/**
 * Opens a session with a project's server, starting one where none runs.
 *
 * @param first sends what is to travel in the same write as the hello. It is called again for each
 *   new try, and must take care of the rejection of what it has sent
 * @throws {ClientError} where there is no server to be had
 * @throws {WireError} where the server refuses
 * @throws what the signal was aborted with
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
      const stream = await (options.reach?.(start) ?? reachServer(place, start));
      session = new SocketSession(stream, sessionOptions(options));
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

/** A session mentions a missing reply under `--quiet` too. */
function sessionOptions(
  { clock, say, warn = say }: Pick<StartOptions, "clock" | "say" | "warn">,
): SocketSessionOptions {
  return { clock, say: warn };
}

/** Mentions a server that does not answer, until the result is disposed of (R22). */
function waitingWith(patience: Patience): Disposable {
  const answered = new AbortController();
  patience.mention(answered.signal).catch(reportError);
  return { [Symbol.dispose]: () => answered.abort() };
}

function sayHello(
  session: SocketSession,
  { project: { root, config }, socket }: ServerPlace,
  { role, whenBusy, features, client }: OpenOptions,
): Promise<HelloResult> {
  const project = config === undefined ? { root } : { root, config };
  const namespaces = processNamespaces();
  return session.hello({
    protocol: PROTOCOL,
    version: VERSION,
    role,
    ...(whenBusy === undefined ? {} : { whenBusy }),
    ...(features === undefined ? {} : { features }),
    client,
    ...(socket === undefined ? { project } : {}),
    ...(role === "controller" && namespaces !== undefined ? { namespaces } : {}),
  });
}

/** Whether an error says that the server has ended or is about to: a new one will do. */
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
 * Opens an operator's session on a stream. It is the one for asking and for ending a server, so
 * that it speaks to servers of other versions too, in their version's name.
 *
 * @param redial connects anew, for the second try
 */
export async function openOperator(
  stream: ByteStream,
  options: PatienceOptions & {
    readonly patience?: Patience;
    readonly client: ClientInfo;
  },
  redial: () => Promise<ByteStream | undefined>,
  role: Exclude<Role, "controller"> = "operator",
): Promise<Opened<undefined>> {
  let versions = { protocol: PROTOCOL, version: VERSION };
  const patience = options.patience ?? new Patience(options);
  for (let current: ByteStream | undefined = stream; current !== undefined;) {
    const session = new SocketSession(current, sessionOptions(options));
    using _waiting = waitingWith(patience);
    try {
      const hello = await session.hello({ ...versions, role, client: options.client });
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
