/**
 * Finds the server of a project (R21). Every command takes this short path. `start_server.ts` is
 * loaded only if a server must be started or waited for.
 *
 * @module
 */

import { readLockContent } from "../../lock/content.ts";
import { LockFile } from "../../lock/lock_file.ts";
import { type Project, requireProject } from "../../project/root.ts";
import {
  checkState,
  ensureRoom,
  readState,
  type StatePaths,
  statePaths,
} from "../../project/state.ts";
import { Channel, framed } from "../../rpc/channel.ts";
import type { Clock } from "../../system/clock.ts";
import {
  absolutePath,
  baseName,
  fileKind,
  isSystemError,
  joinPath,
  parentFolder,
} from "../../system/files/files.ts";
import { NoLocksError } from "../../system/files/lockable_file.ts";
import { ForeignServerError, linkDistrust } from "../../system/net/own_server.ts";
import { MAX_SOCKET_PATH_BYTES } from "../../system/net/unix_path.ts";
import { BacklogError, connectUnix } from "../../system/net/unix_socket.ts";
import { processNamespaces } from "../../system/environment.ts";
import { parseAddress } from "../../wire/address.ts";
import { WireError } from "../../wire/errors.ts";
import { PROTOCOL, VERSION } from "../../wire/hello.ts";
import { ClientError, EXIT } from "../errors.ts";
import { type Invocation, workFolder } from "../invocation.ts";
import type { CommonValues } from "../args/options.ts";
import type { Patience } from "./patience.ts";
import type { ServerLimits } from "../args/server_limits.ts";

/** A project and the location of its server. */
export interface ServerPlace {
  readonly project: Project;
  readonly paths: StatePaths;
  /** The socket that `--server` names. No other is looked for, and no server is started. */
  readonly socket?: string;
  /** The address that `--server` names, if it is not a socket. */
  readonly address?: string;
  /** Opens the named socket if it speaks another protocol, or connects to this very process. */
  readonly open?: () => Promise<Channel | undefined>;
  /** True if the named server is BitBake's own. */
  readonly isBitbake?: true;
}

/** Result of the search for a server. */
type Found =
  | { readonly kind: "running"; readonly channel: Channel }
  | { readonly kind: "none" }
  /**
   * A process holds the lock and does not accept connections: the server starts, ends, or hangs.
   */
  | { readonly kind: "between" }
  /** A server holds the lock, but its socket cannot be seen from this container. */
  | { readonly kind: "elsewhere"; readonly pid: number };

/** The parameters for starting a server. */
export interface StartOptions extends ServerLimits {
  /** The command that runs simmer. Default: the command of this program. */
  readonly program?: readonly string[];
  /** The environment that the server is started in. */
  readonly env: Readonly<Record<string, string>>;
  readonly clock: Clock;
  /** The address at which a newly started server also serves XML-RPC, as given to `--xmlrpc`. */
  readonly xmlrpc?: string;
  /** True if a newly started server also serves BitBake's own clients. Default: `false`. */
  readonly bitbake?: boolean;
  /** True if one client builds at a time on a new server. Default: false. */
  readonly single?: boolean;
  readonly say: (text: string) => void;
  /** Prints a message that must be visible even under `--quiet`. Default: `say`. */
  readonly warn?: (text: string) => void;
  /**
   * Start time of the client, by the monotonic clock. Default: the time at which the search begins.
   */
  readonly startedAt?: number;
  /** Tracks how long the client has waited. Default: a new one that begins now. */
  readonly patience?: Patience;
  /** Ends the waiting. The promise then rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/**
 * Determines the project and the server that an invocation refers to.
 *
 * @throws {WireError} `projectError` if there is no project
 */
export function serverPlace(invocation: Invocation, values: CommonValues): ServerPlace {
  if (values.server !== undefined) {
    const foreign = foreignPlace(invocation, values.server);
    if (foreign !== undefined) return foreign;
  }
  // A config file's path is relative to the caller's folder, even if `--cwd` names another one.
  const config = values.config === undefined ? undefined : joinPath(invocation.cwd, values.config);
  const isPlaced = values.cwd !== undefined || config !== undefined;
  const known = isPlaced ? undefined : invocation.project;
  const project = known ?? requireProject(workFolder(invocation, values), config);
  const paths = statePaths(project.root);
  const { connect } = invocation;
  if (connect !== undefined) return { project, paths, open: () => Promise.resolve(connect()) };
  if (values.server === undefined) return { project, paths };
  return { project, paths, socket: socketOf(values.server) };
}

/**
 * Returns the place of BitBake's own server, whose project is not a simmer project. Returns
 * `undefined` if the address is not that of such a server.
 */
function foreignPlace(invocation: Invocation, server: string): ServerPlace | undefined {
  const socket = /^unix:(.+)$/.exec(server)?.[1];
  const address = socket === undefined ? parseAddress(server) : undefined;
  const isSocket = socket !== undefined && baseName(socket) === BITBAKE_SOCKET;
  if (address === undefined && !isSocket) return undefined;
  const path = socket === undefined
    ? invocation.cwd
    : fittingSocket(joinPath(invocation.cwd, socket));
  const root = socket === undefined ? path : parentFolder(path);
  return {
    project: { root },
    paths: statePaths(root),
    socket: socket === undefined ? server : path,
    ...(socket === undefined ? { address: server } : {}),
    isBitbake: true,
    open: () => invocation.openBitbake(address === undefined ? { socket: path } : { address }),
  };
}

/** @throws {ClientError} if the path is too long for a socket's address */
function fittingSocket(path: string): string {
  if (new TextEncoder().encode(path).length <= MAX_SOCKET_PATH_BYTES) return path;
  throw new ClientError(
    EXIT.usage,
    `invalid value 'unix:${path}' for '--server <address>': a socket's path has at most ` +
      `${MAX_SOCKET_PATH_BYTES} bytes`,
  );
}

/** The name of the socket of BitBake's own server. */
const BITBAKE_SOCKET = "bitbake.sock";

function socketOf(address: string): string {
  const path = /^unix:(.+)$/.exec(address)?.[1];
  if (path !== undefined) return fittingSocket(path);
  throw new ClientError(
    EXIT.usage,
    `invalid value '${address}' for '--server <address>': expected unix:PATH or HOST:PORT`,
  );
}

/**
 * Finds a project's server. Connects to its socket, and probes the lock only if no server listens
 * there. The search changes nothing and does not hold the lock, so it never blocks a server that
 * starts at the same moment.
 *
 * @throws {ClientError} if the socket does not permit the connection
 * @throws {StateError} if the project's state belongs to another user
 * @throws {NoLocksError} if the project's file system does not support locks
 */
export async function findServer(place: ServerPlace): Promise<Found> {
  const { paths, socket } = place;
  if (socket !== undefined) {
    const channel = await dialNamed(place, socket);
    if (channel !== undefined) return { kind: "running", channel };
    throw new ClientError(
      EXIT.noServer,
      `cannot connect to ${place.address ?? `unix:${socket}`}: no server listens there`,
    );
  }
  const own = await place.open?.();
  if (own !== undefined) return { kind: "running", channel: own };
  checkState(paths);
  if (fileKind(paths.lock) === undefined) return { kind: "none" };
  try {
    const channel = await dialServer(paths);
    if (channel !== undefined) return { kind: "running", channel };
  } catch (error) {
    if (error instanceof BacklogError) return { kind: "between" };
    throw error;
  }
  if (LockFile.probe(paths.lock) !== "held") return { kind: "none" };
  const content = readLockContent(paths.lock);
  const isElsewhere = content?.socket !== undefined && content.namespaces !== undefined &&
    content.namespaces !== processNamespaces();
  return isElsewhere ? { kind: "elsewhere", pid: content.pid } : { kind: "between" };
}

/**
 * Connects to a socket that the user has named. Refuses a path with a link of another user, who
 * could redirect the connection.
 */
async function dialNamed(
  { open = () => connectSocket(socket) }: ServerPlace,
  socket: string,
): Promise<Channel | undefined> {
  const reason = parseAddress(socket) === undefined ? linkReason(absolutePath(socket)) : undefined;
  if (reason !== undefined) {
    throw new ClientError(EXIT.refused, `cannot use unix:${socket}: ${reason}; nothing was sent`);
  }
  try {
    return await open();
  } catch (error) {
    if (error instanceof ForeignServerError) throw foreignServer(socket, error);
    if (!(error instanceof BacklogError)) throw error;
    throw new ClientError(
      EXIT.noServer,
      `cannot connect to unix:${socket}: its server does not accept connections; ` +
        "the process may be suspended",
    );
  }
}

function linkReason(path: string): string | undefined {
  try {
    return linkDistrust(path);
  } catch (error) {
    // The connection attempt reports the error of the path.
    if (isSystemError(error)) return undefined;
    throw error;
  }
}

/** Returns the server's socket as the lock file names it. Older versions do not write it there. */
function currentSocket(paths: StatePaths): string {
  return readLockContent(paths.lock)?.socket ?? paths.oldSocket;
}

/**
 * Connects to the server of a project.
 *
 * @returns `undefined` if no process listens there
 * @throws {BacklogError} if its backlog is full
 * @throws {StateError} if another user controls the folder of its socket
 * @throws {ClientError} if the connection is not permitted
 */
export async function dialServer(paths: StatePaths): Promise<Channel | undefined> {
  const socket = readState(paths, () => currentSocket(paths));
  checkState(paths, socket);
  return await connectSocket(socket);
}

/**
 * Connects to a socket of this user.
 *
 * @returns `undefined` if no process listens there
 * @throws {BacklogError} if its backlog is full
 * @throws {ClientError} if the connection is not permitted, or another user listens there
 */
export async function connectSocket(socket: string): Promise<Channel | undefined> {
  try {
    const stream = await connectUnix(socket);
    return stream && new Channel(framed(stream), "client");
  } catch (error) {
    if (error instanceof ForeignServerError) throw foreignServer(socket, error);
    if (!(error instanceof Error) || error.name !== "PermissionDenied") throw error;
    throw new ClientError(
      EXIT.refused,
      `cannot connect to unix:${socket}: not permitted; 'simmer run --no-server' needs no server`,
    );
  }
}

function foreignServer(socket: string, { message }: ForeignServerError): ClientError {
  return new ClientError(
    EXIT.refused,
    `cannot use unix:${socket}: ${message}; nothing was sent; ` +
      "'simmer run --no-server' needs no server",
  );
}

/**
 * Connects to a project's server. Starts one if none runs.
 *
 * @throws {StateError} if there is no room for the server's files
 * @throws {NoLocksError} if the project's file system does not support locks
 * @throws {ClientError} if no server answers
 */
export async function reachServer(place: ServerPlace, options: StartOptions): Promise<Channel> {
  const found = await findServer(place);
  if (found.kind === "running") return found.channel;
  if (found.kind === "elsewhere") throw otherContainer(place, found.pid);
  const { startServer } = await import("./start_server.ts");
  try {
    return await startServer(place, options);
  } catch (error) {
    // The server may have ended at its start because there was no room for its files.
    if (error instanceof ClientError) ensureRoom(place.paths);
    throw error;
  }
}

/** Creates the error that a server in another container would itself answer. */
function otherContainer({ project }: ServerPlace, pid: number): WireError {
  const identity = { protocol: PROTOCOL, version: VERSION, pid, project };
  return new WireError("otherContainer", "The server runs in another container", identity);
}

/** Milliseconds to wait for a server that starts or ends. Applies to clients that start none. */
const BETWEEN_MS = 5000;
const BETWEEN_RETRY_MS = 50;

/**
 * Connects to a project's server if one runs. Waits up to 5 s for one that starts or ends.
 *
 * @returns `undefined` if none runs
 */
export async function reachRunning(
  place: ServerPlace,
  clock: Clock,
): Promise<Channel | undefined> {
  const found = await searchRunning(place, clock);
  return found.kind === "running" ? found.channel : undefined;
}

/**
 * Searches as {@linkcode reachRunning} does. The result is `between` if a process holds the lock
 * and does not listen for 5 s.
 */
export async function searchRunning(place: ServerPlace, clock: Clock): Promise<Found> {
  const patience = clock.monotonic() + BETWEEN_MS;
  while (true) {
    const found = await findServerOrNone(place);
    if (found.kind !== "between" || clock.monotonic() > patience) return found;
    await clock.sleep(BETWEEN_RETRY_MS);
  }
}

/** Finds a server. Without locks no server can run, so the result is then `none`. */
async function findServerOrNone(place: ServerPlace): Promise<Found> {
  try {
    return await findServer(place);
  } catch (error) {
    if (!(error instanceof NoLocksError)) throw error;
    return { kind: "none" };
  }
}
