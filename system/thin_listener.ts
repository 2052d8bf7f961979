/**
 * Clients that are a shell script: they write their process id into a named pipe, and the kernel
 * tells the rest of them: words, environment, folder, and where their output goes (Linux).
 *
 * What a script sends and gets is turned into what `handover.ts` sends and gets.
 *
 * @module
 */

import { type HandedOver, type HandoverHead, HEAD_BYTES, PIECE } from "./handover.ts";
import {
  ensureFolder,
  type FileIdentity,
  fileIdentity,
  isAbsent,
  isSameFile,
  isSystemError,
  joinPath,
  listFolder,
  removeIfPresent,
  removeTree,
  writeAtomically,
} from "./files.ts";
import type { Clock } from "./clock.ts";
import { isProcessAlive } from "./processes.ts";
import { THIN_FOLDER } from "./thin_place.ts";
import type { AcceptedStream } from "./unix_socket.ts";

/** Milliseconds between two looks whether a client still is there. */
const LOOK_MS = 200;

/** The most characters that a script says at once. */
const MAX_WORDS = 32;

/** What a script names its pipe by. */
const PROCESS = /^\d{1,7}$/;

/** What a script says: its process id, and the signal that it got. */
const WORDS = /^(\d{1,7})(?: (SIG[A-Z]+))?$/;

/** Where a script keeps its stdin: to read something else, a shell puts that in its place. */
const STDIN = 3;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Listens to a named pipe. */
export class ThinListener {
  readonly path: string;
  readonly #folder: string;
  readonly #pipe: Deno.FsFile;
  readonly #identity: FileIdentity | undefined;
  readonly #clock: Clock;
  readonly #version: string;
  readonly #clients = new Map<number, ThinStream>();
  readonly #come: ThinStream[] = [];
  #rest = "";
  #isClosed = false;

  private constructor(folder: string, pipe: Deno.FsFile, clock: Clock, version: string) {
    this.#folder = folder;
    this.path = joinPath(folder, "door");
    this.#pipe = pipe;
    this.#identity = fileIdentity(this.path);
    this.#clock = clock;
    this.#version = version;
  }

  /**
   * Makes the pipe, and says beside it who reads it.
   *
   * @param root the project's root folder, absolute
   * @returns `undefined` on other platforms than Linux
   */
  static listen(root: string, clock: Clock, version: string): ThinListener | undefined {
    const startedAt = startTime(Deno.pid);
    if (Deno.build.os !== "linux" || startedAt === undefined) return undefined;
    const folder = joinPath(root, THIN_FOLDER);
    sendAway(folder);
    removeTree(folder);
    ensureFolder(folder, 0o700);
    const path = joinPath(folder, "door");
    makePipe(path);
    // Opened both ways: it is never at its end, and opening it waits for nobody.
    const pipe = Deno.openSync(path, { read: true, write: true });
    writeAtomically(joinPath(folder, "server"), `${Deno.pid} ${startedAt}\n`);
    return new ThinListener(folder, pipe, clock, version);
  }

  /** The next client; `undefined` once it is closed. */
  async accept(): Promise<AcceptedStream | undefined> {
    const buffer = new Uint8Array(4096);
    while (this.#come.length === 0) {
      if (this.#isClosed) {
        this.#pipe.close();
        return undefined;
      }
      const count = await this.#pipe.read(buffer) ?? 0;
      const lines = (this.#rest + decoder.decode(buffer.subarray(0, count))).split("\n");
      // What ends in no line is of nobody who is waited for.
      this.#rest = (lines.pop() ?? "").slice(-MAX_WORDS);
      for (const line of lines) this.#take(line);
    }
    return this.#come.shift();
  }

  /** Takes the pipe away, if it still is the one that this listener made; says whether it was. */
  unlink(): boolean {
    if (!isSameFile(fileIdentity(this.path), this.#identity)) return false;
    sendAway(this.#folder, (pid) => this.#clients.has(pid));
    removeTree(this.#folder);
    return true;
  }

  /** Stops listening. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    // The read in progress holds the pipe until something comes.
    this.#pipe.writeSync(encoder.encode("\n"));
  }

  #take(line: string): void {
    const [, id = "", signal] = WORDS.exec(line) ?? [];
    const pid = Number(id);
    if (pid < 2) return;
    const known = this.#clients.get(pid);
    if (signal !== undefined) return known?.signal(signal);
    if (known !== undefined) return;
    const stream = ThinStream.open(pid, joinPath(this.#folder, id), {
      clock: this.#clock,
      version: this.#version,
      gone: () => void this.#clients.delete(pid),
    });
    if (stream === undefined) return;
    this.#clients.set(pid, stream);
    if (stream.isTaken) this.#come.push(stream);
  }
}

interface ThinOptions {
  readonly clock: Clock;
  readonly version: string;
  /** Told when the client's process is gone: until then it can come only once. */
  readonly gone: () => void;
}

interface ThinParts {
  readonly path: string;
  readonly reply: Deno.FsFile;
  readonly outputs: readonly (Deno.FsFile | undefined)[];
  /** What the client would say first, as far as that can be told. */
  readonly greeting: string | undefined;
  readonly options: ThinOptions;
}

/** One client. */
class ThinStream implements AcceptedStream {
  /** Whether its work can be done for it; it is told if not. */
  readonly isTaken: boolean;
  readonly #pid: number;
  readonly #path: string;
  readonly #reply: Deno.FsFile;
  readonly #options: ThinOptions;
  readonly #outputs: readonly (Deno.FsFile | undefined)[];
  readonly #life = new AbortController();
  #waiting: Uint8Array[];
  #wake: (() => void) | undefined;
  #held = new Uint8Array(0);

  private constructor(pid: number, parts: ThinParts) {
    this.#pid = pid;
    this.#path = parts.path;
    this.#reply = parts.reply;
    this.#outputs = parts.outputs;
    this.#options = parts.options;
    this.isTaken = parts.greeting !== undefined &&
      parts.outputs.every((each) => each !== undefined);
    this.#waiting = parts.greeting === undefined ? [] : [encoder.encode(parts.greeting)];
  }

  /** @returns `undefined` where there is no client */
  static open(pid: number, path: string, options: ThinOptions): ThinStream | undefined {
    const reply = openReply(path);
    if (reply === undefined) return undefined;
    const outputs = [openOutput(pid, 1), openOutput(pid, 2)];
    const greeting = greetingOf(pid, options.version);
    const stream = new ThinStream(pid, { path, reply, outputs, greeting, options });
    if (stream.isTaken) return stream;
    // Where its output can't be opened a second time, it has to write itself.
    void say(reply, "refused");
    stream.close();
    return stream;
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    while (this.#waiting.length === 0) {
      if (this.#life.signal.aborted || !isProcessAlive(this.#pid)) return null;
      const woken = new AbortController();
      this.#wake = () => woken.abort();
      await this.#options.clock.sleep(LOOK_MS, woken.signal);
    }
    const [piece = new Uint8Array(0), ...rest] = this.#waiting;
    const count = Math.min(piece.length, buffer.length);
    buffer.set(piece.subarray(0, count));
    this.#waiting = count < piece.length ? [piece.subarray(count), ...rest] : rest;
    return count;
  }

  async write(bytes: Uint8Array): Promise<number> {
    if (this.#life.signal.aborted) throw new Deno.errors.BrokenPipe("The client is let go");
    let rest = new Uint8Array(this.#held.length + bytes.length);
    rest.set(this.#held);
    rest.set(bytes, this.#held.length);
    while (rest.length >= HEAD_BYTES) {
      const length = new DataView(rest.buffer, rest.byteOffset).getUint32(1);
      if (rest.length < HEAD_BYTES + length) break;
      await this.#take(rest[0] ?? 0, rest.subarray(HEAD_BYTES, HEAD_BYTES + length));
      rest = rest.subarray(HEAD_BYTES + length);
    }
    this.#held = rest.slice();
    return bytes.length;
  }

  close(): void {
    if (this.#life.signal.aborted) return;
    this.#life.abort();
    this.#wake?.();
    for (const output of this.#outputs) output?.close();
    void this.#letGo();
  }

  /** What is in a named pipe is lost when nobody has it open: the client may not have read it yet. */
  async #letGo(): Promise<void> {
    while (isProcessAlive(this.#pid)) await this.#options.clock.sleep(LOOK_MS);
    this.#reply.close();
    removeIfPresent(this.#path);
    this.#options.gone();
  }

  /** The client was sent a signal. */
  signal(signal: string): void {
    if (this.#life.signal.aborted) return;
    this.#waiting.push(encoder.encode(`${JSON.stringify({ signal })}\n`));
    this.#wake?.();
  }

  async #take(kind: number, piece: Uint8Array): Promise<void> {
    if (kind === PIECE.taken) return;
    if (kind === PIECE.refused) return await say(this.#reply, "refused");
    if (kind === PIECE.exit) return await say(this.#reply, String(piece[0] ?? 0));
    const output = this.#outputs[kind - PIECE.stdout];
    for (let at = 0; output !== undefined && at < piece.length;) {
      at += await output.write(piece.subarray(at));
    }
  }
}

/** Waits for nobody but the caller: a pipe may be full. */
async function say(reply: Deno.FsFile, words: string): Promise<void> {
  await reply.write(encoder.encode(`${words}\n`));
}

/**
 * Clients that have made their pipe, and that no server will take any more, wait for one that opens
 * it: they are told to do their work themselves.
 */
function sendAway(folder: string, isTaken: (pid: number) => boolean = () => false): void {
  for (const name of listFolder(folder)) {
    const reply = PROCESS.test(name) && !isTaken(Number(name))
      ? openReply(joinPath(folder, name))
      : undefined;
    // What is written stays in the pipe for whoever is opening it already.
    if (reply !== undefined) void say(reply, "refused").finally(() => reply.close());
  }
}

/** Opens what a client reads; anything but a named pipe is none of a client's. */
function openReply(path: string): Deno.FsFile | undefined {
  try {
    // Opened both ways, it waits for nobody.
    return Deno.lstatSync(path).isFifo
      ? Deno.openSync(path, { read: true, write: true })
      : undefined;
  } catch (error) {
    if (isSystemError(error)) return undefined;
    throw error;
  }
}

/** What a client would say first, as the kernel has it; `undefined` where it does not say. */
function greetingOf(pid: number, version: string): string | undefined {
  try {
    return greeting(pid, version);
  } catch (error) {
    if (isSystemError(error)) return undefined;
    throw error;
  }
}

function greeting(pid: number, version: string): string {
  const words = decoder.decode(Deno.readFileSync(`/proc/${pid}/cmdline`)).split("\0");
  const variables = decoder.decode(Deno.readFileSync(`/proc/${pid}/environ`)).split("\0");
  const env = variables.filter((each) => each.includes("=")).sort().map((each) => {
    const end = each.indexOf("=");
    return [each.slice(0, end), each.slice(end + 1)] as const;
  });
  const head: HandoverHead = { version, pid, stdinFd: STDIN };
  const line: HandedOver = {
    // Before a script's own words stand the shell and the script.
    args: words.slice(2, -1),
    env: Object.fromEntries(env),
    cwd: Deno.readLinkSync(`/proc/${pid}/cwd`),
    terminal: { stdin: false, stdout: false, stderr: false },
  };
  return `${JSON.stringify(head)}\n${JSON.stringify(line)}\n`;
}

/**
 * Opens another process's output a second time: pipes and devices only. A file would be written from
 * its beginning, whatever the other process has written already.
 */
function openOutput(pid: number, descriptor: 1 | 2): Deno.FsFile | undefined {
  const path = `/proc/${pid}/fd/${descriptor}`;
  try {
    const { isFifo, isCharDevice } = Deno.statSync(path);
    if (isCharDevice) return Deno.openSync(path, { write: true });
    if (!isFifo) return undefined;
    // Where nobody reads a named pipe any more, opening it to write would wait.
    using _reader = Deno.openSync(path, { read: true, write: true });
    return Deno.openSync(path, { write: true });
  } catch (error) {
    // Gone meanwhile, somebody else's, or closed.
    if (isSystemError(error)) return undefined;
    throw error;
  }
}

/** When a process started, in the kernel's ticks: together with its id it is never another one. */
function startTime(pid: number): string | undefined {
  try {
    const text = Deno.readTextFileSync(`/proc/${pid}/stat`);
    return text.slice(text.lastIndexOf(")") + 2).split(" ")[19];
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}

function makePipe(path: string): void {
  const library = Deno.dlopen("libc.so.6", {
    mkfifo: { parameters: ["buffer", "u32"], result: "i32" },
  });
  try {
    if (library.symbols.mkfifo(encoder.encode(`${path}\0`), 0o600) === 0) return;
    throw new Error(`Cannot make a named pipe at ${path}`);
  } finally {
    library.close();
  }
}
