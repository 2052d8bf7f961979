/**
 * Handing a command line over to a server that runs: this process only carries bytes and signals.
 *
 * It is all that `simmer run` loads where a server is there, so it imports nothing; what a program
 * does beside the runtime's own start is what its users wait for.
 *
 * @module
 */

/** The socket in a project's state folder. */
export const HANDOVER_SOCKET = ".simmer/express.sock";

/**
 * What the server sends: a head of one byte and a length, and that many bytes. Before `taken`, or
 * anything else, nothing has been done: a server that ends then leaves the command to its sender.
 */
export const PIECE = { refused: 0, stdout: 1, stderr: 2, exit: 3, taken: 4 } as const;

/** Bytes of a piece's head. */
export const HEAD_BYTES = 5;

/** What it sends first, as one line of JSON; the command line follows as a second one. */
export interface HandoverHead {
  /** simmer's version: another one's server refuses. */
  readonly version: string;
  readonly pid: number;
  /** Characters in a line of the terminal, where there is one. */
  readonly columns?: number;
}

/** The second line: the same for the same command in the same shell. */
export interface HandedOver {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** The working directory, absolute. */
  readonly cwd: string;
  readonly terminal: {
    readonly stdin: boolean;
    readonly stdout: boolean;
    readonly stderr: boolean;
  };
}

/** Every further line. */
export type HandoverNews = { readonly signal: string } | { readonly columns: number };

/** How a handover ends where it is not refused. */
export type HandoverEnd =
  | { readonly kind: "exit"; readonly code: number }
  /** The server ended before the command did, which it had begun. */
  | { readonly kind: "lost" };

const SIGNALS = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;
/** Exit codes as `client/exit_code.ts` has them. */
const BROKEN_PIPE = 141;
const OUTPUT_LOST = 74;

/**
 * Has a server carry out this process's command line.
 *
 * @returns `undefined` where none is found that does
 */
export async function handOver(version: string): Promise<HandoverEnd | undefined> {
  const cwd = workingFolder();
  if (cwd === undefined) return undefined;
  const connection = await connect(cwd);
  if (connection === undefined) return undefined;
  const terminal = {
    stdin: Deno.stdin.isTerminal(),
    stdout: Deno.stdout.isTerminal(),
    stderr: Deno.stderr.isTerminal(),
  };
  const isSeen = terminal.stdout || terminal.stderr;
  const head: HandoverHead = {
    version,
    pid: Deno.pid,
    ...(isSeen ? { columns: Deno.consoleSize().columns } : {}),
  };
  // The order of variables is another one in each process.
  const env = Object.fromEntries(Object.entries(Deno.env.toObject()).sort(byName));
  const line: HandedOver = { args: Deno.args, env, cwd, terminal };
  const encoder = new TextEncoder();
  /** What is said when the server is gone is of no use: its end is seen where it is read. */
  const send = (news: HandoverNews): void => {
    connection.write(encoder.encode(`${JSON.stringify(news)}\n`)).catch(() => {});
  };
  const fate = { isTaken: false };
  try {
    const lines = `${JSON.stringify(head)}\n${JSON.stringify(line)}\n`;
    const sent = writeAll(connection, encoder.encode(lines));
    // The server works already while this is done.
    passSignalsOn(send, isSeen);
    await sent;
    return await pump(connection, fate);
  } catch (error) {
    if (
      !(error instanceof Deno.errors.BrokenPipe || error instanceof Deno.errors.ConnectionReset)
    ) {
      throw error;
    }
    return fate.isTaken ? { kind: "lost" } : undefined;
  }
}

function passSignalsOn(send: (news: HandoverNews) => void, isSeen: boolean): void {
  let signals = 0;
  for (const [signal, code] of Object.entries(SIGNALS)) {
    Deno.addSignalListener(signal as Deno.Signal, () => {
      if (++signals === 3) Deno.exit(code);
      send({ signal });
    });
  }
  if (isSeen) {
    Deno.addSignalListener("SIGWINCH", () => send({ columns: Deno.consoleSize().columns }));
  }
}

function byName([a]: readonly [string, string], [b]: readonly [string, string]): number {
  return a < b ? -1 : 1;
}

/** The nearest folder's socket, from the working directory up. */
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

async function connect(cwd: string): Promise<Deno.Conn | undefined> {
  for (let folder = cwd;; folder = folder.slice(0, folder.lastIndexOf("/"))) {
    try {
      return await Deno.connect({ transport: "unix", path: `${folder}/${HANDOVER_SOCKET}` });
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) return undefined;
    }
    if (folder === "") return undefined;
  }
}

async function pump(
  connection: Deno.Conn,
  fate: { isTaken: boolean },
): Promise<HandoverEnd | undefined> {
  let held = new Uint8Array(0);
  const buffer = new Uint8Array(256 * 1024);
  for (let count = await connection.read(buffer); count !== null;) {
    let bytes = buffer.subarray(0, count);
    if (held.length > 0) {
      bytes = new Uint8Array(held.length + count);
      bytes.set(held);
      bytes.set(buffer.subarray(0, count), held.length);
    }
    while (bytes.length >= HEAD_BYTES) {
      const [kind] = bytes;
      const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(1);
      if (bytes.length < HEAD_BYTES + length) break;
      const piece = bytes.subarray(HEAD_BYTES, HEAD_BYTES + length);
      bytes = bytes.subarray(HEAD_BYTES + length);
      if (kind === PIECE.refused) return undefined;
      fate.isTaken = true;
      if (kind === PIECE.taken) continue;
      if (kind === PIECE.exit) return { kind: "exit", code: piece[0] ?? 0 };
      const stream = kind === PIECE.stdout ? "stdout" : "stderr";
      try {
        await writeAll(Deno[stream], piece);
      } catch (error) {
        // The end of this process cancels the command in the server.
        return { kind: "exit", code: await outputLost(stream, error) };
      }
    }
    held = bytes.slice();
    count = await connection.read(buffer);
  }
  return fate.isTaken ? { kind: "lost" } : undefined;
}

/** Whether a write failed because its reader is gone: a pipe or a terminal was closed. */
export function isReaderGone(error: unknown): boolean {
  return error instanceof Error &&
    (error.name === "BrokenPipe" || ("code" in error && error.code === "EIO"));
}

/** The line for an output that could not be written, without the program's name. */
export function outputLostText(stream: "stdout" | "stderr", error: unknown): string {
  return `cannot write to ${stream}: ${error instanceof Error ? error.message : String(error)}`;
}

/** Reports a stream that could not be written on stderr. Returns the exit code. */
async function outputLost(stream: "stdout" | "stderr", error: unknown): Promise<number> {
  if (isReaderGone(error)) return BROKEN_PIPE;
  const line = new TextEncoder().encode(`simmer: ${outputLostText(stream, error)}\n`);
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
