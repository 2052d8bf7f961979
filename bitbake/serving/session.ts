/**
 * One of BitBake's clients: its commands in, replies and events out.
 *
 * Towards the server it is a native client: an operator from the beginning, so that it is answered
 * at once whoever builds, and the controller for the time of an action.
 *
 * @module
 */

import type { Logger } from "../../system/logger.ts";
import type { PipeReader, PipeWriter } from "../../system/pipe_stream.ts";
import type { ByteStream } from "../../system/streams.ts";
import { WireError } from "../../wire/errors.ts";
import type { ClientInfo, SimmerEvent } from "../../wire/events.ts";
import { NativeClient } from "../../server/xmlrpc/native_client.ts";
import { encodeFrame, PickleFrameDecoder } from "../frames.ts";
import {
  decode,
  encode,
  PickleError,
  type PyObject,
  PyTuple,
  type PyValue,
} from "../pickle/mod.ts";
import { Actions } from "./actions.ts";
import { Configuration } from "./configuration.ts";
import { queueExitWait } from "./objects.ts";
import { EventTranslator } from "./translator.ts";

/** A client's pipes. */
export interface ClientPipes {
  readonly commands: PipeReader;
  readonly events: PipeWriter;
  readonly replies: PipeWriter;
}

/** What a session needs. */
export interface SessionOptions {
  readonly pipes: ClientPipes;
  /** Opens a native connection to the server. */
  readonly connect: () => ByteStream;
  /** The project's root folder. */
  readonly root: string;
  /** The client's process, where it is known. */
  readonly pid: number;
  readonly log: Logger;
}

/** A command that is not answered. */
const NO_REPLY = Symbol("no reply");

type Reply = readonly [value: PyValue, error: string | null] | typeof NO_REPLY;

/** Serves one client until it leaves. */
export class BitbakeSession {
  readonly #options: SessionOptions;
  readonly #configuration = new Configuration();
  #operator: NativeClient | undefined;
  #controller: NativeClient | undefined;
  #build: string | undefined;
  #room: Promise<void> | undefined;

  /** @param options the pipes are the session's from now on */
  constructor(options: SessionOptions) {
    this.#options = options;
  }

  /** Serves until the client leaves or the server ends; never rejects for what the client does. */
  async serve(): Promise<void> {
    const { pipes, connect, log } = this.#options;
    const frames = new PickleFrameDecoder();
    try {
      this.#operator = await NativeClient.open(connect(), {
        role: "operator",
        client: this.#client("bitbake"),
      });
      this.#operator.ended.then(() => this.close());
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

  /** Lets the client go; a build that it has started is cancelled. Safe to call twice. */
  close(): void {
    const { commands, events, replies } = this.#options.pipes;
    this.#controller?.close();
    this.#operator?.close();
    commands.close();
    events.end();
    replies.end();
  }

  async #answer(request: PyValue): Promise<void> {
    const [name, ...args] = Array.isArray(request) ? request : [];
    const reply = typeof name === "string"
      ? await this.#run(name, args)
      : [null, "A command is a list that begins with its name"] as const;
    if (reply === NO_REPLY) return;
    const [value, error] = reply;
    await this.#options.pipes.replies.write(encodeFrame(encode(new PyTuple([value, error]))));
  }

  async #run(name: string, args: readonly PyValue[]): Promise<Reply> {
    try {
      return await this.#dispatch(name, args);
    } catch (error) {
      if (error instanceof WireError) return [null, error.message];
      throw error;
    }
  }

  async #dispatch(name: string, args: readonly PyValue[]): Promise<Reply> {
    const [first = null, second = null] = args;
    switch (name) {
      case "setFeatures":
      case "getVariable":
      case "getSetVariable":
        return [null, null];
      case "updateConfig":
        this.#configuration.update(args);
        return [null, null];
      case "setConfig":
        return [null, null];
      case "getUIHandlerNum":
        return [1, null];
      case "setEventMask":
        this.#configuration.mask(args);
        return [true, null];
      case "ping":
        return ["Still alive!", null];
      case "stateShutdown":
      case "stateForceShutdown":
        await this.#cancel(name === "stateForceShutdown");
        return [null, null];
      case "terminateServer":
        await this.#operator?.call("terminateServer");
        return NO_REPLY;
      default:
        return await this.#act(name, first, second);
    }
  }

  async #cancel(force: boolean): Promise<void> {
    if (this.#controller === undefined) return;
    this.#emit(queueExitWait());
    await this.#operator?.call(force ? "stateForceShutdown" : "stateShutdown");
  }

  /** An action: it is answered at once, and ends with an event. */
  async #act(name: string, first: PyValue, second: PyValue): Promise<Reply> {
    const operator = this.#operator;
    if (operator === undefined) return [null, "The server is about to end"];
    const actions = new Actions({
      operator,
      configuration: this.#configuration,
      root: this.#options.root,
      emit: (object) => this.#emit(object),
    });
    if (!actions.has(name)) return [null, "No such command"];
    const params = await actions.carryOut(name, first, second);
    if (params === undefined) return [true, null];
    await this.#begin({ ...params, client: this.#client(this.#configuration.commandLine) });
    return [true, null];
  }

  /** Becomes the controller for the time of one build. */
  async #begin(params: { readonly client: ClientInfo }): Promise<void> {
    const controller = await NativeClient.open(this.#options.connect(), {
      role: "controller",
      whenBusy: "refuse",
      client: params.client,
    });
    this.#controller = controller;
    const translator = new EventTranslator();
    // What comes before the build's id is known belongs to it, or to nobody.
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
      ({ build } = await controller.call("runTasks", params) as { readonly build: string });
    } catch (error) {
      this.#leave();
      throw error;
    }
    this.#build = build;
    for (const event of early.splice(0)) this.#tell(translator, build, event);
  }

  #tell(translator: EventTranslator, build: string, event: SimmerEvent): void {
    if (event.build !== undefined && event.build !== build) return;
    for (const object of translator.translate(event)) this.#emit(object);
    const isEnd = event.type === "CommandCompleted" || event.type === "CommandExit" ||
      event.type === "CommandFailed";
    if (isEnd && this.#build !== undefined) this.#leave();
  }

  /** Whoever waits may build now. */
  #leave(): void {
    this.#controller?.close();
    this.#controller = undefined;
    this.#build = undefined;
  }

  #emit(object: PyObject): void {
    if (!this.#configuration.passes(object)) return;
    const written = this.#options.pipes.events.write(encodeFrame(encode(object)));
    this.#room = written;
    written.then(() => {
      if (this.#room === written) this.#room = undefined;
    });
  }

  #client(command: string): ClientInfo {
    return { pid: this.#options.pid, command };
  }
}
