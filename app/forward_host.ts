/**
 * The door for command lines that are handed over: they are carried out in the server's process, by
 * the very code that carries them out anywhere else.
 *
 * @module
 */

import { HandBack } from "../client/hand_back.ts";
import { EXIT } from "../client/errors.ts";
import type { Invocation } from "../client/invocation.ts";
import { Output } from "../client/output.ts";
import type { Standing } from "./daemon.ts";
import type { Door } from "../server/door.ts";
import type { Listener } from "../server/listener_source.ts";
import { lastWords } from "../server/ending.ts";
import { stackOf } from "../server/stack.ts";
import { findProject } from "../project/root.ts";
import {
  type HandedOver,
  HANDOVER_SOCKET,
  type HandoverNews,
  HEAD_BYTES,
  PIECE,
} from "../forward/client.ts";
import { joinPath } from "../system/files/files.ts";
import type { Logger } from "../system/logger.ts";
import { type ByteStream, isDisconnect, writeAll } from "../system/net/streams.ts";
import { isPathTooLong } from "../system/net/unix_path.ts";
import { type Clock, systemClock } from "../system/clock.ts";
import { processNamespaces, userId } from "../system/environment.ts";
import { signalExitCode, type SignalName } from "../system/process/signals.ts";
import { type AcceptedStream, UnixListener } from "../system/net/unix_socket.ts";
import { FrameDecoder } from "../wire/frame.ts";
import { WireError } from "../wire/errors.ts";
import { VERSION } from "../wire/version.ts";
import { HandoverError, readHandedOver, readHead, readNews } from "../forward/messages.ts";
import {
  isMemorable,
  joined,
  MAX_BYTES,
  type Memos,
  renewed,
  type WrittenPiece,
} from "./answer_memo.ts";

/** What of an invocation is this process's, or belongs to the command line that came. */
export type HostedInvocation = Pick<
  Invocation,
  | "env"
  | "cwd"
  | "pid"
  | "startedAt"
  | "terminal"
  | "output"
  | "onSignal"
  | "onGone"
  | "exit"
  | "connect"
>;

/** What a host needs. */
export interface ExpressHostOptions {
  readonly listener: Listener;
  readonly memos: Memos;
  /** The project's root folder, absolute, with links resolved. */
  readonly root: string;
  /** The config file that the server was told to use; command lines that are handed over name none. */
  readonly config?: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly standing: Standing;
  /** Carries a command line out; resolves with its exit code, errors shown. */
  readonly run: (args: readonly string[], hosted: HostedInvocation) => Promise<number>;
}

/** What a host needs that listens in its project's state folder. */
export type HostOptions = Omit<ExpressHostOptions, "listener" | "clock">;

/** Milliseconds that a process has to say what it hands over. */
const GREETING_MS = 10_000;
/** Command lines at once at the most. */
const MAX_GUESTS = 256;

/** Ends a command on the spot. */
class Exit extends Error {
  constructor(readonly code: number) {
    super("exit");
  }
}

/** Carries command lines out. */
export class ExpressHost implements Door {
  readonly name = "Command lines";
  readonly isOwn = true;
  readonly listener: Listener;
  readonly #options: ExpressHostOptions;
  readonly #guests = new Map<Guest, Promise<void>>();

  constructor(options: ExpressHostOptions) {
    this.listener = options.listener;
    this.#options = options;
  }

  enter(stream: AcceptedStream, connect: () => ByteStream): void {
    const { log } = this.#options;
    const uid = userId();
    const peer = stream.peer?.uid;
    if (uid !== undefined && peer !== undefined && peer !== uid) {
      log.log("warn", `Dropping a command line of user ${peer}: not permitted`);
      return stream.close();
    }
    if (this.#guests.size >= MAX_GUESTS) {
      log.log("warn", `Dropping a command line: ${MAX_GUESTS} are in progress`);
      return stream.close();
    }
    const guest = new Guest(stream, connect, this.#options);
    const serving = guest.serve().catch((error: unknown) => {
      if (error instanceof HandoverError) {
        return log.log("warn", `Dropping a command line: ${error.message}`);
      }
      log.log("error", `A command line failed: ${stackOf(error)}`);
    }).finally(() => {
      stream.close();
      this.#guests.delete(guest);
    });
    this.#guests.set(guest, serving);
  }

  /**
   * Listens in a project's state folder.
   *
   * @returns `undefined` if its path is too long for a socket: no client hands anything over then
   * @throws {InTheWayError} if a folder is in its place
   * @throws {Error} what the system says if it cannot listen
   */
  static open(options: HostOptions): ExpressHost | undefined {
    const path = joinPath(options.root, HANDOVER_SOCKET);
    if (isPathTooLong(path)) return undefined;
    const listener = UnixListener.listen(path);
    return new ExpressHost({ ...options, clock: systemClock, listener });
  }

  /** Waits for what the commands have to say of the server's end; not for those that don't read. */
  async close(): Promise<void> {
    await lastWords(this.#options.clock, Promise.all(this.#guests.values()));
    for (const guest of this.#guests.keys()) guest.leave();
    await Promise.all(this.#guests.values());
  }
}

/** One command line, and the process that it came from. */
class Guest {
  readonly #stream: AcceptedStream;
  readonly #connect: () => ByteStream;
  readonly #options: ExpressHostOptions;
  readonly #frames = new FrameDecoder();
  readonly #lines: string[] = [];
  /** Listeners to signals, and to the end of the process, by name. */
  readonly #listeners = new Map<SignalName | "gone", Set<() => void>>();
  readonly #ended = Promise.withResolvers<number>();
  #columns = 80;
  #isHungUp = false;
  #hasIgnored = false;
  #reached: ByteStream | undefined;
  readonly #pieces: WrittenPiece[] = [];
  #written = 0;

  constructor(stream: AcceptedStream, connect: () => ByteStream, options: ExpressHostOptions) {
    this.#stream = stream;
    this.#connect = connect;
    this.#options = options;
  }

  async serve(): Promise<void> {
    const spoken = await this.#greeting();
    if (spoken === undefined) return;
    const [head, line] = spoken;
    const { version, pid, namespaces, columns } = readHead(head);
    this.#columns = columns ?? this.#columns;
    // In another container a client has another process id, other mounts, and so other files.
    const isHere = (this.#stream.peer?.pid ?? pid) === pid && namespaces === processNamespaces();
    if (version !== VERSION || !isHere) return await this.#refuse();
    const key = `${columns ?? ""} ${line}`;
    const { clock, standing, memos } = this.#options;
    // A line that is remembered was meant for this project when it came first.
    if (!memos.has(key) && this.#meant(line) === undefined) return await this.#refuse();
    await this.#send(PIECE.accepted, new Uint8Array(0));
    // A client that gives up before it says 'go' does the work itself, or was interrupted.
    if (!await this.#mayBegin()) return;
    const begun = clock.monotonic();
    const known = standing.isAlone ? memos.get(key) : undefined;
    if (known !== undefined) {
      standing.touch();
      await this.#repeat(renewed(known, clock.monotonic() - begun));
      return this.#stream.close();
    }
    const handed = this.#meant(line);
    if (handed === undefined) return await this.#refuse();
    const listening = this.#listen();
    try {
      const run = this.#run(handed, pid);
      const code = await Promise.race([run, this.#ended.promise]);
      await this.#send(PIECE.exit, Uint8Array.of(code));
      this.#remember(key, handed, pid);
    } catch (error) {
      if (!(error instanceof HandBack)) throw error;
      await this.#refuse();
    }
    this.#listeners.clear();
    this.#stream.close();
    await listening;
  }

  /** Ends the conversation, which ends the command as a hangup does. */
  leave(): void {
    this.#stream.close();
  }

  async #run(
    { args, env, cwd, terminal }: HandedOver,
    pid: number,
  ): Promise<number> {
    const writer = (kind: number): { write(bytes: Uint8Array): Promise<number> } => ({
      write: async (bytes) => {
        this.#written += bytes.length;
        if (this.#written <= MAX_BYTES) this.#pieces.push({ kind, bytes: bytes.slice() });
        await this.#send(kind, bytes, true);
        return bytes.length;
      },
    });
    const output = new Output({ stdout: writer(PIECE.stdout), stderr: writer(PIECE.stderr) });
    const code = await this.#options.run(args, {
      env,
      cwd,
      pid,
      startedAt: systemClock.monotonic(),
      terminal: {
        ...terminal,
        columns: () => this.#columns,
        isHungUp: () => this.#isHungUp,
      },
      output,
      onSignal: (signal, listener) => this.#on(signal, listener),
      onGone: (listener) => this.#on("gone", listener),
      exit: (code) => {
        this.#ended.resolve(code);
        throw new Exit(code);
      },
      connect: () => this.#reach(),
    });
    await output.settled;
    return code;
  }

  /** The first two lines; `undefined` if the client ends the connection, or is silent too long. */
  #greeting(): Promise<readonly [string, string] | undefined> {
    return this.#soon(async () => {
      const head = await this.#line();
      const line = head === undefined ? undefined : await this.#line();
      return head === undefined || line === undefined ? undefined : [head, line];
    });
  }

  /** Whether the client says 'go': it has not given the command up. */
  #mayBegin(): Promise<boolean> {
    return this.#soon(async () => {
      for (let news = await this.#news(); news !== undefined; news = await this.#news()) {
        if ("go" in news) return true;
        if ("columns" in news) this.#columns = news.columns;
        else return false;
      }
      return false;
    });
  }

  /** Closes the connection if the client does not say what it has to say in {@linkcode GREETING_MS}. */
  async #soon<T>(read: () => Promise<T>): Promise<T> {
    const done = new AbortController();
    const patience = this.#options.clock.sleep(GREETING_MS, done.signal).then(() => {
      // Closing the stream ends the read.
      if (!done.signal.aborted) this.#stream.close();
    });
    try {
      return await read();
    } finally {
      done.abort();
      await patience;
    }
  }

  /** All in one write. */
  async #repeat(pieces: readonly WrittenPiece[]): Promise<void> {
    const all = [...pieces, { kind: PIECE.exit, bytes: Uint8Array.of(0) }];
    const size = all.reduce((sum, { bytes }) => sum + HEAD_BYTES + bytes.length, 0);
    const whole = new Uint8Array(size);
    let at = 0;
    for (const { kind, bytes } of all) {
      putHead(whole, at, kind, bytes.length);
      whole.set(bytes, at + HEAD_BYTES);
      at += HEAD_BYTES + bytes.length;
    }
    await this.#write(whole, false);
  }

  #remember(key: string, { args }: HandedOver, pid: number): void {
    const { standing, memos } = this.#options;
    const build = isMemorable(args) ? standing.settled.of(pid) : undefined;
    if (build !== undefined && this.#written <= MAX_BYTES) {
      memos.set(key, { pieces: joined(this.#pieces), build });
    }
  }

  /** @returns `undefined` if the command line is for another project than this server's */
  #meant(line: string): HandedOver | undefined {
    const { root, config } = this.#options;
    if (config !== undefined) return undefined;
    const handed = readHandedOver(line);
    try {
      return findProject(handed.cwd)?.root === root ? handed : undefined;
    } catch (error) {
      // The client finds the same mistake, and reports it itself.
      if (error instanceof WireError) return undefined;
      throw error;
    }
  }

  #refuse(): Promise<void> {
    return this.#send(PIECE.refused, new Uint8Array(0));
  }

  /** Who is to look for a server once more has to do it by itself. */
  #reach(): ByteStream {
    if (this.#reached !== undefined) throw new HandBack("The server is about to end");
    this.#reached = this.#connect();
    return this.#reached;
  }

  #on(what: SignalName | "gone", listener: () => void): Disposable {
    const listeners = this.#listeners.get(what) ?? new Set();
    this.#listeners.set(what, listeners);
    listeners.add(listener);
    return { [Symbol.dispose]: () => void listeners.delete(listener) };
  }

  /** Handles what the client says until its connection ends: the client is gone then. */
  async #listen(): Promise<void> {
    for (let news = await this.#news(); news !== undefined; news = await this.#news()) {
      if ("columns" in news) this.#columns = news.columns;
      else if ("isHungUp" in news) this.#isHungUp = true;
      else if ("signal" in news) this.#tell(news.signal, signalExitCode(news.signal));
    }
    this.#tell("gone", EXIT.hangup);
  }

  /** The next message that can be read; `undefined` at the end. An unreadable one is ignored. */
  async #news(): Promise<HandoverNews | undefined> {
    for (let line = await this.#line(); line !== undefined; line = await this.#line()) {
      try {
        return readNews(line);
      } catch (error) {
        if (!(error instanceof HandoverError)) throw error;
        this.#ignore(error.message);
      }
    }
    return undefined;
  }

  /** The first unreadable message of a command line is logged; many would fill the log. */
  #ignore(reason: string): void {
    if (this.#hasIgnored) return;
    this.#hasIgnored = true;
    this.#options.log.log("warn", `Ignoring a message of a command line: ${reason}`);
  }

  /** What a command does not listen to ends it, but for a change of the terminal's size. */
  #tell(what: SignalName | "gone", exitCode: number): void {
    const listeners = [...this.#listeners.get(what) ?? []];
    if (listeners.length === 0 && what !== "SIGWINCH") {
      this.#ended.resolve(exitCode);
      this.#reached?.close();
    }
    for (const listener of listeners) {
      try {
        listener();
      } catch (error) {
        if (!(error instanceof Exit)) throw error;
      }
    }
  }

  async #line(): Promise<string | undefined> {
    const buffer = new Uint8Array(64 * 1024);
    while (this.#lines.length === 0) {
      const count = await this.#read(buffer);
      if (count === null) return undefined;
      for (const frame of this.#frames.push(buffer.subarray(0, count))) {
        if (frame.kind === "line") this.#lines.push(frame.text);
        else this.#ignore(frame.error.message);
      }
    }
    return this.#lines.shift();
  }

  async #read(buffer: Uint8Array): Promise<number | null> {
    try {
      return await this.#stream.read(buffer);
    } catch (error) {
      if (!isDisconnect(error)) throw error;
      return null;
    }
  }

  /** @param must whether it is an error that nobody takes it */
  async #send(kind: number, bytes: Uint8Array, must = false): Promise<void> {
    const piece = new Uint8Array(HEAD_BYTES + bytes.length);
    putHead(piece, 0, kind, bytes.length);
    piece.set(bytes, HEAD_BYTES);
    await this.#write(piece, must);
  }

  async #write(bytes: Uint8Array, must: boolean): Promise<void> {
    try {
      await writeAll(this.#stream, bytes);
    } catch (error) {
      if (must || !isDisconnect(error)) throw error;
    }
  }
}

function putHead(to: Uint8Array, at: number, kind: number, length: number): void {
  to[at] = kind;
  new DataView(to.buffer).setUint32(at + 1, length);
}
