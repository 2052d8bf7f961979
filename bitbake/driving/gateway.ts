/**
 * BitBake's own server as if it were simmer's: a stream that speaks simmer's protocol at one end and
 * BitBake's at the other, so that every command of the client works on it.
 *
 * @module
 */

import { readLockContent } from "../../lock/content.ts";
import type { Clock } from "../../system/clock.ts";
import { joinPath, parentFolder } from "../../system/files.ts";
import { type ByteStream, memoryPair, writeAll } from "../../system/streams.ts";
import type { RunTasksInput, ServerStatus } from "../../wire/commands.ts";
import { formatAddress, type TcpAddress } from "../../wire/address.ts";
import { WireError } from "../../wire/errors.ts";
import type { EventBody } from "../../wire/events.ts";
import { encodeFrame, FrameDecoder } from "../../wire/frame.ts";
import { type HelloParams, type HelloResult, PROTOCOL, VERSION } from "../../wire/hello.ts";
import {
  failure,
  isRequest,
  type Message,
  notification,
  parseMessage,
  type Request,
  success,
} from "../../wire/messages.ts";
import { PyDict, type PyValue, toPlain } from "../pickle/mod.ts";
import { BitbakeConnection, type BitbakeLink } from "./connection.ts";
import { XmlRpcLink } from "./xmlrpc_link.ts";
import { BitbakeTranslator } from "./translator.ts";

/** Log records from here on are sent: notes. */
const NOTE = 20;

/** Where BitBake's own server is: its socket, absolute, or its address for XML-RPC. */
export type BitbakePlace = { readonly socket: string } | { readonly address: TcpAddress };

/**
 * Connects to BitBake's own server.
 *
 * @returns a stream that speaks simmer's protocol; `undefined` where nobody listens
 * @throws {WireError} where the server is busy with another client
 */
export async function openGateway(
  place: BitbakePlace,
  clock: Clock,
): Promise<ByteStream | undefined> {
  return await new Gateway(place, clock).open();
}

class Gateway {
  readonly #place: BitbakePlace;
  readonly #clock: Clock;
  #near: ByteStream | undefined;
  #connection: BitbakeLink | undefined;
  #translator: BitbakeTranslator;
  #hello: HelloParams | undefined;
  #seq = 0;
  #builds = 0;
  #writing: Promise<void> = Promise.resolve();

  constructor(place: BitbakePlace, clock: Clock) {
    this.#place = place;
    this.#clock = clock;
    this.#translator = new BitbakeTranslator("bitbake", () => clock.monotonic());
  }

  async open(): Promise<ByteStream | undefined> {
    const tell = (event: PyValue): Promise<void> => this.#tell(event);
    this.#connection = "socket" in this.#place
      ? await BitbakeConnection.open(this.#place.socket, tell)
      : await XmlRpcLink.open(this.#place.address, this.#clock, tell);
    if (this.#connection === undefined) return undefined;
    const [near, far] = memoryPair();
    this.#near = near;
    this.#connection.ended.then(async () => {
      await this.#writing;
      near.close();
    });
    void this.#serve(near, this.#connection);
    const { ended } = this.#connection;
    return {
      ...far,
      // The end is only there when the server has been told of it: a client exits then.
      read: async (buffer) => {
        const count = await far.read(buffer);
        if (count === null) await ended;
        return count;
      },
    };
  }

  async #serve(near: ByteStream, connection: BitbakeLink): Promise<void> {
    const decoder = new FrameDecoder();
    const buffer = new Uint8Array(64 * 1024);
    for (let count = await near.read(buffer); count !== null; count = await near.read(buffer)) {
      for (const frame of decoder.push(buffer.subarray(0, count))) {
        if (frame.kind === "error") continue;
        const message = parseMessage(frame.text);
        if (isRequest(message)) await this.#answer(message, connection);
      }
    }
    connection.close();
  }

  async #answer(request: Request, connection: BitbakeLink): Promise<void> {
    try {
      this.#send(success(request.id, await this.#carryOut(request, connection)));
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      this.#send(failure(request.id, error));
    }
  }

  async #carryOut({ method, params }: Request, bitbake: BitbakeLink): Promise<unknown> {
    switch (method) {
      case "hello":
        return await this.#welcome(params as HelloParams, bitbake);
      case "status":
        return await this.#status(bitbake);
      case "setFeatures":
        return [];
      case "setEventMask":
        return null;
      case "stateShutdown":
      case "stateForceShutdown":
        await bitbake.call(method);
        return true;
      case "terminateServer":
        await bitbake.terminate();
        return null;
      case "runTasks":
        return await this.#run(params as RunTasksInput, bitbake);
      default:
        return toPlain(await bitbake.call(method, ...argumentsOf(params)));
    }
  }

  async #welcome(params: HelloParams, bitbake: BitbakeLink): Promise<HelloResult> {
    this.#hello = params;
    await bitbake.call("setFeatures", []);
    const handler = await bitbake.handler();
    await bitbake.call("setEventMask", handler, NOTE, new PyDict(), ["*"]);
    const { pid, root } = this.#server;
    return {
      protocol: PROTOCOL,
      version: VERSION,
      pid,
      handler: Number(handler),
      role: params.role,
      features: [],
      project: params.project ?? { root },
    };
  }

  get #server(): { readonly pid: number; readonly root: string; readonly socket: string } {
    if ("address" in this.#place) {
      return { pid: 0, root: "/", socket: formatAddress(this.#place.address) };
    }
    const { socket } = this.#place;
    const root = parentFolder(socket);
    return { root, socket, pid: readLockContent(joinPath(root, "bitbake.lock"))?.pid ?? 0 };
  }

  async #status(bitbake: BitbakeLink): Promise<ServerStatus> {
    const version = await bitbake.call("getVariable", "BB_VERSION");
    const { pid, root, socket } = this.#server;
    return {
      pid,
      version: `BitBake ${String(version)}`,
      root,
      socket,
      startedAt: 0,
      uptimeMs: 0,
      rssBytes: 0,
      heapBytes: 0,
      timeout: -1,
      state: "running",
      busyWith: null,
      build: null,
      clients: [{ handler: 1, role: "controller", ...this.#client }],
      notes: ["This is BitBake's own server: uptime and memory are not known"],
    };
  }

  get #client(): HelloParams["client"] {
    return this.#hello?.client ?? { pid: 1, command: "simmer" };
  }

  async #run(input: RunTasksInput, bitbake: BitbakeLink): Promise<{ build: string }> {
    const build = `bitbake-${++this.#builds}`;
    this.#translator = new BitbakeTranslator(build, () => this.#clock.monotonic());
    await bitbake.call(
      "updateConfig",
      optionsOf(input),
      PyDict.from({ ...input.env }),
      ["simmer", "run", ...input.tasks],
    );
    this.#event({
      type: "BuildStarted",
      build,
      requested: input.tasks,
      total: input.tasks.length,
      jobs: 1,
      client: input.client,
    });
    await bitbake.call("buildTargets", [...input.tasks], "build");
    return { build };
  }

  #tell(event: PyValue): Promise<void> {
    for (const body of this.#translator.translate(event)) this.#event(body);
    return this.#writing;
  }

  #event(body: EventBody): void {
    const stamp = { seq: ++this.#seq, time: this.#clock.now() };
    this.#send(notification("event", { ...body, ...stamp }));
  }

  #send(message: Message): void {
    const bytes = encodeFrame(message);
    this.#writing = this.#writing.then(async () => {
      try {
        if (this.#near !== undefined) await writeAll(this.#near, bytes);
      } catch (error) {
        // The client has left; the connection ends by that.
        if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
      }
    });
  }
}

/** What `simmer call NAME JSON…` gives: a list of arguments, one of them, or none. */
function argumentsOf(params: unknown): PyValue[] {
  if (Array.isArray(params)) return params.map(valueOf);
  const isNothing = params === undefined || (isRecord(params) && Object.keys(params).length === 0);
  return isNothing ? [] : [valueOf(params)];
}

function valueOf(value: unknown): PyValue {
  if (Array.isArray(value)) return value.map(valueOf);
  if (isRecord(value)) {
    return new PyDict(Object.entries(value).map(([name, each]) => [name, valueOf(each)] as const));
  }
  return value as PyValue;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === "object";
}

function optionsOf({ force = false, keepGoing = false }: RunTasksInput): PyDict {
  return PyDict.from({
    halt: !keepGoing,
    force,
    invalidate_stamp: null,
    dry_run: false,
    dump_signatures: [],
    extra_assume_provided: [],
    profile: [],
    prefile: [],
    postfile: [],
    server_timeout: null,
    nosetscene: false,
    setsceneonly: false,
    skipsetscene: false,
    runall: [],
    runonly: null,
    writeeventlog: null,
    build_verbose_shell: false,
    build_verbose_stdout: false,
    default_loglevel: NOTE,
    debug_domains: new PyDict(),
  });
}
