/**
 * Serves one of BitBake's clients over pipes. It reads commands, and writes replies and events.
 *
 * The session is itself a native client of the server. It connects as an operator, so that its
 * commands are answered immediately even if another client builds. It becomes the controller only
 * during an action that runs tasks.
 *
 * @module
 */

import type { Channel } from "../../rpc/channel.ts";
import type { Logger } from "../../system/logger.ts";
import { OwnedWork } from "../../system/owned_work.ts";
import type { PipeReader, PipeWriter } from "../../system/net/pipe_stream.ts";
import { WireError } from "../../wire/errors.ts";
import type { ClientInfo, SimmerEvent } from "../../wire/events.ts";
import { NativeClient } from "../../xmlrpc/native_client.ts";
import { encodeFrame, PickleFrameDecoder } from "../frames.ts";
import {
  decode,
  encode,
  PickleError,
  type PyObject,
  PyTuple,
  type PyValue,
} from "../pickle/mod.ts";
import type { ActionRun } from "./actions.ts";
import { type ClientContext, NO_REPLY, runCommand } from "./commands.ts";
import { Configuration } from "./configuration.ts";
import { EventTranslator } from "./translator.ts";

/** A client's pipes. */
interface ClientPipes {
  readonly commands: Pick<PipeReader, "close" | typeof Symbol.asyncIterator>;
  readonly events: Pick<PipeWriter, "write" | "end">;
  readonly replies: Pick<PipeWriter, "write" | "end">;
}

/** The options of a {@linkcode BitbakeSession}. */
interface SessionOptions {
  readonly pipes: ClientPipes;
  /** Opens a native connection to the server. */
  readonly connect: () => Channel;
  /** The project's root folder. */
  readonly root: string;
  /** The client's process id, if it is known. */
  readonly pid: number;
  readonly log: Logger;
}

/** Serves one client until it disconnects. */
export class BitbakeSession implements ClientContext {
  readonly configuration = new Configuration();
  readonly handle = 1;
  readonly #options: SessionOptions;
  #operator: NativeClient | undefined;
  #controller: NativeClient | undefined;
  #build: string | undefined;
  #room: Promise<void> | undefined;
  readonly #beside: OwnedWork;

  /** @param options the session owns the pipes from now on */
  constructor(options: SessionOptions) {
    this.#options = options;
    this.#beside = new OwnedWork((what, error) => {
      options.log.log("error", `A BitBake client's ${what} failed: ${String(error)}`);
    });
  }

  get root(): string {
    return this.#options.root;
  }

  get pid(): number {
    return this.#options.pid;
  }

  get isBuilding(): boolean {
    return this.#controller !== undefined;
  }

  /**
   * Serves until the client disconnects or the server ends. Never rejects because of invalid data
   * from the client.
   */
  async serve(): Promise<void> {
    const { pipes, connect, log } = this.#options;
    const frames = new PickleFrameDecoder();
    try {
      this.#operator = await NativeClient.open(connect(), {
        role: "operator",
        client: { pid: this.pid, command: "bitbake" },
      });
      this.#beside.own("watching the server's end", this.#operator.ended.then(() => this.close()));
      for await (const piece of pipes.commands) {
        for (const frame of frames.push(piece)) await this.#answer(decode(frame));
      }
    } catch (error) {
      if (!(error instanceof PickleError) && !(error instanceof WireError)) throw error;
      log.log("warn", `Dropping a BitBake client: ${error.message}`);
    } finally {
      this.close();
    }
  }

  /** Disconnects the client and cancels a build that it has started. Safe to call twice. */
  close(): void {
    const { commands, events, replies } = this.#options.pipes;
    this.#controller?.close();
    this.#operator?.close();
    commands.close();
    events.end();
    replies.end();
  }

  async call(name: string, params?: unknown): Promise<unknown> {
    if (this.#operator === undefined) {
      throw new WireError("shuttingDown", "The server is about to end");
    }
    return await this.#operator.call(name, params);
  }

  async #answer(request: PyValue): Promise<void> {
    const [name, ...args] = Array.isArray(request) ? request : [];
    const reply = typeof name === "string"
      ? await runCommand(name, args, this)
      : [null, "A command is a list that begins with its name"] as const;
    if (reply === NO_REPLY) return;
    await this.#options.pipes.replies.write(encodeFrame(encode(new PyTuple(reply))));
  }

  /**
   * Starts a build, as the controller. The session stops being the controller when the build ends.
   */
  async begin(run: ActionRun & { readonly client: ClientInfo }): Promise<void> {
    const controller = await NativeClient.open(this.#options.connect(), {
      role: "controller",
      whenBusy: "refuse",
      client: run.client,
    });
    this.#controller = controller;
    const translator = new EventTranslator();
    // Events that arrive before the build's id is known. They belong to this build or to no build.
    const early: SimmerEvent[] = [];
    let build: string | undefined;
    const take = (event: SimmerEvent): void => {
      if (build === undefined) early.push(event);
      else this.#tell(translator, build, event);
    };
    const room = (): Promise<void> | undefined => this.#room;
    controller.sink = {
      take,
      get room(): Promise<void> | undefined {
        return room();
      },
    };
    try {
      ({ build } = await controller.call("runTasks", run) as { readonly build: string });
    } catch (error) {
      this.#leave();
      throw error;
    }
    this.#build = build;
    for (const event of early.splice(0)) this.#tell(translator, build, event);
  }

  #tell(translator: EventTranslator, build: string, event: SimmerEvent): void {
    if (event.build !== undefined && event.build !== build) return;
    for (const object of translator.translate(event)) this.emit(object);
    const isEnd = event.type === "CommandCompleted" || event.type === "CommandExit" ||
      event.type === "CommandFailed";
    if (isEnd && this.#build !== undefined) this.#leave();
  }

  /** Gives up the controller role, so that the next waiting client can build. */
  #leave(): void {
    this.#controller?.close();
    this.#controller = undefined;
    this.#build = undefined;
  }

  emit(object: PyObject): void {
    if (!this.configuration.passes(object)) return;
    const written = this.#options.pipes.events.write(encodeFrame(encode(object)));
    this.#room = written;
    const writing = written.then(() => {
      if (this.#room === written) this.#room = undefined;
    });
    this.#beside.own("sending an event", writing);
  }
}
