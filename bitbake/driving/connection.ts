/**
 * A connection to BitBake's own server: commands out, replies and events in.
 *
 * @module
 */

import { DescriptorPassing } from "../../system/descriptor_passing.ts";
import { FreshSockets } from "../../system/peer.ts";
import { PipeReader, PipeWriter } from "../../system/pipe_stream.ts";
import type { ByteStream } from "../../system/streams.ts";
import { connectUnix } from "../../system/unix_socket.ts";
import { WireError } from "../../wire/errors.ts";
import { encodeFrame, PickleFrameDecoder } from "../frames.ts";
import { decode, encode, PyTuple, type PyValue } from "../pickle/mod.ts";

/** What comes from the server without being asked for. */
export type EventListener = (event: PyValue) => Promise<void> | void;

/** A way to BitBake's own server. */
export interface BitbakeLink {
  /** Resolves when the server has closed the connection, or this side has. */
  readonly ended: Promise<void>;
  /** This client's number, for its event mask. */
  handler(): Promise<PyValue>;
  /**
   * Sends a command.
   *
   * @throws {WireError} with the server's words, where it answers an error; where it is gone
   */
  call(name: string, ...args: readonly PyValue[]): Promise<PyValue>;
  /** Ends the server, without an answer. */
  terminate(): Promise<void>;
  /** Leaves. Safe to call twice. */
  close(): void;
}

interface Waiting {
  readonly resolve: (value: PyValue) => void;
  readonly reject: (error: WireError) => void;
}

/** A client of BitBake's server. */
export class BitbakeConnection implements BitbakeLink {
  /** Resolves when the server has closed the connection, or this side has. */
  readonly ended: Promise<void>;
  readonly #stream: ByteStream;
  readonly #commands: PipeWriter;
  readonly #replies: PipeReader;
  readonly #events: PipeReader;
  readonly #waiting: Waiting[] = [];
  #isClosed = false;

  private constructor(
    stream: ByteStream,
    pipes: { commands: PipeWriter; replies: PipeReader; events: PipeReader },
    listener: EventListener,
  ) {
    this.#stream = stream;
    this.#commands = pipes.commands;
    this.#replies = pipes.replies;
    this.#events = pipes.events;
    this.ended = Promise.all([this.#takeReplies(), this.#takeEvents(listener)])
      .then(() => this.close());
  }

  /**
   * Connects and hands over the ends of the pipes.
   *
   * @returns `undefined` where nobody listens
   * @throws {Deno.errors.NotSupported} on other platforms than Linux
   */
  static async open(path: string, listener: EventListener): Promise<BitbakeConnection | undefined> {
    using passing = DescriptorPassing.open();
    const fresh = new FreshSockets();
    const stream = await connectUnix(path);
    if (stream === undefined) return undefined;
    using acquired = new DisposableStack();
    acquired.defer(() => stream.close());
    const [socket] = fresh.descriptors();
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
    const isSent = socket !== undefined &&
      passing.send(socket, new Uint8Array([sent.length]), sent);
    if (!isSent) return undefined;
    acquired.move();
    return new BitbakeConnection(stream, {
      commands: new PipeWriter(commands[0]),
      replies: new PipeReader(replies[0]),
      events: new PipeReader(events[0]),
    }, listener);
  }

  /**
   * Sends a command.
   *
   * @throws {WireError} with the server's words, where it answers an error; where it is gone
   */
  call(name: string, ...args: readonly PyValue[]): Promise<PyValue> {
    const { promise, resolve, reject } = Promise.withResolvers<PyValue>();
    if (this.#isClosed) reject(gone());
    else {
      this.#waiting.push({ resolve, reject });
      void this.#send(name, args);
    }
    return promise;
  }

  handler(): Promise<PyValue> {
    return this.call("getUIHandlerNum");
  }

  async terminate(): Promise<void> {
    await this.#send("terminateServer", []);
  }

  #send(name: string, args: readonly PyValue[]): Promise<void> {
    return this.#commands.write(encodeFrame(encode([name, ...args])));
  }

  /** Leaves. Safe to call twice. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#events.close();
    this.#stream.close();
    this.#commands.end();
    this.#replies.close();
    for (const { reject } of this.#waiting.splice(0)) reject(gone());
  }

  async #takeReplies(): Promise<void> {
    const frames = new PickleFrameDecoder();
    for await (const piece of this.#replies) {
      for (const frame of frames.push(piece)) this.#answer(decode(frame));
    }
    this.close();
  }

  async #takeEvents(listener: EventListener): Promise<void> {
    const frames = new PickleFrameDecoder();
    for await (const piece of this.#events) {
      for (const frame of frames.push(piece)) await listener(decode(frame));
    }
  }

  #answer(reply: PyValue): void {
    const waiting = this.#waiting.shift();
    const [value = null, error = null] = reply instanceof PyTuple ? reply.items : [];
    if (error === null || error === "") waiting?.resolve(value);
    else waiting?.reject(new WireError("internalError", `BitBake: ${String(error)}`));
  }
}

/** The error of what can't be asked any more. */
export function gone(): WireError {
  return new WireError("shuttingDown", "BitBake's server has closed the connection");
}
