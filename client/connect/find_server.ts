/**
 * Finding the server of a project (R21), the short way that every command takes. Where it has to be
 * started or waited for, `starter.ts` is loaded.
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
import type { ByteStream } from "../../system/net/streams.ts";
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

/** A project and where its server is to be found. */
export interface ServerPlace {
  readonly project: Project;
  readonly paths: StatePaths;
  /** A socket that was named (`--server`): no other is looked for, and no server is started. */
  readonly socket?: string;
  /** The address that was named, if it is no socket's. */
  readonly address?: string;
  /** Opens the named socket where it speaks another dialect; or the way to this very process. */
  readonly open?: () => Promise<ByteStream | undefined>;
  /** Whether the named server is BitBake's own. */
  readonly isBitbake?: true;
}

/** Result of the search for a server. */
type Found =
  | { readonly kind: "running"; readonly stream: ByteStream }
  | { readonly kind: "none" }
  /** A process holds the lock and does not accept connections: a server starts, ends, or is stuck. */
  | { readonly kind: "between" }
  /** A server holds the lock whose socket cannot be seen from here. */
  | { readonly kind: "elsewhere"; readonly pid: number };

/** What is needed to start a server. */
export interface StartOptions extends ServerLimits {
  /** The words that run simmer; default: those that run this program. */
  readonly program?: readonly string[];
  /** The environment that it is started in. */
  readonly env: Readonly<Record<string, string>>;
  readonly clock: Clock;
  /** Where a server that is started serves XML-RPC too, as `--xmlrpc` has it. */
  readonly xmlrpc?: string;
  /** Whether a server that is started serves BitBake's own clients too; default: `false`. */
  readonly bitbake?: boolean;
  readonly say: (text: string) => void;
  /** Says what a person must know even under `--quiet`; default: `say`. */
  readonly warn?: (text: string) => void;
  /** When the client started, by the monotonic clock; default: when it begins to look. */
  readonly startedAt?: number;
  /** How long the client has waited; default: one that begins now. */
  readonly patience?: Patience;
  /** Ends the waiting; the promise then rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/**
 * The place that an invocation means.
 *
 * @throws {WireError} `projectError` where there is no project
 */
export function serverPlace(invocation: Invocation, values: CommonValues): ServerPlace {
  if (values.server !== undefined) {
    const foreign = foreignPlace(invocation, values.server);
    if (foreign !== undefined) return foreign;
  }
  // A config file is meant from the folder of the call, wherever the tasks run.
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

/** The place of BitBake's own server, whose project is none of ours; or `undefined`. */
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

/** @throws {ClientError} if a socket can't have that path: it has to fit into its address */
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
    `invalid value '${address}' for '--server <address>': it is unix:PATH or HOST:PORT`,
  );
}

/**
 * Looks for a project's server: connects to its socket, and probes the lock only if no server
 * listens there. The search changes nothing and keeps no lock, so it never refuses a server that
 * starts at the same moment.
 *
 * @throws {ClientError} if the socket does not permit the connection
 * @throws {StateError} if the project's state is another user's
 * @throws {NoLocksError} if the project's file system has no locks
 */
export async function findServer(place: ServerPlace): Promise<Found> {
  const { paths, socket } = place;
  if (socket !== undefined) {
    const stream = await dialNamed(place, socket);
    if (stream !== undefined) return { kind: "running", stream };
    throw new ClientError(
      EXIT.noServer,
      `cannot connect to ${place.address ?? `unix:${socket}`}: no server listens there`,
    );
  }
  const own = await place.open?.();
  if (own !== undefined) return { kind: "running", stream: own };
  checkState(paths);
  if (fileKind(paths.lock) === undefined) return { kind: "none" };
  try {
    const stream = await dialServer(paths);
    if (stream !== undefined) return { kind: "running", stream };
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

/** Connects to a socket that the user has named: no link of another user may decide where it is. */
async function dialNamed(
  { open = () => dial(socket) }: ServerPlace,
  socket: string,
): Promise<ByteStream | undefined> {
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
      `cannot connect to unix:${socket}: its server does not accept connections; it may be stopped`,
    );
  }
}

function linkReason(path: string): string | undefined {
  try {
    return linkDistrust(path);
  } catch (error) {
    // Connecting says what is wrong with the path.
    if (isSystemError(error)) return undefined;
    throw error;
  }
}

/** Where the server of a project listens, as its lock file says; older versions do not say it. */
function currentSocket(paths: StatePaths): string {
  return readLockContent(paths.lock)?.socket ?? paths.oldSocket;
}

/**
 * Connects to the server of a project.
 *
 * @returns `undefined` if no process listens there
 * @throws {BacklogError} if its backlog is full
 * @throws {StateError} if another user decides over the folder of its socket
 * @throws {ClientError} if it is not allowed
 */
export async function dialServer(paths: StatePaths): Promise<ByteStream | undefined> {
  const socket = readState(paths, () => currentSocket(paths));
  checkState(paths, socket);
  return await dial(socket);
}

/**
 * Connects to a socket of this user.
 *
 * @returns `undefined` if no process listens there
 * @throws {BacklogError} if its backlog is full
 * @throws {ClientError} if it is not allowed, or another user listens there
 */
export async function dial(socket: string): Promise<ByteStream | undefined> {
  try {
    return await connectUnix(socket);
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
 * Connects to a project's server, starting one where none runs.
 *
 * @throws {StateError} where a server has no place for its files
 * @throws {NoLocksError} where the project's file system has no locks
 * @throws {ClientError} where no server answers
 */
export async function reachServer(place: ServerPlace, options: StartOptions): Promise<ByteStream> {
  const found = await findServer(place);
  if (found.kind === "running") return found.stream;
  if (found.kind === "elsewhere") throw otherContainer(place, found.pid);
  const { startServer } = await import("./start_server.ts");
  try {
    return await startServer(place, options);
  } catch (error) {
    // A server that ended as it started may have had no room for its files.
    if (error instanceof ClientError) ensureRoom(place.paths);
    throw error;
  }
}

/** The refusal of a server in another container, which would say the same itself. */
function otherContainer({ project }: ServerPlace, pid: number): WireError {
  const identity = { protocol: PROTOCOL, version: VERSION, pid, project };
  return new WireError("otherContainer", "The server runs in another container", identity);
}

/** Milliseconds for which a server that starts or ends is waited for by those who start none. */
const BETWEEN_MS = 5000;
const BETWEEN_RETRY_MS = 50;

/**
 * Connects to a project's server where one runs; one that starts or ends is waited for shortly.
 *
 * @returns `undefined` where none runs
 */
export async function reachRunning(
  place: ServerPlace,
  clock: Clock,
): Promise<ByteStream | undefined> {
  const found = await searchRunning(place, clock);
  return found.kind === "running" ? found.stream : undefined;
}

/** As {@linkcode reachRunning}; `between` if a process holds the lock and does not listen for 5 s. */
export async function searchRunning(place: ServerPlace, clock: Clock): Promise<Found> {
  const patience = clock.monotonic() + BETWEEN_MS;
  while (true) {
    const found = await findServerOrNone(place);
    if (found.kind !== "between" || clock.monotonic() > patience) return found;
    await clock.sleep(BETWEEN_RETRY_MS);
  }
}

/** Where there are no locks no server can run. */
async function findServerOrNone(place: ServerPlace): Promise<Found> {
  try {
    return await findServer(place);
  } catch (error) {
    if (!(error instanceof NoLocksError)) throw error;
    return { kind: "none" };
  }
}
