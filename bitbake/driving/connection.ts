/**
 * Connects to BitBake's own server over its Unix socket. Commands are written to one pipe, replies
 * and events are read from two others.
 *
 * @module
 */

import { type Clock, systemClock } from "../../system/clock.ts";
import { DescriptorPassing } from "../../system/net/descriptor_passing.ts";
import { joinPath, parentFolder } from "../../system/files/files.ts";
import { macrotask } from "../../system/macrotask.ts";
import { FreshSockets, peerCredentials } from "../../system/net/peer.ts";
import { PipeReader, PipeWriter } from "../../system/net/pipe_stream.ts";
import type { ByteStream } from "../../system/net/streams.ts";
import { connectUnix } from "../../system/net/unix_socket.ts";
import { WireError } from "../../wire/errors.ts";
import { encodeFrame, PickleFrameDecoder } from "../frames.ts";
import { decode, encode, PickleError, PyTuple, type PyValue } from "../pickle/mod.ts";
import { ReplyError } from "./reply_error.ts";
import { ServerWatch } from "./server_watch.ts";

/** The name of the file that the server keeps locked while it runs. */
export const LOCK = "bitbake.lock";

/**
 * Receives the pickle of an event. The next event is delivered when the returned promise has
 * resolved.
 */
export type EventListener = (pickle: Uint8Array) => Promise<void> | void;

/** A transport to BitBake's own server: pipes, or XML-RPC. */
export interface BitbakeLink {
  /**
   * Resolves when the server has closed the connection, when it has ended, or when this side has
   * closed. The value is the error if the conversation failed. Never rejects.
   */
  readonly ended: Promise<WireError | undefined>;
  /** The server's process id, if it is known and the process is on this machine. */
  readonly serverPid: number | undefined;
  /** Sends the client's features and registers it as the server's client. */
  greet(features: readonly number[]): Promise<void>;
  /** Returns this client's handler number, for its event mask. */
  handler(): Promise<PyValue>;
  /**
   * Sends a command.
   *
   * @throws {ReplyError} with the server's text, if the server answers with an error
   * @throws {WireError} if the server is gone
   */
  call(name: string, ...args: readonly PyValue[]): Promise<PyValue>;
  /** Resolves when the listener has processed every event that was sent before the last reply. */
  settled(): Promise<void>;
  /** Terminates the server. The server sends no reply. */
  terminate(): Promise<void>;
  /** Closes the connection. Safe to call twice. */
  close(): void;
}

interface Waiting {
  readonly command: string;
  readonly resolve: (value: PyValue) => void;
  readonly reject: (error: Error) => void;
}

interface Pipes {
  readonly commands: PipeWriter;
  readonly replies: PipeReader;
  readonly events: PipeReader;
}

/** A client of BitBake's server, connected by pipes. */
export class BitbakeConnection implements BitbakeLink {
  readonly ended: Promise<WireError | undefined>;
  readonly serverPid: number | undefined;
  readonly #stream: ByteStream;
  readonly #pipes: Pipes;
  readonly #watch: ServerWatch;
  readonly #waiting: Waiting[] = [];
  #isClosed = false;
  #hasServerEnded = false;
  #failure: WireError | undefined;
  /** True while the listener processes events that were read from the pipe. */
  #isDelivering = false;

  private constructor(
    stream: ByteStream,
    pipes: Pipes,
    { watch, pid, listener }: {
      readonly watch: ServerWatch;
      readonly pid: number | undefined;
      readonly listener: EventListener;
    },
  ) {
    this.#stream = stream;
    this.#pipes = pipes;
    this.#watch = watch;
    this.serverPid = pid;
    this.ended = this.#run([this.#takeReplies(), this.#takeEvents(listener), this.#watchServer()]);
  }

  /**
   * Connects to the server's socket and passes it the other ends of the pipes.
   *
   * @returns `undefined` if no server listens, if the only listeners are children of a server that
   *   has ended, or if the pipes cannot be passed
   * @throws {Deno.errors.NotSupported} on other platforms than Linux
   */
  static async open(
    path: string,
    listener: EventListener,
    clock: Clock = systemClock,
  ): Promise<BitbakeConnection | undefined> {
    using passing = DescriptorPassing.open();
    const fresh = new FreshSockets();
    const stream = await connectUnix(path);
    if (stream === undefined) return undefined;
    using acquired = new DisposableStack();
    acquired.defer(() => stream.close());
    const [socket] = fresh.descriptors();
    if (socket === undefined) return undefined;
    const pid = listenerOf(socket);
    const watch = new ServerWatch({ pid, lock: joinPath(parentFolder(path), LOCK) }, clock);
    if (watch.hasEnded) return undefined;
    using theirs = new DisposableStack();
    const pipe = (mine: "read" | "write"): readonly [number, number] => {
      const ends = passing.pipe();
      const other = mine === "read" ? ends.write : ends.read;
      acquired.defer(() => passing.closeAll([ends[mine]]));
      theirs.defer(() => passing.closeAll([other]));
      return [ends[mine], other];
    };
    const [events, commands, replies] = [pipe("read"), pipe("write"), pipe("read")];
    const sent = [events[1], commands[1], replies[1]];
    if (!passing.send(socket, new Uint8Array([sent.length]), sent)) return undefined;
    acquired.move();
    return new BitbakeConnection(stream, {
      commands: new PipeWriter(commands[0]),
      replies: new PipeReader(replies[0]),
      events: new PipeReader(events[0]),
    }, { watch, pid, listener });
  }

  async greet(features: readonly number[]): Promise<void> {
    await this.call("setFeatures", [...features]);
  }

  async call(name: string, ...args: readonly PyValue[]): Promise<PyValue> {
    const frame = commandFrame(name, args);
    if (this.#isClosed) throw this.#reason;
    const { promise, resolve, reject } = Promise.withResolvers<PyValue>();
    this.#waiting.push({ command: name, resolve, reject });
    const [reply] = await Promise.all([promise, this.#pipes.commands.write(frame)]);
    return reply;
  }

  handler(): Promise<PyValue> {
    return this.call("getUIHandlerNum");
  }

  async settled(): Promise<void> {
    using passing = DescriptorPassing.open();
    const { events } = this.#pipes;
    while (!events.isClosed) {
      const hasMore = await passing.isReadable(events.descriptor);
      if (!hasMore && !events.hasBuffered && !this.#isDelivering) return;
      await macrotask();
    }
  }

  async terminate(): Promise<void> {
    await this.#pipes.commands.write(commandFrame("terminateServer", []));
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const { commands, replies, events } = this.#pipes;
    this.#watch.stop();
    events.close();
    this.#stream.close();
    // A server that has ended does not read pending commands, so they are not flushed.
    if (this.#hasServerEnded) commands.close();
    else commands.end();
    replies.close();
    for (const { reject } of this.#waiting.splice(0)) reject(this.#reason);
  }

  /** The error of every call after the connection has closed. */
  get #reason(): WireError {
    if (this.#failure !== undefined) return this.#failure;
    return this.#hasServerEnded ? killed(this.serverPid) : gone();
  }

  async #run(works: readonly Promise<void>[]): Promise<WireError | undefined> {
    await Promise.all(works.map((work) => this.#guard(work)));
    this.close();
    return this.#failure;
  }

  async #guard(work: Promise<void>): Promise<void> {
    try {
      await work;
    } catch (error) {
      this.#failure ??= misunderstood(error);
      this.close();
    }
  }

  async #watchServer(): Promise<void> {
    this.#hasServerEnded = await this.#watch.untilEnded();
    this.close();
  }

  async #takeReplies(): Promise<void> {
    const frames = new PickleFrameDecoder();
    for await (const piece of this.#pipes.replies) {
      for (const frame of frames.push(piece)) this.#answer(decode(frame));
    }
    // The last events of a server that is ending may still be in their pipe.
    await this.settled();
    this.close();
  }

  async #takeEvents(listener: EventListener): Promise<void> {
    const frames = new PickleFrameDecoder();
    for await (const piece of this.#pipes.events) {
      this.#isDelivering = true;
      for (const frame of frames.push(piece)) await listener(frame);
      this.#isDelivering = false;
    }
  }

  #answer(reply: PyValue): void {
    const waiting = this.#waiting.shift();
    const [value = null, error = null] = reply instanceof PyTuple ? reply.items : [];
    if (error === null || error === "") waiting?.resolve(value);
    else waiting?.reject(new ReplyError(waiting.command, String(error)));
  }
}

/**
 * Encodes a command as a frame.
 *
 * @throws {WireError} if the arguments cannot be pickled
 */
function commandFrame(name: string, args: readonly PyValue[]): Uint8Array {
  try {
    return encodeFrame(encode([name, ...args]));
  } catch (error) {
    if (!(error instanceof PickleError)) throw error;
    throw new WireError("invalidParams", `cannot send '${name}': ${error.message}`);
  }
}

/**
 * Returns the id of the process that listens at the other end of a socket, if it is in this PID
 * namespace.
 */
function listenerOf(socket: number): number | undefined {
  const { pid = 0 } = peerCredentials(socket) ?? {};
  return pid > 0 ? pid : undefined;
}

/** Creates the error for calls after the server has closed the connection. */
export function gone(): WireError {
  return new WireError("shuttingDown", "BitBake's server has closed the connection");
}

/** Creates the error for calls that the server did not answer before its process ended. */
export function killed(pid: number | undefined): WireError {
  const which = pid === undefined ? "" : ` (pid ${pid})`;
  return new WireError("shuttingDown", `BitBake's server${which} has ended, perhaps killed`);
}

/** Creates the error for a conversation that cannot continue. */
export function misunderstood(error: unknown): WireError {
  const words = error instanceof Error ? error.message : String(error);
  return new WireError("shuttingDown", `Cannot go on with BitBake's server: ${words}`);
}
