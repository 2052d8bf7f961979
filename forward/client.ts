/**
 * Handing a command line over to a server that runs: this process only carries bytes and signals.
 *
 * It is all that `simmer run` loads when a server runs, so it imports next to nothing; what a program
 * does beside the runtime's own start is what its users wait for.
 *
 * The exchange has two phases, so that a request that the client has given up is never carried out:
 *
 * ```
 * client                                    server
 * head, command line ─────────────────────▶ version, project and namespaces fit?
 *                    ◀───────────────────── accepted (nothing has begun), or refused
 * go                 ─────────────────────▶ the command begins
 * signals, columns   ─────────────────────▶
 *                    ◀───────────────────── stdout, stderr, exit code
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
import type { SignalName } from "../system/process/signals.ts";

/** The folder of a project's state, and the socket in it. */
const STATE_FOLDER = ".simmer";
export const HANDOVER_SOCKET = `${STATE_FOLDER}/express.sock`;

/** Milliseconds until the whole client takes over from a server that has not accepted. */
const ACCEPT_MS = 2000;

/** What the server sends: a head of one byte and a length, and that many bytes. */
export const PIECE = { refused: 0, stdout: 1, stderr: 2, exit: 3, accepted: 4 } as const;

/** Bytes of a piece's head. */
export const HEAD_BYTES = 5;

/** What the client sends first, as one line of JSON; the command line follows as a second one. */
export interface HandoverHead {
  /** simmer's version: another one's server refuses. */
  readonly version: string;
  readonly pid: number;
  /** The kernel's names of the client's namespaces: a server in other ones refuses. */
  readonly namespaces?: string;
  /** Characters in a line of the terminal, if there is one and its size is known. */
  readonly columns?: number;
}

/** The second line: the same for the same command in the same shell. */
export interface HandedOver {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** The working directory, absolute. */
  readonly cwd: string;
  readonly terminal: TerminalStreams;
}

/** Which of a process's streams are terminals. */
interface TerminalStreams {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
}

/** Every further line; the first of them is `go`. */
export type HandoverNews =
  | { readonly go: true }
  /** The terminal is gone; the signal that says so follows. */
  | { readonly isHungUp: true }
  | { readonly signal: SignalName }
  | { readonly columns: number };

/** How a handover ends if it is not refused. */
type HandoverEnd =
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
export async function handOver(version: string): Promise<HandoverEnd | undefined> {
  const cwd = workingFolder();
  if (cwd === undefined) return undefined;
  const terminal = terminalStreams();
  let lines: Uint8Array<ArrayBuffer> | undefined;
  for (const root of possibleRoots(cwd)) {
    if (!isTrusted(`${root}/${STATE_FOLDER}`)) continue;
    const connecting = connect(`${root}/${HANDOVER_SOCKET}`);
    // The kernel connects while this is done.
    lines ??= firstLines(version, { args: Deno.args, env: environment(), cwd, terminal });
    const connection = await connecting;
    if (connection === undefined) continue;
    const pieces = new Pieces(connection);
    if (await isAccepted(connection, lines, pieces)) {
      return await carry(connection, pieces, terminal);
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

function isTrusted(folder: string): boolean {
  return orAbsent(() => folderDistrust(folder) === undefined) ?? false;
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

function firstLines(version: string, line: HandedOver): Uint8Array<ArrayBuffer> {
  // As `processNamespaces` names them, without a module more.
  const namespaces = orAbsent(() =>
    ["pid", "mnt"].map((name) => Deno.readLinkSync(`/proc/self/ns/${name}`)).join(" ")
  );
  const columns = isSeen(line.terminal) ? terminalColumns() : undefined;
  const head: HandoverHead = {
    version,
    pid: Deno.pid,
    ...(namespaces === undefined ? {} : { namespaces }),
    ...(columns === undefined ? {} : { columns }),
  };
  return encoder.encode(`${JSON.stringify(head)}\n${JSON.stringify(line)}\n`);
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
  lines: Uint8Array,
  pieces: Pieces,
): Promise<boolean> {
  const sent = writeAll(connection, lines);
  // The server reads while the clock is made, which takes 0.4 ms.
  const deadline = AbortSignal.timeout(Math.max(0, ACCEPT_MS - performance.now()));
  let isOpen = true;
  const close = (): void => {
    if (isOpen) connection.close();
    isOpen = false;
  };
  deadline.addEventListener("abort", close);
  try {
    const [, first] = await Promise.all([sent, pieces.next()]);
    if (first?.kind === PIECE.accepted && isOpen) return true;
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
  pieces: Pieces,
  terminal: TerminalStreams,
): Promise<HandoverEnd | undefined> {
  /** A write that fails is of no interest: the end of the connection is seen where it is read. */
  const send = (news: HandoverNews): void => {
    connection.write(encoder.encode(`${JSON.stringify(news)}\n`)).catch(() => {});
  };
  send({ go: true });
  // The server works already while this is done.
  passSignalsOn(send, terminal);
  try {
    for (let piece = await pieces.next(); piece !== undefined; piece = await pieces.next()) {
      const { kind, bytes } = piece;
      if (kind === PIECE.refused) return undefined;
      if (kind === PIECE.exit) return { kind: "exit", code: bytes[0] ?? 0 };
      const stream = kind === PIECE.stdout ? "stdout" : "stderr";
      try {
        await writeAll(Deno[stream], bytes);
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

function passSignalsOn(send: (news: HandoverNews) => void, terminal: TerminalStreams): void {
  let endings = 0;
  for (const [signal, code] of ENDING) {
    Deno.addSignalListener(signal, () => {
      if (++endings === 3) Deno.exit(code);
      send({ signal });
    });
  }
  for (const signal of PASSED) {
    Deno.addSignalListener(signal, () => {
      if (signal === "SIGHUP" && isHungUp(terminal)) return hangUp(send);
      const columns = signal === "SIGWINCH" && isSeen(terminal) ? terminalColumns() : undefined;
      if (columns !== undefined) send({ columns });
      send({ signal });
    });
  }
}

/** The server takes the first of these messages for the others. */
function hangUp(send: (news: HandoverNews) => void): void {
  send({ isHungUp: true });
  send({ signal: "SIGHUP" });
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
 * Characters in a line of the terminal.
 *
 * @returns `undefined` if that is unknown: the terminal is gone, or says 0, as hidden panes do
 */
export function terminalColumns(): number | undefined {
  try {
    return Deno.consoleSize().columns || undefined;
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

/** Reads what the server sends, piece by piece. */
class Pieces {
  readonly #connection: Deno.UnixConn;
  readonly #buffer = new Uint8Array(256 * 1024);
  /** What has been read and not yet given. */
  #rest = new Uint8Array(0);

  constructor(connection: Deno.UnixConn) {
    this.#connection = connection;
  }

  /** The next piece, whose bytes hold until the next call; `undefined` at the end. */
  async next(): Promise<{ readonly kind: number; readonly bytes: Uint8Array } | undefined> {
    while (true) {
      if (this.#rest.length >= HEAD_BYTES) {
        const { buffer, byteOffset } = this.#rest;
        const end = HEAD_BYTES + new DataView(buffer, byteOffset).getUint32(1);
        if (this.#rest.length >= end) {
          const piece = { kind: this.#rest[0] ?? 0, bytes: this.#rest.subarray(HEAD_BYTES, end) };
          this.#rest = this.#rest.subarray(end);
          return piece;
        }
      }
      const held = this.#rest.slice();
      const count = await this.#connection.read(this.#buffer);
      if (count === null) return undefined;
      const bytes = this.#buffer.subarray(0, count);
      if (held.length === 0) {
        this.#rest = bytes;
        continue;
      }
      this.#rest = new Uint8Array(held.length + count);
      this.#rest.set(held);
      this.#rest.set(bytes, held.length);
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
