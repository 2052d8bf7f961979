/**
 * The server of a project: lock, state folder, log, socket, cooker and process server put together.
 *
 * @module
 */

import { SocketFolder } from "../project/socket_folder.ts";
import { bidFarewell } from "../lock/release.ts";
import { SettledBuilds } from "../cooker/settled.ts";
import { LockFile } from "../lock/lock_file.ts";
import { readLockContent } from "../lock/content.ts";
import { cacheFolderOf } from "../project/cache_place.ts";
import { ServerRegistry } from "../project/registry.ts";
import type { Project } from "../project/root.ts";
import { ensureRoom, StateError, type StatePaths, statePaths } from "../project/state.ts";
import { type Clock, systemClock } from "../system/clock.ts";
import { removeLeftAside } from "../system/files/aside.ts";
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
import { shedMark } from "../system/process/process_mark.ts";
import { onSignal } from "../system/process/signals.ts";
import { TcpListener } from "../system/net/tcp.ts";
import { InTheWayError, UnixListener } from "../system/net/unix_socket.ts";
import { formatAddress, type TcpAddress } from "../wire/address.ts";
import type { Door } from "../server/door.ts";
import type { ExecuteHost } from "../server/execute_host.ts";
import { stackOf } from "../server/stack.ts";
import { OwnedFiles } from "../server/owned_files.ts";
import { ProcessServer } from "../server/process_server.ts";
import { taskCooker } from "./project_cooker.ts";
import type { XmlRpcDialect } from "../xmlrpc/dialect.ts";

/** How a project is served. */
export interface DaemonOptions {
  readonly project: Project;
  /** Seconds without a UI after which it ends; -1: never. */
  readonly timeoutSeconds: number;
  /** Bytes of resident memory with which it ends when nothing is in progress; 0: any. */
  readonly maxRssBytes: number;
  /** Whether the log goes to stderr too. */
  readonly foreground: boolean;
  /** Whether the client that starts this server holds the lock until it is told. */
  readonly handover: boolean;
  /** Where XML-RPC is served too; port 0: any that is free. */
  readonly xmlrpc?: TcpAddress;
  /** What XML-RPC clients mean and are told; default: simmer's own commands and events. */
  readonly xmlrpcDialect?: XmlRpcDialect;
  /** Opens other doors; one may say why it can't, or that there is none. */
  readonly openDoors?: readonly DoorOpener[];
  /** Makes the host of command lines; default: none is taken. */
  readonly executes?: (context: ExecuteContext) => ExecuteHost;
  /** Prepares a server that nobody uses yet for its first build; default: nothing does. */
  readonly warmUp?: (isUnused: () => boolean, signal: AbortSignal) => Promise<void>;
}

/** Opens a door. */
export interface DoorOpener {
  /** What the log says if it cannot be opened, before the reason. */
  readonly name: string;
  /** Whether an option asks for it: then the server is refused if it cannot be opened. */
  readonly isAsked: boolean;
  /**
   * Opens it.
   *
   * @returns the reason, as text, if it cannot be opened; `undefined` if there is none to open
   * @throws {Error} what the system says
   */
  open(context: DoorContext): Promise<Door | string | undefined>;
}

/** What another door is opened with. */
export interface DoorContext {
  /** The project's root folder, absolute. */
  readonly root: string;
  /** The config file that was named. */
  readonly config?: string;
  readonly log: Logger;
}

/** What a host of command lines is made with. */
export interface ExecuteContext extends DoorContext {
  readonly clock: Clock;
  readonly server: ServerView;
  /** Where descriptors that clients pass are kept for their tasks. */
  readonly passed: PassedDescriptors;
}

/** What a host of command lines may know of the server without asking it as a client. */
export interface ServerView {
  /** Whether nobody else is there who would miss a build's events. */
  readonly isAlone: boolean;
  readonly settled: SettledBuilds;
  /** Notes that the server was of use. */
  touch(): void;
}

/** How serving ended. */
export type Served =
  | { readonly kind: "ended"; readonly exitCode: number }
  | { readonly kind: "locked"; readonly holder: number | undefined }
  | { readonly kind: "refused"; readonly message: string };

/** Milliseconds that a started server waits for the lock of its client. */
const HANDOVER_MS = 10_000;
const HANDOVER_RETRY_MS = 2;

/**
 * Serves a project until its time is over, or until SIGINT or SIGTERM.
 *
 * @returns `locked` where another server serves the project, `refused` where the state can't be
 *   kept, or the address for XML-RPC, or the socket's place, can't be had
 * @throws {Error} where the state folder, the log or the socket can't be made
 */
export async function serveProject(options: DaemonOptions): Promise<Served> {
  closeInherited();
  shedMark();
  const { project, foreground } = options;
  const paths = statePaths(project.root);
  try {
    ensureRoom(paths);
  } catch (error) {
    if (error instanceof StateError) return { kind: "refused", message: error.message };
    throw error;
  }
  // What is given back if the server does not come to be; after that, it does so at its end.
  await using acquired = new AsyncDisposableStack();
  const lock = await takeLock(paths, options.handover);
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
  // The host of command lines stands before the server does.
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
  server = new ProcessServer({
    cooker: taskCooker(project, paths, log, { settled, passed }),
    listener,
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
    processName: "Cooker",
    onBeat: () => lock.touch(systemClock.now()),
    farewell: async () => {
      // Where the lock file is gone, another server may have made the folder its own.
      if (lock.isInPlace()) folder[Symbol.dispose]();
      await bidFarewell(lock, { clock: systemClock, log, pid: processId() });
    },
  });
  const namespaces = processNamespaces();
  // Clients connect as soon as the file names the socket, which listens already.
  lock.write({
    ...holder,
    socket: folder.socket,
    ...(namespaces === undefined ? {} : { namespaces }),
  });
  acquired.move();
  using _entry = register(project, log);
  const over = new AbortController();
  const warming = options.warmUp?.(() => server.isUnused, over.signal).catch((error: unknown) => {
    log.log("warn", `Warming up failed: ${stackOf(error)}`);
  });
  const exitCode = await untilSignalled(server);
  over.abort();
  await warming;
  return { kind: "ended", exitCode };
}

/** A quarter of the descriptors is for connections: tasks, watches and files need the others. */
function maxConnections(): number {
  return Math.max(1, Math.floor((descriptorLimit() ?? Infinity) / 4));
}

/** Sockets and pipes of older versions, in the state folder. */
const OLD_SOCKETS = ["server.sock", "server.sock.new", "express.sock", "express.sock.new"];
const OLD_PIPES = "thin";

/** A folder of that name is somebody's, and stays. */
function removeFile(path: string): void {
  if (fileKind(path) !== "folder") removeIfPresent(path);
}

/** Removes what killed processes and older versions left; it keeps no server from starting. */
function clearLeftovers({ dir, aside }: StatePaths, log: Logger): void {
  const attempt = (work: () => void): void => {
    try {
      work();
    } catch (error) {
      if (!isSystemError(error)) throw error;
      log.log("warn", `Cannot remove temporary files: ${error.message}`);
    }
  };
  for (const folder of [dir, aside]) attempt(() => removeLeftAside(folder));
  // Older versions had their sockets, and the named pipe of a shell client, inside the project.
  for (const name of OLD_SOCKETS) attempt(() => removeFile(joinPath(dir, name)));
  attempt(() => removeTree(joinPath(dir, OLD_PIPES)));
}

/** Has the user's registry name this server until it is disposed of; without one it does, too. */
function register(project: Project, log: Logger): Disposable {
  // The list of servers is in the cache of the client that has started this one.
  const cache = cacheFolderOf(environment());
  const entry = { ...project, pid: processId() };
  const attempt = (work: (registry: ServerRegistry) => void): void => {
    try {
      if (cache !== undefined) work(new ServerRegistry(cache));
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      log.log("warn", `'simmer status --all' does not know of this server: ${error.message}`);
    }
  };
  attempt((registry) => registry.add(entry));
  return { [Symbol.dispose]: () => attempt((registry) => registry.remove(entry)) };
}

/** @returns why one can't be opened, as text; none is open then */
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

/** @returns why it can't be opened, as text */
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

/** @returns why it can't be listened there, as text */
function listenIn({ socket }: SocketFolder): UnixListener | string {
  try {
    return UnixListener.listen(socket);
  } catch (error) {
    if (error instanceof InTheWayError) return error.message;
    throw error;
  }
}

/** @returns why it can't be listened there, as text */
function listenAt(address: TcpAddress): TcpListener | string {
  try {
    return TcpListener.listen(address);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return `cannot serve XML-RPC at ${formatAddress(address)}: ${error.message}; ` +
      "port 0 takes any that is free";
  }
}

/** Loaded only where it is asked for. */
async function xmlRpcDoor(
  listener: TcpListener,
  log: LogFile,
  dialect: XmlRpcDialect | undefined,
): Promise<Door> {
  const { XmlRpcDoor } = await import("../xmlrpc/door.ts");
  const options = { listener, clock: systemClock, log };
  return new XmlRpcDoor(dialect === undefined ? options : { ...options, dialect });
}

/** Takes the server's lock with retries, which outlast the moment for which a probe holds it. */
async function takeLock(paths: StatePaths, handover: boolean): Promise<LockFile | undefined> {
  if (!handover) return await LockFile.acquire(paths.lock);
  writeAtomically(paths.starting, `${processId()}\n`);
  try {
    const wait = { timeoutMs: HANDOVER_MS };
    return await LockFile.acquire(paths.lock, { wait, retryMs: HANDOVER_RETRY_MS });
  } finally {
    removeIfPresent(paths.starting);
  }
}

async function untilSignalled(server: ProcessServer): Promise<number> {
  let exitCode = 0;
  const stopAt = (signal: "SIGINT" | "SIGTERM", code: number): Disposable =>
    onSignal(signal, () => {
      // The second signal takes the tasks' grace away.
      server.stop(signal, exitCode === 0 ? "now" : "force");
      exitCode = code;
    });
  using _interrupt = stopAt("SIGINT", 130);
  using _terminate = stopAt("SIGTERM", 143);
  // The terminal that it was started from may go.
  using _hangup = onSignal("SIGHUP", () => {});
  using _uncaught = onUncaught((error) => server.uncaught(error));
  const { isClean } = await server.serve();
  return exitCode === 0 && !isClean ? 70 : exitCode;
}
