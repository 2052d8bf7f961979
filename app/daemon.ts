/**
 * Server of a project: takes the lock, opens the log, the socket and the doors, creates the cooker
 * and the process server, and serves until the end.
 *
 * @module
 */

import { SocketFolder } from "../project/socket_folder.ts";
import { releaseLock } from "../lock/release.ts";
import { SettledBuilds } from "../cooker/settled.ts";
import { LockFile } from "../lock/lock_file.ts";
import { readLockContent } from "../lock/content.ts";
import { cacheFolderOf } from "../project/cache_place.ts";
import { type RegisteredServer, ServerRegistry } from "../project/registry.ts";
import type { Project } from "../project/root.ts";
import { ensureRoom, StateError, type StatePaths, statePaths } from "../project/state.ts";
import { type Clock, systemClock } from "../system/clock.ts";
import { removeOrphanedFiles } from "../system/files/temporary_files.ts";
import { closeInherited, descriptorLimit } from "../system/process/descriptors.ts";
import { environment, onUncaught, processId, processNamespaces } from "../system/environment.ts";
import {
  fileKind,
  isSystemError,
  joinPath,
  removeIfPresent,
  removeTree,
  writeAtomically,
} from "../system/files/files.ts";
import { LogFile } from "../system/files/log_file.ts";
import type { Logger } from "../system/logger.ts";
import { PassedDescriptors } from "../system/process/passed_descriptors.ts";
import { shedTag } from "../system/process/process_tag.ts";
import { onSignal } from "../system/process/signals.ts";
import { TcpListener } from "../system/net/tcp.ts";
import { InTheWayError, UnixListener } from "../system/net/unix_socket.ts";
import { formatAddress, type TcpAddress } from "../wire/address.ts";
import type { Door } from "../server/door.ts";
import type { ExecuteHost } from "../server/execute_host.ts";
import { stackOf } from "../server/stack.ts";
import { OwnedFiles } from "../server/owned_files.ts";
import type { CommandPolicy } from "../server/policy.ts";
import { ProcessServer } from "../server/process_server.ts";
import { residentBytes, usableMemory } from "../system/process/memory.ts";
import { isProcessAlive } from "../system/process/processes.ts";
import { taskCooker } from "./project_cooker.ts";
import { ServerLimit, type ServerLimitOptions } from "./server_limit.ts";
import type { XmlRpcDialect } from "../xmlrpc/dialect.ts";

/** Options of a project's server. */
export interface DaemonOptions {
  readonly project: Project;
  /** Idle timeout in seconds; -1: never. */
  readonly timeoutSeconds: number;
  /**
   * Limit of resident memory in bytes. Above it, the server ends when no command is in progress and
   * no controller is connected. 0: no limit.
   */
  readonly maxRssBytes: number;
  /** Decides which clients may run builds, and how many at once. */
  readonly policy: CommandPolicy;
  /**
   * Number of the user's servers above which this server asks the least recently used ones to end.
   * 0: no limit.
   */
  readonly maxServers: number;
  /** Writes the log to stderr too. */
  readonly foreground: boolean;
  /**
   * True if the client that starts this server holds the lock. The client releases it when this
   * server has created the file `starting`.
   */
  readonly lockFromClient: boolean;
  /** Address at which XML-RPC is served too; port 0: any free port. */
  readonly xmlrpc?: TcpAddress;
  /** Commands and events of XML-RPC clients; default: simmer's own. */
  readonly xmlrpcDialect?: XmlRpcDialect;
  /** Openers of additional doors. */
  readonly openDoors?: readonly DoorOpener[];
  /** Creates the host of `execute` connections; default: `execute` counts as an invalid line. */
  readonly executes?: (context: ExecuteContext) => ExecuteHost;
  /** Prepares an unused server for its first build; default: no preparation. */
  readonly warmUp?: (isUnused: () => boolean, signal: AbortSignal) => Promise<void>;
}

/** Opens a door. */
export interface DoorOpener {
  /** Beginning of the message if the door cannot be opened. The reason follows. */
  readonly name: string;
  /** True if an option requests the door. The server then does not start without it. */
  readonly isAsked: boolean;
  /**
   * Opens the door.
   *
   * @returns the reason, as text, if the door cannot be opened; `undefined` if there is none to
   *   open
   * @throws {Error} the system's error
   */
  open(context: DoorContext): Promise<Door | string | undefined>;
}

/** Parameters of a door opener. */
export interface DoorContext {
  /** Root folder of the project, absolute. */
  readonly root: string;
  /** Config file that the user has named. */
  readonly config?: string;
  readonly log: Logger;
}

/** Parameters for creating the host of `execute` connections. */
export interface ExecuteContext extends DoorContext {
  readonly clock: Clock;
  readonly server: ServerView;
  /** Holds descriptors that clients pass for their tasks. */
  readonly passed: PassedDescriptors;
}

/** State of the server that the host of `execute` connections reads directly. */
export interface ServerView {
  /**
   * True if no UI is connected that would miss the events of a build, and nothing is in progress.
   */
  readonly isAlone: boolean;
  readonly settled: SettledBuilds;
  /** Restarts the idle timeout, because the server has served a command line. */
  touch(): void;
}

/** Result of serving. */
export type Served =
  | { readonly kind: "ended"; readonly exitCode: number }
  | { readonly kind: "locked"; readonly holder: number | undefined }
  | { readonly kind: "refused"; readonly message: string };

/** Time to wait for the starting client to release the lock, in milliseconds. */
const CLIENT_LOCK_MS = 10_000;
const CLIENT_LOCK_RETRY_MS = 2;

/**
 * Serves a project until its server stops, or until SIGINT or SIGTERM.
 *
 * @returns `locked` if another server serves the project; `refused` if the state folder, the
 *   address for XML-RPC, a requested door or the socket's path cannot be used
 * @throws {Error} if the state folder, the log or the socket cannot be created
 */
export async function serveProject(options: DaemonOptions): Promise<Served> {
  closeInherited();
  shedTag();
  const { project, foreground } = options;
  const paths = statePaths(project.root);
  try {
    ensureRoom(paths);
  } catch (error) {
    if (error instanceof StateError) return { kind: "refused", message: error.message };
    throw error;
  }
  // Resources that are released here if the start fails. A started server releases them at its end.
  await using acquired = new AsyncDisposableStack();
  const lock = await takeLock(paths, options.lockFromClient);
  if (lock === undefined) {
    return { kind: "locked", holder: readLockContent(paths.lock)?.pid };
  }
  acquired.use(lock);
  const remote = options.xmlrpc && listenAt(options.xmlrpc);
  if (typeof remote === "string") return { kind: "refused", message: remote };
  acquired.defer(() => remote?.close());
  using log = LogFile.open(paths.log, { clock: systemClock, echo: foreground });
  const holder = {
    pid: processId(),
    ...(remote === undefined ? {} : { xmlrpc: remote.path }),
  };
  lock.write(holder);
  clearLeftovers(paths, log);
  const opened = await openDoors(options, { ...project, log });
  if (typeof opened === "string") return { kind: "refused", message: opened };
  acquired.defer(() => closeDoors(opened));
  const folder = acquired.use(SocketFolder.make(project.root));
  const listener = listenIn(folder);
  if (typeof listener === "string") return { kind: "refused", message: listener };
  acquired.use(listener);
  const doors = [
    ...(remote === undefined ? [] : [await xmlRpcDoor(remote, log, options.xmlrpcDialect)]),
    ...opened,
  ];
  const settled = new SettledBuilds();
  const passed = new PassedDescriptors();
  // The host of `execute` connections is created before the server that it refers to.
  let server: ProcessServer | undefined = undefined as ProcessServer | undefined;
  const view: ServerView = {
    settled,
    get isAlone(): boolean {
      return server?.isAlone === true;
    },
    touch: () => server?.touch(),
  };
  const executes = options.executes?.({
    ...project,
    log,
    clock: systemClock,
    server: view,
    passed,
  });
  // In the foreground a user watches the server, and no client can start a server with these doors.
  const isExpendable = options.lockFromClient && doors.length === 0;
  const over = new AbortController();
  let limit: ServerLimit | undefined = undefined as ServerLimit | undefined;
  server = new ProcessServer({
    cooker: taskCooker(project, paths, log, { settled, passed }),
    listener,
    policy: options.policy,
    doors,
    ...(executes === undefined ? {} : { executes }),
    clock: systemClock,
    log,
    project,
    lockPath: paths.lock,
    files: new OwnedFiles([paths.lock, folder.socket], systemClock),
    timeoutSeconds: options.timeoutSeconds,
    ...(options.maxRssBytes === 0 ? {} : { maxRssBytes: options.maxRssBytes }),
    maxConnections: maxConnections(),
    isExpendable,
    onRest: (usedAt) => limit?.rested(usedAt),
    processName: "Cooker",
    onBeat: () => lock.touch(systemClock.now()),
    releaseLock: async () => {
      // If the lock file is gone, another server may already own the folder.
      if (lock.isInPlace()) folder[Symbol.dispose]();
      await releaseLock(lock, { clock: systemClock, log, pid: processId() });
    },
  });
  const namespaces = processNamespaces();
  // From here on, clients find the socket and connect. It already listens.
  lock.write({
    ...holder,
    socket: folder.socket,
    ...(namespaces === undefined ? {} : { namespaces }),
  });
  acquired.move();
  const own = {
    ...project,
    pid: processId(),
    usedAt: server.usedAt,
    ...(isExpendable ? {} : { isKept: true as const }),
  };
  using registration = register(own, log);
  limit = limitOf(options, registration.registry, own, log);
  const limiting = limit?.run(over.signal).catch((error: unknown) => {
    log.log("error", `Limiting the servers failed: ${stackOf(error)}`);
  });
  const warming = options.warmUp?.(() => server.isUnused, over.signal).catch((error: unknown) => {
    log.log("warn", `Warming up failed: ${stackOf(error)}`);
  });
  const exitCode = await untilSignalled(server);
  over.abort();
  await Promise.all([warming, limiting]);
  return { kind: "ended", exitCode };
}

/** Limits connections to a quarter of the descriptors. Tasks, watches and files need the others. */
function maxConnections(): number {
  return Math.max(1, Math.floor((descriptorLimit() ?? Infinity) / 4));
}

/** Sockets of older versions in the state folder. */
const OLD_SOCKETS = ["server.sock", "server.sock.new", "express.sock", "express.sock.new"];
/** Folders of older versions in the state folder: named pipes, and unfinished outputs. */
const OLD_FOLDERS = ["thin", "aside"];

/** Removes a file. A folder of that name was not created by simmer, so it stays. */
function removeFile(path: string): void {
  if (fileKind(path) !== "folder") removeIfPresent(path);
}

/**
 * Removes temporary files of killed processes and files of older versions. A failure does not
 * prevent the start.
 */
function clearLeftovers({ dir, staging }: StatePaths, log: Logger): void {
  const attempt = (work: () => void): void => {
    try {
      work();
    } catch (error) {
      if (!isSystemError(error)) throw error;
      log.log("warn", `Cannot remove temporary files: ${error.message}`);
    }
  };
  for (const folder of [dir, staging]) attempt(() => removeOrphanedFiles(folder));
  for (const name of OLD_SOCKETS) attempt(() => removeFile(joinPath(dir, name)));
  for (const name of OLD_FOLDERS) attempt(() => removeTree(joinPath(dir, name)));
}

/** This server's entry in the user's registry, until it is disposed. */
interface Registration extends Disposable {
  /** Absent: the user has no cache folder. */
  readonly registry: ServerRegistry | undefined;
}

/**
 * Lists this server in the user's registry until the result is disposed. A failure is only logged.
 */
function register(entry: RegisteredServer, log: Logger): Registration {
  // The registry is in the cache folder of the client that has started this server.
  const cache = cacheFolderOf(environment());
  const registry = cache === undefined ? undefined : new ServerRegistry(cache);
  const attempt = (work: () => void): void => {
    try {
      work();
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      log.log("warn", `'simmer status --all' does not list this server: ${error.message}`);
    }
  };
  attempt(() => registry?.add(entry));
  return { registry, [Symbol.dispose]: () => attempt(() => registry?.remove(entry)) };
}

function limitOf(
  { maxServers }: DaemonOptions,
  registry: ServerRegistry | undefined,
  own: ServerLimitOptions["own"],
  log: Logger,
): ServerLimit | undefined {
  if (maxServers === 0 || registry === undefined) return undefined;
  return new ServerLimit({
    registry,
    own,
    maxServers,
    clock: systemClock,
    log,
    platform: {
      isAlive: isProcessAlive,
      residentBytes,
      usableMemory,
      // Most servers never ask another one.
      retire: async (root, request) => {
        const { retireServer } = await import("../client/connect/retire_server.ts");
        return await retireServer(root, request);
      },
    },
  });
}

/** @returns the reason, as text, if a requested door cannot be opened; all doors are closed then */
async function openDoors(
  { openDoors = [] }: DaemonOptions,
  context: DoorContext,
): Promise<readonly Door[] | string> {
  const opened: Door[] = [];
  for (const opener of openDoors) {
    const door = await openDoor(opener, context);
    if (typeof door !== "string") {
      if (door !== undefined) opened.push(door);
    } else if (opener.isAsked) {
      await closeDoors(opened);
      return door;
    } else {
      context.log.log("warn", `${opener.name}: ${door}`);
    }
  }
  return opened;
}

/** @returns the reason, as text, if the door cannot be opened */
async function openDoor(
  opener: DoorOpener,
  context: DoorContext,
): Promise<Door | string | undefined> {
  try {
    return await opener.open(context);
  } catch (error) {
    if (!(error instanceof InTheWayError || isSystemError(error))) throw error;
    return opener.isAsked ? `${opener.name}: ${error.message}` : error.message;
  }
}

async function closeDoors(doors: readonly Door[]): Promise<void> {
  for (const door of doors) {
    door.listener.close();
    await door.close();
  }
}

/** @returns the reason, as text, if the socket cannot be created */
function listenIn({ socket }: SocketFolder): UnixListener | string {
  try {
    return UnixListener.listen(socket);
  } catch (error) {
    if (error instanceof InTheWayError) return error.message;
    throw error;
  }
}

/** @returns the reason, as text, if the address cannot be used */
function listenAt(address: TcpAddress): TcpListener | string {
  try {
    return TcpListener.listen(address);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return `cannot serve XML-RPC at ${formatAddress(address)}: ${error.message}; ` +
      "port 0 selects any free port";
  }
}

/** Creates the XML-RPC door. Its module is loaded only on request. */
async function xmlRpcDoor(
  listener: TcpListener,
  log: LogFile,
  dialect: XmlRpcDialect | undefined,
): Promise<Door> {
  const { XmlRpcDoor } = await import("../xmlrpc/door.ts");
  const options = { listener, clock: systemClock, log };
  return new XmlRpcDoor(dialect === undefined ? options : { ...options, dialect });
}

/**
 * Takes the server's lock. It retries, because another client may hold the lock for a moment to
 * probe it.
 */
async function takeLock(paths: StatePaths, lockFromClient: boolean): Promise<LockFile | undefined> {
  if (!lockFromClient) return await LockFile.acquire(paths.lock);
  writeAtomically(paths.starting, `${processId()}\n`);
  try {
    const wait = { timeoutMs: CLIENT_LOCK_MS };
    return await LockFile.acquire(paths.lock, { wait, retryMs: CLIENT_LOCK_RETRY_MS });
  } finally {
    removeIfPresent(paths.starting);
  }
}

async function untilSignalled(server: ProcessServer): Promise<number> {
  let exitCode = 0;
  const stopAt = (signal: "SIGINT" | "SIGTERM", code: number): Disposable =>
    onSignal(signal, () => {
      // The second signal ends the tasks without a grace period.
      server.stop(signal, exitCode === 0 ? "now" : "force");
      exitCode = code;
    });
  using _interrupt = stopAt("SIGINT", 130);
  using _terminate = stopAt("SIGTERM", 143);
  // The server survives the end of the terminal in which it was started.
  using _hangup = onSignal("SIGHUP", () => {});
  using _uncaught = onUncaught((error) => server.uncaught(error));
  const { isClean } = await server.serve();
  return exitCode === 0 && !isClean ? 70 : exitCode;
}
