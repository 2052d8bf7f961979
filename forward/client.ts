/**
 * Sends a command line to a running server. This process then only carries bytes and signals.
 *
 * If a server runs, `simmer run` loads little more than this module. It imports as little as
 * possible, because its load time delays every run.
 *
 * The exchange has two phases, so that a request is never run after the client has given it up:
 *
 * ```
 * client                                    server
 * execute            ─────────────────────▶ version, project and namespaces fit?
 *                    ◀───────────────────── accepted (nothing has begun), or refused
 * go                 ─────────────────────▶ the command begins
 * signals, sizes     ─────────────────────▶
 *                    ◀───────────────────── stdout, stderr, exit
 * ```
 *
 * Before `accepted`, signals end the client as they end any program, and the whole client takes
 * over after {@linkcode ACCEPT_MS}. After `go`, the whole client takes over only if the server
 * replies with `refused`, which says that it has not begun.
 *
 * @module
 */

import { connectToOwn, folderDistrust, ForeignServerError } from "../system/net/own_server.ts";
import { isReaderGone, outputLostText } from "../system/output_failure.ts";
import type { RawTerminal } from "./raw_terminal.ts";
import {
  type CommandLine,
  executeFrame,
  FRAME,
  frame,
  FrameReader,
  type IncomingFrame,
  type TerminalStreams,
} from "./protocol.ts";

/** State folder of a project, and its lock file, which names the server's socket. */
const STATE_FOLDER = ".simmer";
const LOCK = "lock";
const SOCKET_LINE = /^unix:(.+)$/m;

/** Timeout for the server's `accepted`, in milliseconds. After it, the whole client takes over. */
const ACCEPT_MS = 2000;

/** Result of a command line that a server has run. */
type ForwardEnd =
  | { readonly kind: "exit"; readonly code: number }
  /** The server ended before the command that it had begun. */
  | { readonly kind: "lost" };

/** Signals that end a program, with exit codes. The fourth such signal ends this process. */
const ENDING = [["SIGINT", 130], ["SIGQUIT", 131], ["SIGTERM", 143]] as const;
/** Other signals that are passed on to the server. */
const PASSED = ["SIGHUP", "SIGUSR1", "SIGUSR2", "SIGALRM", "SIGWINCH", "SIGCONT"] as const;
/** The same as in `wire/signals.ts`: equal signals of {@linkcode ENDING} count as one. */
const REPEAT_MS = 200;
/** Exit codes, the same as in `client/errors.ts`. */
const INTERRUPTED = 130;
const BROKEN_PIPE = 141;
const OUTPUT_LOST = 74;

/** Names of config files. The nearest folder upwards with one is the project or a member of it. */
const CONFIGS = ["deno.json", "deno.jsonc", "package.json", "pnpm-workspace.yaml"] as const;

/** Limit of a config file's size. Larger ones are ignored here. */
const MAX_CONFIG_BYTES = 1024 * 1024;

/** Payload of a frame that asks for keys. */
const TAKE = 0x31;

const encoder = new TextEncoder();

/**
 * Lets a server run this process's command line.
 *
 * @returns `undefined` if no server has run it, so that the caller must
 */
export async function forward(version: string): Promise<ForwardEnd | undefined> {
  const cwd = workingFolder();
  if (cwd === undefined) return undefined;
  const terminal = terminalStreams();
  let request: Uint8Array<ArrayBuffer> | undefined;
  for (const root of possibleRoots(cwd)) {
    const socket = trustedSocket(`${root}/${STATE_FOLDER}`);
    if (socket === undefined) continue;
    const connecting = connect(socket);
    // The kernel connects in the meantime.
    request ??= requestFrame(version, { args: Deno.args, env: environment(), cwd, terminal });
    const connection = await connecting;
    if (connection === undefined) continue;
    const frames = new Frames(connection);
    if (await isAccepted(connection, request, frames)) {
      return await carry(connection, frames, terminal);
    }
  }
  return undefined;
}

/**
 * Yields the folders that can be the project's root: the nearest folder with a config, then the
 * folders above it whose config mentions a workspace. The server refuses command lines of other
 * projects, so it decides if a workspace lists the folder. The folders above are checked only if no
 * server of the nearest one accepts: a failed check costs 0.1 ms.
 */
function* possibleRoots(cwd: string): Generator<string> {
  let isInside = false;
  for (let folder = cwd;; folder = folder.slice(0, folder.lastIndexOf("/"))) {
    const paths = CONFIGS.map((name) => `${folder}/${name}`);
    if (isInside ? paths.some(mentionsWorkspace) : paths.some(isFile)) {
      yield folder;
      isInside = true;
    }
    if (folder === "") return;
  }
}

function isFile(path: string): boolean {
  return orAbsent(() => Deno.statSync(path).isFile) ?? false;
}

/** The file that makes a folder the root of a workspace, whatever its contents are. */
const PNPM_WORKSPACE = "pnpm-workspace.yaml";

/** The size is limited, and only regular files are read: a named pipe would block. */
function mentionsWorkspace(path: string): boolean {
  if (path.endsWith(PNPM_WORKSPACE)) return isFile(path);
  return orAbsent(() => {
    const { isFile, size } = Deno.statSync(path);
    return isFile && size <= MAX_CONFIG_BYTES &&
      Deno.readTextFileSync(path).includes('"workspace');
  }) ?? false;
}

/**
 * Returns the result of a file system access, or `undefined` if it fails. The whole client then
 * reports the reason.
 */
function orAbsent<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (error) {
    if (error instanceof Error) return undefined;
    throw error;
  }
}

/**
 * Returns the socket that the lock file in a state folder names. Returns `undefined` if another
 * user controls one of the two folders.
 */
function trustedSocket(state: string): string | undefined {
  return orAbsent(() => {
    if (folderDistrust(state) !== undefined) return undefined;
    const socket = SOCKET_LINE.exec(Deno.readTextFileSync(`${state}/${LOCK}`))?.[1];
    const folder = socket?.slice(0, socket.lastIndexOf("/"));
    return folder === undefined || folderDistrust(folder) !== undefined ? undefined : socket;
  });
}

/** @returns `undefined` if no server of this user accepts connections at the path */
async function connect(path: string): Promise<Deno.UnixConn | undefined> {
  try {
    return await connectToOwn(path);
  } catch (error) {
    // The whole client checks again, and handles each reason.
    if (error instanceof ForeignServerError || isSystemError(error)) return undefined;
    throw error;
  }
}

function isSystemError(error: unknown): boolean {
  return error instanceof Error &&
    (error.message.includes("(os error") ||
      Object.values(Deno.errors).some((each) => error instanceof each));
}

function requestFrame(version: string, line: CommandLine): Uint8Array<ArrayBuffer> {
  // Same value as `processNamespaces`, without loading its module.
  const namespaces = orAbsent(() =>
    ["pid", "mnt"].map((name) => Deno.readLinkSync(`/proc/self/ns/${name}`)).join(" ")
  );
  const size = isSeen(line.terminal) ? terminalSize() : undefined;
  return executeFrame({
    ...line,
    version,
    pid: Deno.pid,
    namespaces: namespaces ?? "",
    columns: size?.columns ?? 0,
    rows: size?.rows ?? 0,
    // The server opens or takes this process's stdin by its process id.
    passed: [],
  });
}

/** Returns all variables, sorted. Deno's order differs between processes. */
function environment(): Record<string, string> {
  return Object.fromEntries(Object.entries(processVariables()).sort(([a], [b]) => a < b ? -1 : 1));
}

/** Variables that a Node parent sets for a child with an IPC channel. */
const NODE_IPC = /(?:^|\0)(NODE_CHANNEL_(?:FD|SERIALIZATION_MODE))=([^\0]*)/g;

/**
 * Returns the variables that this process was started with. Deno removes those of Node's IPC from
 * its environment, but tasks need them to use the channel, as under npm.
 */
export function processVariables(): Record<string, string> {
  const variables = Deno.env.toObject();
  const initial = orAbsent(() => Deno.readTextFileSync("/proc/self/environ"));
  if (initial?.includes("NODE_CHANNEL_FD=")) {
    for (const [, name = "", value = ""] of initial.matchAll(NODE_IPC)) variables[name] ??= value;
  }
  return variables;
}

/**
 * Offers the command line. Closes the connection if the server does not accept it in time. The
 * server then drops the request.
 */
async function isAccepted(
  connection: Deno.UnixConn,
  request: Uint8Array,
  frames: Frames,
): Promise<boolean> {
  const sent = writeAll(connection, request);
  // The server reads while the timer is created, which takes 0.4 ms.
  const deadline = AbortSignal.timeout(Math.max(0, ACCEPT_MS - performance.now()));
  let isOpen = true;
  const close = (): void => {
    if (isOpen) connection.close();
    isOpen = false;
  };
  deadline.addEventListener("abort", close);
  try {
    const [, first] = await Promise.all([sent, frames.next()]);
    if (first?.type === FRAME.accepted && isOpen) return true;
  } catch (error) {
    if (!isConnectionEnd(error)) throw error;
  } finally {
    deadline.removeEventListener("abort", close);
  }
  close();
  return false;
}

/** Sends `go`, and then carries signals and output until the command ends. */
async function carry(
  connection: Deno.UnixConn,
  frames: Frames,
  terminal: TerminalStreams,
): Promise<ForwardEnd | undefined> {
  /** Sends a frame. Failed writes are ignored: the read detects the end of the connection. */
  const send: Send = async (type, payload) => {
    try {
      await connection.write(frame(type, payload));
    } catch (error) {
      if (!isConnectionEnd(error)) throw error;
    }
  };
  send(FRAME.go);
  const screen = new ScreenRestoration();
  const keyboard = new Keyboard(send, screen);
  // The server already works in the meantime.
  passSignalsOn(send, terminal, keyboard);
  try {
    for (let next = await frames.next(); next !== undefined; next = await frames.next()) {
      const { type, payload } = next;
      keyboard.answered();
      if (type === FRAME.refused) return undefined;
      if (type === FRAME.exit) return { kind: "exit", code: payload[0] ?? 0 };
      if (type === FRAME.keyboard || type === FRAME.suspend) {
        await keyboard.obey(next);
        continue;
      }
      if (type === FRAME.restoration) {
        screen.set(payload);
        continue;
      }
      const stream = type === FRAME.stdout ? "stdout" : "stderr";
      try {
        await writeAll(Deno[stream], payload);
      } catch (error) {
        if (isReaderGone(error) && isHungUp(terminal)) {
          // SIGHUP may arrive later. The tasks end without a terminal.
          hangUp(send);
          continue;
        }
        // The end of this process cancels the command in the server.
        return { kind: "exit", code: await outputLost(stream, error) };
      }
    }
  } catch (error) {
    if (!isConnectionEnd(error)) throw error;
  } finally {
    keyboard.release();
  }
  screen.restore();
  return { kind: "lost" };
}

/** Text that restores the screen when the program that has drawn on it cannot. */
export class ScreenRestoration {
  #bytes: Uint8Array<ArrayBuffer> = new Uint8Array();

  /** Sets the text. It is empty if none is needed. */
  set(text: string | Uint8Array): void {
    this.#bytes = typeof text === "string" ? encoder.encode(text) : text.slice();
  }

  /** Writes the text to stderr. */
  restore(): void {
    try {
      for (let at = 0; at < this.#bytes.length;) at += Deno.stderr.writeSync(this.#bytes.slice(at));
    } catch (error) {
      // A terminal that is gone need not be restored.
      if (!(error instanceof Error)) throw error;
    }
  }
}

/** Sends a frame. */
type Send = (type: number, payload?: string | Uint8Array) => Promise<void>;

/** The keyboard, while the server asks for keys. Its code is loaded on first use. */
class Keyboard {
  readonly #send: Send;
  readonly #screen: ScreenRestoration;
  #terminal: RawTerminal | undefined;

  constructor(send: Send, screen: ScreenRestoration) {
    this.#send = send;
    this.#screen = screen;
  }

  /** Carries out a frame of the server. */
  async obey({ type, payload }: IncomingFrame): Promise<void> {
    if (type === FRAME.suspend) return await this.suspend();
    if (payload[0] !== TAKE) return this.release();
    if (this.#terminal === undefined) {
      // The specifier is no literal: Deno loads modules of literal imports before a program starts.
      const url = import.meta.resolve("./raw_terminal.ts");
      const { RawTerminal } = await import(url) as typeof import("./raw_terminal.ts");
      this.#terminal = new RawTerminal();
    }
    this.#terminal.take((keys) => void this.#send(FRAME.keys, keys), () => {
      this.quit(INTERRUPTED);
    });
  }

  /** Restores the terminal, and ends this process. */
  quit(code: number): never {
    this.release();
    this.#screen.restore();
    Deno.exit(code);
  }

  /** The server has reacted. */
  answered(): void {
    this.#terminal?.answered();
  }

  /**
   * Suspends the tasks and then this process, so that the tasks print nothing after that. Does
   * nothing if no shell could continue this process.
   */
  async suspend(): Promise<void> {
    // No literal either.
    const url = import.meta.resolve("../system/process/processes.ts");
    const { isGroupOrphaned } = await import(
      url
    ) as typeof import("../system/process/processes.ts");
    if (isGroupOrphaned()) return;
    this.#terminal?.pause();
    await this.#send(FRAME.signal, nameOf("SIGTSTP"));
    this.#screen.restore();
    Deno.kill(Deno.pid, "SIGSTOP");
  }

  release(): void {
    this.#terminal?.release();
  }
}

function passSignalsOn(send: Send, terminal: TerminalStreams, keyboard: Keyboard): void {
  let endings = 0;
  let last: { readonly signal: Deno.Signal; readonly at: number } | undefined;
  for (const [signal, code] of ENDING) {
    Deno.addSignalListener(signal, () => {
      const at = performance.now();
      if (last?.signal !== signal || at - last.at >= REPEAT_MS) {
        last = { signal, at };
        if (++endings === 4) keyboard.quit(code);
      }
      send(FRAME.signal, nameOf(signal));
    });
  }
  Deno.addSignalListener("SIGTSTP", () => void keyboard.suspend());
  for (const signal of PASSED) {
    Deno.addSignalListener(signal, () => {
      if (signal === "SIGHUP" && isHungUp(terminal)) return hangUp(send);
      const size = signal === "SIGWINCH" && isSeen(terminal) ? terminalSize() : undefined;
      if (size !== undefined) send(FRAME.size, `${size.columns} ${size.rows}`);
      send(FRAME.signal, nameOf(signal));
    });
  }
}

/**
 * Reports the end of the terminal. It may be called twice; the server treats repeated messages as
 * one.
 */
function hangUp(send: Send): void {
  send(FRAME.hangup);
  send(FRAME.signal, nameOf("SIGHUP"));
}

/** Returns a signal's name on the wire. */
function nameOf(signal: Deno.Signal): string {
  return signal.slice("SIG".length);
}

/** Returns which of this process's streams are terminals now. */
export function terminalStreams(): TerminalStreams {
  return {
    stdin: Deno.stdin.isTerminal(),
    stdout: Deno.stdout.isTerminal(),
    stderr: Deno.stderr.isTerminal(),
  };
}

/** Returns true if one of this process's streams was a terminal and no longer is. */
export function isHungUp(before: TerminalStreams): boolean {
  const now = terminalStreams();
  return (["stdin", "stdout", "stderr"] as const).some((each) => before[each] && !now[each]);
}

function isSeen({ stdout, stderr }: TerminalStreams): boolean {
  return stdout || stderr;
}

/**
 * Returns columns and rows of the terminal.
 *
 * @returns `undefined` if the size is unknown: the terminal is gone, or reports 0, as hidden panes
 *   do
 */
export function terminalSize(): { readonly columns: number; readonly rows: number } | undefined {
  try {
    const size = Deno.consoleSize();
    return size.columns === 0 ? undefined : size;
  } catch (error) {
    // The error for a terminal that is gone has no class of its own.
    if (error instanceof Error) return undefined;
    throw error;
  }
}

/** Returns true if the error means that a connection was closed by this side or by the peer. */
function isConnectionEnd(error: unknown): boolean {
  const { BrokenPipe, ConnectionReset, BadResource, Interrupted } = Deno.errors;
  return [BrokenPipe, ConnectionReset, BadResource, Interrupted].some((each) =>
    error instanceof each
  );
}

/** Returns the working directory, or `undefined` if it was removed or its name is not UTF-8. */
function workingFolder(): string | undefined {
  try {
    return Deno.cwd();
  } catch (error) {
    if (error instanceof Deno.errors.InvalidData || error instanceof Deno.errors.NotFound) {
      return undefined;
    }
    throw error;
  }
}

/** Reads the server's frames. */
class Frames {
  readonly #connection: Deno.UnixConn;
  readonly #buffer = new Uint8Array(256 * 1024);
  readonly #reader = new FrameReader();

  constructor(connection: Deno.UnixConn) {
    this.#connection = connection;
  }

  /**
   * Returns the next frame, or `undefined` at the end. Its payload is valid until the next call.
   */
  async next(): Promise<IncomingFrame | undefined> {
    for (let next = this.#reader.next();; next = this.#reader.next()) {
      if (next !== undefined) return next;
      this.#reader.keep();
      const count = await this.#connection.read(this.#buffer);
      if (count === null) return undefined;
      this.#reader.push(this.#buffer.subarray(0, count));
    }
  }
}

/** Reports on stderr that a stream cannot be written. Returns the exit code. */
async function outputLost(stream: "stdout" | "stderr", error: unknown): Promise<number> {
  if (isReaderGone(error)) return BROKEN_PIPE;
  const line = encoder.encode(`simmer: ${outputLostText(stream, error)}\n`);
  // If stderr cannot be written either, only the exit code reports it.
  await writeAll(Deno.stderr, line).catch(() => {});
  return OUTPUT_LOST;
}

async function writeAll(
  to: { write(bytes: Uint8Array): Promise<number> },
  bytes: Uint8Array,
): Promise<void> {
  for (let offset = 0; offset < bytes.length;) offset += await to.write(bytes.subarray(offset));
}
