/**
 * Runs one command line that came in as `execute`. It stands in for the client's process: its
 * streams, its signals, its terminal and its exit.
 *
 * @module
 */

import { Output, type OutputPiece } from "../client/output.ts";
import { RunLocally } from "../client/run_locally.ts";
import { type ExecuteRequest, FRAME, type IncomingFrame } from "../forward/protocol.ts";
import { ExecuteError, type ReadRequest, readSignal, readSize } from "../forward/requests.ts";
import type { Project } from "../project/root.ts";
import type { Channel } from "../rpc/channel.ts";
import { type Clock, systemClock } from "../system/clock.ts";
import type { Logger } from "../system/logger.ts";
import type { AcceptedStream } from "../system/net/unix_socket.ts";
import type { PassedDescriptors } from "../system/process/passed_descriptors.ts";
import { isMemorable, type KeptOutputs, renewed, type WrittenPiece } from "./answer_memo.ts";
import { ClientDescriptors } from "./client_descriptors.ts";
import { ClientTerminal } from "./client_terminal.ts";
import { CommandExit, CommandSignals } from "./command_signals.ts";
import type { ServerView } from "./daemon.ts";
import type { DescriptorReceiver } from "./descriptor_receiver.ts";
import { ExecuteConnection } from "./execute_connection.ts";
import type { RunCommand } from "./hosted_invocation.ts";
import { OutputRecorder } from "./output_recorder.ts";
import { projectOf, readRequest, refusalOf } from "./request_admission.ts";

/** Parts of the server that the host and its command lines use. */
export interface ForwardHostOptions {
  readonly outputs: KeptOutputs;
  /** Root folder of the project, absolute, with links resolved. */
  readonly root: string;
  /**
   * Config file that the server was started with. Command lines without a config then mean another
   * project, so they are refused.
   */
  readonly config?: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly server: ServerView;
  /** Holds descriptors that clients pass for their tasks. */
  readonly passed: PassedDescriptors;
  readonly run: RunCommand;
}

/** Options of one command line. */
interface ForwardedCommandOptions extends ForwardHostOptions {
  readonly stream: AcceptedStream;
  /** Bytes that have already been read from the stream. */
  readonly first: Uint8Array<ArrayBuffer>;
  /** Opens a native connection to the server. */
  readonly connect: () => Channel;
  readonly receiver: DescriptorReceiver;
}

/** Timeout for a client's request, and then for its `go`, in milliseconds. */
const CLIENT_MS = 10_000;

const encoder = new TextEncoder();

/** Runs one command line. */
export class ForwardedCommand {
  readonly #options: ForwardedCommandOptions;
  readonly #connection: ExecuteConnection;
  readonly #signals = new CommandSignals((exitCode) => {
    this.#ended.resolve(exitCode);
    this.#reached?.close();
  });
  readonly #ended = Promise.withResolvers<number>();
  readonly #recorder = new OutputRecorder();
  readonly #terminal: ClientTerminal;
  #hasIgnored = false;
  #reached: Channel | undefined;
  readonly #descriptors: ClientDescriptors;

  constructor(options: ForwardedCommandOptions) {
    this.#options = options;
    this.#connection = new ExecuteConnection(options);
    this.#terminal = new ClientTerminal(this.#connection, this.#signals);
    this.#descriptors = new ClientDescriptors(options);
  }

  /**
   * Serves the client until its command has ended.
   *
   * @throws {ExecuteError | FrameLengthError} if the client sends an invalid request
   */
  async serve(): Promise<void> {
    // The timeout is needed only if the request is not complete yet.
    const first = this.#connection.buffered() ??
      await this.#connection.within(CLIENT_MS, () => this.#connection.read());
    if (first === undefined) return;
    if (first.type !== FRAME.execute) throw new ExecuteError("its first frame is not a request");
    const read = readRequest(first.payload);
    if (typeof read === "string") return await this.#refuse(read);
    const { request, key } = read;
    const reason = refusalOf(request, this.#options.stream.peer?.pid);
    if (reason !== undefined) return await this.#refuse(reason);
    // A recorded request was checked for this project when it first came.
    const isKnown = this.#options.outputs.has(key);
    const project = isKnown ? undefined : projectOf(request, this.#options);
    if (typeof project === "string") return await this.#refuse(project);
    this.#terminal.resize(request);
    await this.#connection.send(FRAME.accepted);
    // A client that does not send `go` runs the command itself, or was interrupted.
    if (!await this.#mayBegin(request)) return;
    try {
      await this.#begin(read, project);
    } finally {
      this.#descriptors.release();
    }
  }

  /** Closes the connection. The command ends as after the client's exit. */
  leave(): void {
    this.#connection.close();
  }

  /** @param found project of the request, if already known */
  async #begin({ request, key }: ReadRequest, found: Project | undefined): Promise<void> {
    const { clock, server, outputs } = this.#options;
    const begun = clock.monotonic();
    const known = server.isAlone ? outputs.get(key) : undefined;
    if (known !== undefined) {
      server.touch();
      await this.#repeat(renewed(known.answer, clock.monotonic() - begun));
      return this.#connection.close();
    }
    // The record is stale. The working directory may belong to another project by now.
    const project = found ?? projectOf(request, this.#options);
    if (typeof project === "string") return await this.#refuse(project);
    const listening = this.#listen();
    try {
      const code = await Promise.race([this.#run(request, project), this.#ended.promise]);
      // The command has been ended while it drew.
      const { restoration } = this.#terminal;
      if (restoration.length > 0) await this.#connection.send(FRAME.stderr, restoration);
      await this.#connection.send(FRAME.exit, this.#exitPayload(code));
      this.#remember(key, request);
    } catch (error) {
      if (!(error instanceof RunLocally)) throw error;
      await this.#refuse(error.message);
    }
    this.#signals.clear();
    this.#connection.close();
    await listening;
  }

  async #run(
    { args, env, cwd, pid, terminal, version }: ExecuteRequest,
    project: Project,
  ): Promise<number> {
    const output = new Output((pieces) => this.#output(pieces));
    const { ticket } = this.#descriptors;
    const code = await this.#options.run(args, {
      env,
      cwd,
      project,
      pid,
      ...(ticket === undefined ? {} : { passed: ticket }),
      startedAt: systemClock.monotonic(),
      terminal: {
        ...terminal,
        columns: () => this.#terminal.columns,
        rows: () => this.#terminal.rows,
        isHungUp: () => this.#terminal.isHungUp,
        restoreBy: (text) => {
          // An output with a view of a build in progress is not repeated.
          this.#recorder.discard();
          this.#terminal.restoreBy(text, version);
        },
      },
      // A client that names no version may not know the frames of the keyboard.
      ...(version === "" ? {} : { keyboard: this.#terminal.keyboard }),
      output,
      onSignal: (signal, listener) => this.#signals.on(signal, listener),
      onGone: (listener) => this.#signals.on("gone", listener),
      exit: (code) => {
        this.#ended.resolve(code);
        throw new CommandExit(code);
      },
      connect: () => this.#reach(),
    });
    await output.settled;
    return code;
  }

  /** Receives passed descriptors, and waits for `go`. Returns false if the client gives up. */
  async #mayBegin({ passed }: ExecuteRequest): Promise<boolean> {
    const { stream, receiver } = this.#options;
    const { descriptor } = stream;
    if (passed.length > 0 && descriptor !== undefined && receiver.isAble) {
      const least = Math.max(...passed) + 1;
      const received = await receiver.receive(descriptor, least, CLIENT_MS);
      if (received === undefined) return false;
      this.#connection.push(received.data);
      this.#descriptors.register(passed, received.descriptors);
    }
    // `go` has already come if there were descriptors with it.
    const known = this.#connection.buffered();
    const isGo = known?.type === FRAME.go || await this.#connection.within(CLIENT_MS, async () => {
      let next = known ?? await this.#connection.read();
      for (; next !== undefined; next = await this.#connection.read()) {
        if (next.type === FRAME.go) return true;
        if (next.type !== FRAME.size) return false;
        this.#take(next);
      }
      return false;
    });
    if (!isGo) this.#descriptors.release();
    return isGo;
  }

  /** Sends a recorded output in one write. */
  async #repeat(pieces: readonly WrittenPiece[]): Promise<void> {
    await this.#connection.sendPieces(
      [...pieces, { kind: FRAME.exit, bytes: Uint8Array.of(0) }],
      false,
    );
  }

  #remember(key: string, { args, pid }: ExecuteRequest): void {
    const { server, outputs } = this.#options;
    const validity = isMemorable(args) ? server.settled.of(pid) : undefined;
    if (validity === undefined) return;
    const answer = this.#recorder.recorded;
    if (answer !== undefined) outputs.set(key, { answer, validity });
  }

  /** Sends pieces of output in one write, and records them. */
  async #output(pieces: readonly OutputPiece[]): Promise<void> {
    const written = pieces.map(({ stream, bytes }) => ({ kind: FRAME[stream], bytes }));
    for (const piece of written) this.#recorder.add(piece);
    await this.#connection.sendPieces(written, true);
  }

  /**
   * Returns the payload of `exit`: the exit code, and the signal that has caused it if the client
   * has sent that signal.
   */
  #exitPayload(code: number): Uint8Array<ArrayBuffer> {
    const name = encoder.encode(this.#signals.causeOf(code)?.slice("SIG".length) ?? "");
    return Uint8Array.of(code, ...name);
  }

  #refuse(reason: string): Promise<void> {
    return this.#connection.send(FRAME.refused, encoder.encode(reason));
  }

  /**
   * Connects the command to this server. A command that needs another server after that must run in
   * the client's process.
   */
  #reach(): Channel {
    if (this.#reached !== undefined) throw new RunLocally("The server is shutting down");
    this.#reached = this.#options.connect();
    return this.#reached;
  }

  /** Handles the client's frames until the connection ends. The client is gone then. */
  async #listen(): Promise<void> {
    try {
      for (
        let next = await this.#connection.read();
        next !== undefined;
        next = await this.#connection.read()
      ) {
        this.#take(next);
      }
    } finally {
      this.#signals.clientGone();
    }
  }

  /** Handles a frame. An invalid one is ignored. */
  #take({ type, payload }: IncomingFrame): void {
    try {
      if (type === FRAME.size) this.#terminal.resize(readSize(payload));
      else if (type === FRAME.keys) this.#terminal.type(payload);
      else if (type === FRAME.hangup) this.#terminal.hangUp();
      else if (type === FRAME.signal) this.#signals.receive(readSignal(payload));
      else throw new ExecuteError(`a client must not send a frame of type ${type}`);
    } catch (error) {
      if (!(error instanceof ExecuteError)) throw error;
      // Only the first invalid frame is logged. Many of them would fill the log.
      if (this.#hasIgnored) return;
      this.#hasIgnored = true;
      this.#options.log.log("warn", `Ignoring a message of a command line: ${error.message}`);
    }
  }
}
