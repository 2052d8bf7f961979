/**
 * Presents BitBake's own server as a simmer server: a channel that speaks simmer's protocol to the
 * client and BitBake's protocol to the server. The client therefore sends the same commands to both
 * servers. Commands that BitBake lacks are refused.
 *
 * @module
 */

import { readLockContent } from "../../lock/content.ts";
import { Channel, inMemory } from "../../rpc/channel.ts";
import type { Clock } from "../../system/clock.ts";
import { joinPath, parentFolder } from "../../system/files/files.ts";
import { OwnedWork } from "../../system/owned_work.ts";
import type {
  CancelBuildInput,
  RunTasksInput,
  ServerStatus,
  SignalTasksParams,
} from "../../wire/commands.ts";
import { formatAddress, type TcpAddress } from "../../wire/address.ts";
import { WireError } from "../../wire/errors.ts";
import {
  DEFAULT_MASK,
  type EventBody,
  type EventMask,
  type LogLevel,
  passesMask,
} from "../../wire/events.ts";
import { type HelloParams, type HelloResult, PROTOCOL, VERSION } from "../../wire/hello.ts";
import { failure, isRequest, notification, type Request, success } from "../../wire/messages.ts";
import { processEnvironment } from "../../system/process/processes.ts";
import { decode, PickleError, toPlain } from "../pickle/mod.ts";
import { signalExitCode } from "../../system/process/signals.ts";
import type { TaskSignal } from "../../wire/signals.ts";
import type { Caller } from "./client_configuration.ts";
import { argumentsOf, ASYNCHRONOUS, valueOf, WITHOUT_COUNTERPART } from "./commands.ts";
import { BitbakeConnection, type BitbakeLink, gone, misunderstood } from "./connection.ts";
import { Conversation } from "./conversation.ts";
import { XmlRpcLink } from "./xmlrpc_link.ts";
import { BitbakeTranslator } from "./translator.ts";

/** The name of the server's own log file, in the folder of its socket. */
const SERVER_LOG = "bitbake-cookerdaemon.log";

/** The maximum number of logged errors that are stored to explain error replies. */
const MAX_LOGGED = 100;

/** The limit of the characters that the client has not read. Above it, no event is read. */
const MAX_HELD = 64 * 1024;

/** The location of BitBake's own server: its socket, absolute, or its address for XML-RPC. */
export type BitbakePlace = { readonly socket: string } | { readonly address: TcpAddress };

/**
 * Connects to BitBake's own server.
 *
 * @param caller the command line that calls the server
 * @returns a channel that speaks simmer's protocol; `undefined` if no server listens
 * @throws {WireError} if the server is busy with another client
 */
export async function openGateway(
  place: BitbakePlace,
  clock: Clock,
  caller: Caller,
): Promise<Channel | undefined> {
  return await new Gateway(place, clock, caller).open();
}

/** Returns true if the parameters of a `cancelBuild` ask for an end by force. */
function isForced(params: unknown): boolean {
  return (params as CancelBuildInput | undefined)?.force === true;
}

/** An asynchronous command that BitBake's server has accepted. */
class Action {
  /** @param end rejects if the action fails */
  constructor(readonly reply: unknown, readonly end: Promise<void>) {}
}

class Gateway {
  readonly #place: BitbakePlace;
  readonly #clock: Clock;
  readonly #caller: Caller;
  readonly #logged: string[] = [];
  /** The number of errors that were logged before those in `#logged`. */
  #forgotten = 0;
  /** The client's end of the connection, and the gateway's. */
  readonly #carriers = inMemory();
  readonly #channel = new Channel(this.#carriers[1], "server");
  #translator: BitbakeTranslator;
  #hello: HelloParams | undefined;
  #mask: EventMask = DEFAULT_MASK;
  #seq = 0;
  #builds = 0;
  /** The number of unanswered requests. */
  #asked = 0;
  /** The error of the last failed request. */
  #lastAnswered: WireError | undefined;
  /**
   * The end of the action in progress: its exit code, or the error that prevents the server from
   * reporting one.
   */
  #action: PromiseWithResolvers<number | WireError> | undefined;
  /** The client's signal that cancelled the build in progress. */
  #cancelledBy: TaskSignal | undefined;
  /** Resolves when the last action has been answered. */
  #acted: Promise<void> = Promise.resolve();
  readonly #work = new OwnedWork((_, error) => this.#fail(misunderstood(error)));

  constructor(place: BitbakePlace, clock: Clock, caller: Caller) {
    this.#place = place;
    this.#clock = clock;
    this.#caller = caller;
    this.#translator = new BitbakeTranslator("bitbake", () => clock.monotonic());
  }

  async open(): Promise<Channel | undefined> {
    const tell = (pickle: Uint8Array): Promise<void> => this.#tell(pickle);
    const link = "socket" in this.#place
      ? await BitbakeConnection.open(this.#place.socket, tell, this.#clock)
      : await XmlRpcLink.open(this.#place.address, this.#clock, tell);
    if (link === undefined) return undefined;
    this.#work.own("waiting for the server's end", this.#follow(link));
    this.#work.own("serving the client", this.#serve(link));
    const [carrier] = this.#carriers;
    return new Channel({
      ...carrier,
      // Reports the end of the channel only after the server's link has ended, because the client
      // then exits.
      read: async () => {
        const received = await carrier.read();
        if (received === null) await link.ended;
        return received;
      },
      close: () => {
        carrier.close();
        // An unresponsive server must not prevent its client from exiting.
        if (this.#asked > 0) link.close();
      },
    }, "client");
  }

  /** Closes the client's channel when the link has ended. */
  async #follow(link: BitbakeLink): Promise<void> {
    const failure = await link.ended;
    if (failure !== undefined) return this.#fail(failure);
    this.#action?.resolve(gone());
    await this.#close();
  }

  /** Reports to the client why the gateway cannot continue, and closes. */
  #fail(failure: WireError): void {
    if (this.#action !== undefined) this.#action.resolve(failure);
    else if (failure !== this.#lastAnswered) this.#event(logRecord("error", failure.message));
    this.#work.own("closing", this.#close());
  }

  async #close(): Promise<void> {
    await this.#acted;
    await this.#channel.outbox.drained();
    this.#channel.close();
  }

  async #serve(link: BitbakeLink): Promise<void> {
    const conversation = this.#conversation(link);
    for (
      let received = await this.#channel.receive();
      received !== null;
      received = await this.#channel.receive()
    ) {
      for (const each of received) {
        if (each.kind !== "message" || !isRequest(each.message)) continue;
        await this.#answer(each.message, conversation, link);
      }
    }
    link.close();
  }

  #conversation(link: BitbakeLink): Conversation {
    const { serverPid } = link;
    const socket = "socket" in this.#place ? this.#place.socket : undefined;
    const environment = serverPid === undefined ? undefined : processEnvironment(serverPid);
    return new Conversation({
      link,
      caller: this.#caller,
      server: { socket, environment },
      log: socket === undefined ? undefined : joinPath(parentFolder(socket), SERVER_LOG),
      logged: {
        count: () => this.#forgotten + this.#logged.length,
        since: (count) => this.#logged.slice(Math.max(0, count - this.#forgotten)),
      },
    });
  }

  /** Answers a request. An action is answered at its end, and later requests do not wait for it. */
  async #answer(request: Request, bitbake: Conversation, link: BitbakeLink): Promise<void> {
    this.#asked++;
    try {
      const result = await this.#carryOut(request, bitbake, link);
      if (result instanceof Action) this.#acted = this.#answerAtEnd(request, result);
      else this.#succeed(request, result);
    } catch (error) {
      this.#refuse(request, error);
    }
  }

  /** Answers the request of an action when the action has ended. Never rejects. */
  async #answerAtEnd(request: Request, { reply, end }: Action): Promise<void> {
    try {
      await end;
      this.#succeed(request, reply);
    } catch (error) {
      this.#refuse(request, error);
    }
  }

  #succeed({ id }: Request, result: unknown): void {
    this.#asked--;
    this.#channel.send(success(id, result));
  }

  #refuse({ id }: Request, error: unknown): void {
    this.#asked--;
    const answer = error instanceof WireError ? error : misunderstood(error);
    this.#lastAnswered = answer;
    this.#channel.send(failure(id, answer));
  }

  async #carryOut(
    { method, params }: Request,
    bitbake: Conversation,
    link: BitbakeLink,
  ): Promise<unknown> {
    if (method === "terminateServer") {
      await link.terminate();
      return null;
    }
    // The parameters of BitBake's commands are lists; simmer's own are objects.
    if (Array.isArray(params)) return await this.#pass(method, params, bitbake);
    switch (method) {
      case "hello":
        return await this.#welcome(params as HelloParams, bitbake);
      case "status":
        return await this.#status(bitbake);
      case "setFeatures":
        return [];
      case "setEventMask":
        this.#mask = params as EventMask;
        bitbake.wantsDebug = this.#mask.logLevel === "debug";
        return null;
      case "stateShutdown":
      case "stateForceShutdown":
        await bitbake.call(method);
        return true;
      case "cancelBuild":
        await bitbake.call(isForced(params) ? "stateForceShutdown" : "stateShutdown");
        return true;
      case "signalTasks":
        return await this.#signal(params as SignalTasksParams, bitbake);
      case "runTasks":
        return await this.#run(params as RunTasksInput, bitbake);
      default:
        return await this.#pass(method, argumentsOf(params), bitbake);
    }
  }

  async #welcome(params: HelloParams, bitbake: Conversation): Promise<HelloResult> {
    this.#hello = params;
    await bitbake.greet();
    // An observer sends no further command that would configure the server.
    if (params.role === "observer") await bitbake.configure();
    const { pid = 0, root } = this.#server;
    return {
      protocol: PROTOCOL,
      version: VERSION,
      pid,
      handler: 1,
      role: params.role,
      features: [],
      project: params.project ?? { root },
    };
  }

  get #server(): { readonly pid?: number; readonly root: string; readonly socket: string } {
    if ("address" in this.#place) return { root: "/", socket: formatAddress(this.#place.address) };
    const { socket } = this.#place;
    const root = parentFolder(socket);
    const pid = readLockContent(joinPath(root, "bitbake.lock"))?.pid;
    return { root, socket, ...(pid === undefined ? {} : { pid }) };
  }

  /** Returns the server's status. Fields that BitBake's server does not report are absent. */
  async #status(bitbake: Conversation): Promise<ServerStatus> {
    const version = await this.#version(bitbake);
    return {
      version: version.name,
      ...this.#server,
      state: "running",
      busyWith: null,
      build: null,
      builds: [],
      clients: [{ handler: 1, role: "controller", ...this.#client }],
      notes: ["This is BitBake's own server", ...version.notes],
    };
  }

  /**
   * Reads BitBake's version. A running server may be unable to read its configuration, and the
   * error is then returned as a note.
   */
  async #version(
    bitbake: Conversation,
  ): Promise<{ readonly name: string; readonly notes: readonly string[] }> {
    try {
      const version = await bitbake.call("getVariable", "BB_VERSION");
      return { name: `BitBake ${String(version)}`, notes: [] };
    } catch (error) {
      if (!(error instanceof WireError) || !error.is("bitbakeError")) throw error;
      return { name: "BitBake", notes: [error.message] };
    }
  }

  get #client(): HelloParams["client"] {
    return this.#hello?.client ?? { pid: 1, command: "simmer" };
  }

  async #run(input: RunTasksInput, bitbake: Conversation): Promise<{ build: string }> {
    const build = this.#begin();
    await bitbake.build(input, () => {
      this.#event({
        type: "BuildStarted",
        build,
        requested: input.tasks,
        total: input.tasks.length,
        jobs: 1,
        client: input.client,
      });
    });
    return { build };
  }

  /** Begins a build or another action. The events from now on belong to it. */
  #begin(): string {
    const build = `bitbake-${++this.#builds}`;
    this.#cancelledBy = undefined;
    this.#translator = new BitbakeTranslator(build, () => this.#clock.monotonic());
    return build;
  }

  /**
   * Cancels the build if `cancel` is set. BitBake does not pass signals on to its tasks, it can
   * only end them.
   */
  async #signal(
    { signal, cancel }: SignalTasksParams,
    bitbake: Conversation,
  ): Promise<boolean> {
    if (signal === "SIGKILL") {
      await bitbake.call("stateForceShutdown");
      return true;
    }
    if (!cancel) return false;
    // A second signal adds nothing: BitBake waits for its tasks until they have to end by force.
    const isFirst = this.#cancelledBy === undefined;
    // The build may end before the reply comes.
    this.#cancelledBy ??= signal;
    if (isFirst) await bitbake.call("stateShutdown");
    return true;
  }

  /**
   * Sends one of BitBake's commands unchanged.
   *
   * @returns the reply, or the action that the command started
   */
  async #pass(
    name: string,
    args: readonly unknown[],
    bitbake: Conversation,
  ): Promise<unknown> {
    const instead = WITHOUT_COUNTERPART.get(name);
    if (instead !== undefined) throw new WireError("notPermitted", `BitBake's server ${instead}`);
    const values = args.map(valueOf);
    if (!ASYNCHRONOUS.has(name)) return toPlain(await bitbake.call(name, ...values));
    await bitbake.configure();
    if (this.#action !== undefined) {
      throw new WireError("busy", `BitBake carries out another action: '${name}' has to wait`);
    }
    this.#begin();
    const action = Promise.withResolvers<number | WireError>();
    this.#action = action;
    const ended = action.promise.finally(() => this.#action = undefined);
    try {
      const reply = toPlain(await bitbake.call(name, ...values));
      return new Action(reply, this.#checkEnd(name, ended));
    } catch (error) {
      this.#action = undefined;
      throw error;
    }
  }

  /**
   * Waits for the end of an action.
   *
   * @throws {WireError} if the action failed
   */
  async #checkEnd(name: string, ended: Promise<number | WireError>): Promise<void> {
    const end = await ended;
    if (end instanceof WireError) throw end;
    if (end !== 0) throw new WireError("bitbakeError", `BitBake: '${name}' failed`);
  }

  #tell(pickle: Uint8Array): Promise<void> {
    for (const body of this.#translated(pickle)) {
      if (body.type === "LogRecord" && body.level === "error") this.#remember(body.message);
      if (body.type === "CommandCompleted") this.#action?.resolve(0);
      if (body.type === "CommandExit") this.#action?.resolve(body.exitCode);
      this.#event(this.#asCancelled(body));
    }
    return this.#channel.outbox.room(MAX_HELD);
  }

  /**
   * Translates an event. An unreadable event is reported as a warning, and later events are still
   * delivered.
   */
  #translated(pickle: Uint8Array): readonly EventBody[] {
    try {
      return this.#translator.translate(decode(pickle));
    } catch (error) {
      if (!(error instanceof PickleError)) throw error;
      return [logRecord("warn", `Cannot read an event of BitBake's server: ${error.message}`)];
    }
  }

  /**
   * Adjusts the exit code of a cancelled build. The exit codes of BitBake's tasks are unknown, so
   * the exit code is that of the client's signal.
   */
  #asCancelled(body: EventBody): EventBody {
    if (this.#cancelledBy === undefined) return body;
    const exitCode = signalExitCode(this.#cancelledBy);
    if (body.type === "BuildCompleted") return { ...body, exitCode };
    if (body.type !== "CommandCompleted" && body.type !== "CommandExit") return body;
    return { ...body, type: "CommandExit", exitCode };
  }

  #remember(message: string): void {
    this.#logged.push(message);
    if (this.#logged.length <= MAX_LOGGED) return;
    this.#logged.shift();
    this.#forgotten++;
  }

  #event(body: EventBody): void {
    if (!passesMask(body, this.#mask)) return;
    const stamp = { seq: ++this.#seq, time: this.#clock.now() };
    this.#channel.send(notification("event", { ...body, ...stamp }));
  }
}

function logRecord(level: LogLevel, message: string): EventBody {
  return { type: "LogRecord", level, message };
}
