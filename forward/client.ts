/**
 * Sending a command line to a server that runs: this process only carries bytes and signals.
 *
 * It is all that `simmer run` loads when a server runs, so it imports next to nothing; what a program
 * does beside the runtime's own start is what its users wait for.
 *
 * The exchange has two phases, so that a request that the client has given up is never carried out:
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
 * Before `accepted`, signals end the client as they end any program, and the whole client takes over
 * after {@linkcode ACCEPT_MS}. After `go` the whole client takes over only if the server says by
 * `refused` that it has not begun.
 *
 * @module
 */

import { connectToOwn, folderDistrust, ForeignServerError } from "../system/net/own_server.ts";
import { isReaderGone, outputLostText } from "../system/output_failure.ts";
import {
  type CommandLine,
  executeFrame,
  FRAME,
  frame,
  FrameReader,
  type IncomingFrame,
  type TerminalStreams,
} from "./protocol.ts";

/** The folder of a project's state, and the lock file in it, which names the server's socket. */
const STATE_FOLDER = ".simmer";
const LOCK = "lock";
const SOCKET_LINE = /^unix:(.+)$/m;

/** Milliseconds until the whole client takes over from a server that has not accepted. */
const ACCEPT_MS = 2000;

/** How a command line ends that a server has carried out. */
type ForwardEnd =
  | { readonly kind: "exit"; readonly code: number }
  /** The server ended before the command did, which it had begun. */
  | { readonly kind: "lost" };

/** Signals that ask for an end, the third of which ends this process, and its exit code then. */
const ENDING = [["SIGINT", 130], ["SIGQUIT", 131], ["SIGTERM", 143]] as const;
/** Other signals that are passed on. */
const PASSED = ["SIGHUP", "SIGUSR1", "SIGUSR2", "SIGALRM", "SIGWINCH"] as const;
/** Exit codes as `client/errors.ts` has them. */
const BROKEN_PIPE = 141;
const OUTPUT_LOST = 74;

/** Names of config files; the first folder upwards that has one is the project, or a member of it. */
const CONFIGS = ["deno.json", "deno.jsonc", "package.json"] as const;

/** A larger config file is none that is looked into here. */
const MAX_CONFIG_BYTES = 1024 * 1024;

const encoder = new TextEncoder();

/**
 * Has a server carry out this process's command line.
 *
 * @returns `undefined` if no server has accepted it: nothing has been done
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
    // The kernel connects while this is done.
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
 * The folders that can be the project's root: the nearest folder with a config, then the folders
 * above it whose config mentions a workspace. The server refuses a command line of another project,
 * which leaves the question whether a workspace lists the folder to it. The folders above are looked
 * at only when the nearest one has no server that accepts: a failed look costs 0.1 ms.
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

/** Only a file of a sensible size is read: a named pipe would block. */
function mentionsWorkspace(path: string): boolean {
  return orAbsent(() => {
    const { isFile, size } = Deno.statSync(path);
    return isFile && size <= MAX_CONFIG_BYTES &&
      Deno.readTextFileSync(path).includes('"workspace');
  }) ?? false;
}

/** What a look at the file system gives; `undefined` if it fails: the whole client says why. */
function orAbsent<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (error) {
    if (error instanceof Error) return undefined;
    throw error;
  }
}

/**
 * The socket that the lock file in a state folder names, if no other user decides over either folder.
 */
function trustedSocket(state: string): string | undefined {
  return orAbsent(() => {
    if (folderDistrust(state) !== undefined) return undefined;
    const socket = SOCKET_LINE.exec(Deno.readTextFileSync(`${state}/${LOCK}`))?.[1];
    const folder = socket?.slice(0, socket.lastIndexOf("/"));
    return folder === undefined || folderDistrust(folder) !== undefined ? undefined : socket;
  });
}

/** @returns `undefined` if no server of this user accepts connections there */
async function connect(path: string): Promise<Deno.UnixConn | undefined> {
  try {
    return await connectToOwn(path);
  } catch (error) {
    // The whole client looks again, with a rule for each reason.
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
  // As `processNamespaces` names them, without a module more.
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
    // The server of the same user opens or takes this process's stdin by its process id.
    passed: [],
  });
}

/** All variables by name: Deno gives them in another order in each process. */
function environment(): Record<string, string> {
  return Object.fromEntries(Object.entries(processVariables()).sort(([a], [b]) => a < b ? -1 : 1));
}

/** What a Node parent sets for a child that talks to it by IPC. */
const NODE_IPC = /(?:^|\0)(NODE_CHANNEL_(?:FD|SERIALIZATION_MODE))=([^\0]*)/g;

/**
 * The variables that this process was started with. Deno removes those of Node's IPC from its own, but
 * the channel is a task's, as under npm.
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
 * Offers the command line. If the server does not accept it in time, the connection is closed, which
 * has the server forget it.
 */
async function isAccepted(
  connection: Deno.UnixConn,
  request: Uint8Array,
  frames: Frames,
): Promise<boolean> {
  const sent = writeAll(connection, request);
  // The server reads while the clock is made, which takes 0.4 ms.
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

/** Lets the command begin, and carries signals to it and output from it until it ends. */
async function carry(
  connection: Deno.UnixConn,
  frames: Frames,
  terminal: TerminalStreams,
): Promise<ForwardEnd | undefined> {
  /** A write that fails is of no interest: the end of the connection is seen where it is read. */
  const send: Send = (type, payload) => {
    connection.write(frame(type, payload)).catch(() => {});
  };
  send(FRAME.go);
  // The server works already while this is done.
  passSignalsOn(send, terminal);
  try {
    for (let next = await frames.next(); next !== undefined; next = await frames.next()) {
      const { type, payload } = next;
      if (type === FRAME.refused) return undefined;
      if (type === FRAME.exit) return { kind: "exit", code: payload[0] ?? 0 };
      const stream = type === FRAME.stdout ? "stdout" : "stderr";
      try {
        await writeAll(Deno[stream], payload);
      } catch (error) {
        if (isReaderGone(error) && isHungUp(terminal)) {
          // The signal that says so may come later. The tasks end without a screen.
          hangUp(send);
          continue;
        }
        // The end of this process cancels the command in the server.
        return { kind: "exit", code: await outputLost(stream, error) };
      }
    }
  } catch (error) {
    if (!isConnectionEnd(error)) throw error;
  }
  return { kind: "lost" };
}

/** Sends a frame. */
type Send = (type: number, payload?: string) => void;

function passSignalsOn(send: Send, terminal: TerminalStreams): void {
  let endings = 0;
  for (const [signal, code] of ENDING) {
    Deno.addSignalListener(signal, () => {
      if (++endings === 3) Deno.exit(code);
      send(FRAME.signal, nameOf(signal));
    });
  }
  for (const signal of PASSED) {
    Deno.addSignalListener(signal, () => {
      if (signal === "SIGHUP" && isHungUp(terminal)) return hangUp(send);
      const size = signal === "SIGWINCH" && isSeen(terminal) ? terminalSize() : undefined;
      if (size !== undefined) send(FRAME.size, `${size.columns} ${size.rows}`);
      send(FRAME.signal, nameOf(signal));
    });
  }
}

/** The server takes the first of these messages for the others. */
function hangUp(send: Send): void {
  send(FRAME.hangup);
  send(FRAME.signal, nameOf("SIGHUP"));
}

/** A signal's name on the wire. */
function nameOf(signal: Deno.Signal): string {
  return signal.slice("SIG".length);
}

/** Which of this process's streams are terminals now. */
export function terminalStreams(): TerminalStreams {
  return {
    stdin: Deno.stdin.isTerminal(),
    stdout: Deno.stdout.isTerminal(),
    stderr: Deno.stderr.isTerminal(),
  };
}

/** Whether one of this process's streams was a terminal, and is none any more. */
export function isHungUp(before: TerminalStreams): boolean {
  const now = terminalStreams();
  return (["stdin", "stdout", "stderr"] as const).some((each) => before[each] && !now[each]);
}

function isSeen({ stdout, stderr }: TerminalStreams): boolean {
  return stdout || stderr;
}

/**
 * Columns and rows of the terminal.
 *
 * @returns `undefined` if that is unknown: the terminal is gone, or says 0, as hidden panes do
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

/** Whether an error says that a connection has ended, from this side or the other one. */
function isConnectionEnd(error: unknown): boolean {
  const { BrokenPipe, ConnectionReset, BadResource, Interrupted } = Deno.errors;
  return [BrokenPipe, ConnectionReset, BadResource, Interrupted].some((each) =>
    error instanceof each
  );
}

/** The working directory; `undefined` if it was removed, or its name is not UTF-8. */
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

/** Reads what the server sends, frame by frame. */
class Frames {
  readonly #connection: Deno.UnixConn;
  readonly #buffer = new Uint8Array(256 * 1024);
  readonly #reader = new FrameReader();

  constructor(connection: Deno.UnixConn) {
    this.#connection = connection;
  }

  /** The next frame, whose payload holds until the next call; `undefined` at the end. */
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

/** Reports a stream that could not be written on stderr. Returns the exit code. */
async function outputLost(stream: "stdout" | "stderr", error: unknown): Promise<number> {
  if (isReaderGone(error)) return BROKEN_PIPE;
  const line = encoder.encode(`simmer: ${outputLostText(stream, error)}\n`);
  // If stderr can't be written either, the exit code is all that is left to say it.
  await writeAll(Deno.stderr, line).catch(() => {});
  return OUTPUT_LOST;
}

async function writeAll(
  to: { write(bytes: Uint8Array): Promise<number> },
  bytes: Uint8Array,
): Promise<void> {
  for (let offset = 0; offset < bytes.length;) offset += await to.write(bytes.subarray(offset));
}
