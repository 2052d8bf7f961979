/**
 * Helpers of the server's tests: a cooker that tests control, a server over streams in memory, and
 * clients that speak the wire protocol.
 *
 * @module
 */

import * as v from "valibot";
import type {
  AsyncCommand,
  AsyncOutcome,
  Cancel,
  CommandCall,
  Cooker,
  CookerHost,
  Notifier,
  StepResult,
} from "../../server/cooker.ts";
import { Channel, framed } from "../../rpc/channel.ts";
import type { Listener } from "../../server/listener_source.ts";
import { ProcessServer, type ProcessServerOptions } from "../../server/process_server.ts";
import { FakeClock } from "../../system/fake_clock.ts";
import { MemoryLogger } from "../../system/logger.ts";
import { Latch } from "../../system/source.ts";
import { type ByteStream, memoryPair } from "../../system/net/streams.ts";
import type { AcceptedStream } from "../../system/net/unix_socket.ts";
import { defineCommands } from "../../wire/commands.ts";
import type { SimmerEvent } from "../../wire/events.ts";
import type { TaskSignal } from "../../wire/signals.ts";
import { type HelloParams, PROTOCOL, VERSION } from "../../wire/hello.ts";
import {
  isNotification,
  isResponse,
  type Message,
  request,
  type Response,
} from "../../wire/messages.ts";

const anything = v.object({});

/** Asynchronous command that runs until a test ends it. */
export class TestCommand implements AsyncCommand {
  readonly build: string;
  readonly detached: boolean;
  readonly call: CommandCall;
  readonly latch: Latch = new Latch("test command");
  readonly cancels: Cancel["kind"][] = [];
  /** Received signals, including those that cancelled the command. */
  readonly signals: TaskSignal[] = [];
  /** Result of `signal`. */
  hasReceiver = true;
  /** False if a test ends the command after it was cancelled. */
  endsWhenCancelled = true;
  steps = 0;
  #outcome: AsyncOutcome | undefined;
  #error: Error | undefined;

  constructor(build: string, detached: boolean, call: CommandCall) {
    this.build = build;
    this.detached = detached;
    this.call = call;
  }

  get reply(): unknown {
    return { build: this.build };
  }

  end(outcome: AsyncOutcome): void {
    this.#outcome = outcome;
    this.latch.wake();
  }

  /** Makes the next step throw. */
  fail(error: Error): void {
    this.#error = error;
    this.latch.wake();
  }

  step(): StepResult {
    this.steps++;
    if (this.#error !== undefined) throw this.#error;
    return this.#outcome === undefined ? this.latch.read() : false;
  }

  outcome(): AsyncOutcome {
    return this.#outcome ?? { kind: "completed" };
  }

  signal(signal: TaskSignal): boolean {
    this.signals.push(signal);
    return this.hasReceiver;
  }

  cancel(how: Cancel): void {
    this.cancels.push(how.kind);
    if (how.kind === "signal") this.signals.push(how.signal);
    if (this.endsWhenCancelled) this.end({ kind: "exit", exitCode: 130 });
  }
}

/** Cooker that tests control, and that records its calls. */
export class TestCooker implements Cooker {
  readonly calls: string[] = [];
  /** Number of `releaseMemory` calls. */
  released = 0;
  releaseMemory: () => void = () => this.released++;
  fault: () => string | undefined = () => undefined;
  isPartOfWork: NonNullable<Cooker["isPartOfWork"]> = () => false;
  readonly builds: TestCommand[] = [];
  readonly commands = defineCommands({
    work: {
      summary: "Begin a command that a test ends",
      kind: "async",
      access: "control",
      params: v.object({ detached: v.optional(v.boolean(), false) }),
      result: anything,
    },
    look: { summary: "Look", kind: "sync", access: "read", params: anything, result: anything },
    change: {
      summary: "Change",
      kind: "sync",
      access: "control",
      params: anything,
      result: anything,
    },
    crash: { summary: "Throw", kind: "sync", access: "read", params: anything, result: anything },
    later: {
      summary: "Answer later",
      kind: "sync",
      access: "read",
      params: anything,
      result: anything,
    },
    refuse: {
      summary: "Fail to begin",
      kind: "async",
      access: "control",
      params: anything,
      result: anything,
    },
  });
  readonly state = "running";
  readonly notes = [];
  /** Reply to the command `later`. */
  readonly laterAnswer: PromiseWithResolvers<string> = Promise.withResolvers();
  /** Error that `shutdown` rejects with. */
  shutdownError: Error | undefined;
  host: CookerHost | undefined;
  #waiting: (() => void)[] = [];

  get notifier(): Notifier {
    return { stop: () => void this.calls.push("notifier.stop") };
  }

  get configNotifier(): Notifier {
    return { stop: () => void this.calls.push("configNotifier.stop") };
  }

  preServe(host: CookerHost): void {
    this.host = host;
    this.calls.push("preServe");
  }

  postServe(): void {
    this.calls.push("postServe");
  }

  clientComplete(): void {
    this.calls.push("clientComplete");
  }

  shutdown(force: boolean): Promise<void> {
    this.calls.push(`shutdown(${force})`);
    return this.shutdownError === undefined
      ? Promise.resolve()
      : Promise.reject(this.shutdownError);
  }

  runCommand(call: CommandCall): unknown {
    this.calls.push(call.name);
    if (call.name === "crash") throw new RangeError("the cooker broke");
    if (call.name === "refuse") throw new TypeError("cannot begin");
    if (call.name === "later") return this.laterAnswer.promise;
    if (call.name !== "work") return { saw: call.client.command };
    const { detached } = call.params as { detached: boolean };
    const command = new TestCommand(`build-${this.builds.length + 1}`, detached, call);
    this.builds.push(command);
    for (const wake of this.#waiting.splice(0)) wake();
    return command;
  }

  /** Waits for the build with this index, from 0, to start. */
  async build(index: number): Promise<TestCommand> {
    while (true) {
      const command = this.builds[index];
      if (command !== undefined) return command;
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }
}

/** Listener for clients in the same process. */
export class MemoryListener implements Listener {
  readonly path = "/memory/server.sock";
  readonly calls: string[] = [];
  #waiting: ((stream: AcceptedStream | undefined) => void) | undefined;
  #queue: AcceptedStream[] = [];
  #isClosed = false;
  #failure: Error | undefined;

  /** Connects a client. `capacity` is the buffer size of each direction in bytes. */
  connect(options: { capacity?: number; uid?: number } = {}): ByteStream {
    const [near, far] = memoryPair(options.capacity);
    const { uid } = options;
    const stream = uid === undefined ? far : { ...far, peer: { pid: 1, uid, gid: 1 } };
    if (this.#waiting === undefined) this.#queue.push(stream);
    else this.#take()(stream);
    return near;
  }

  /** Makes the next accept fail. */
  failOnce(error: Error): void {
    this.#failure = error;
  }

  accept(): Promise<AcceptedStream | undefined> {
    const failure = this.#failure;
    this.#failure = undefined;
    if (failure !== undefined) return Promise.reject(failure);
    const stream = this.#queue.shift();
    if (stream !== undefined || this.#isClosed) return Promise.resolve(stream);
    return new Promise((resolve) => this.#waiting = resolve);
  }

  unlink(): boolean {
    this.calls.push("unlink");
    return true;
  }

  close(): void {
    this.calls.push("close");
    this.#isClosed = true;
    if (this.#waiting !== undefined) this.#take()(undefined);
  }

  #take(): (stream: AcceptedStream | undefined) => void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    return waiting ?? (() => {});
  }
}

/** Client that records every message. */
export class TestClient {
  readonly messages: Message[] = [];
  readonly ended: Promise<void>;
  readonly #channel: Channel;
  #hasEnded = false;
  #lastId = 0;
  #waiting: (() => void)[] = [];

  /** @param reads whether the client reads at all */
  constructor(channel: Channel, reads = true) {
    this.#channel = channel;
    this.ended = reads ? this.#read() : Promise.resolve();
  }

  /** Sends a request without waiting for its reply. Returns its id. */
  async send(method: string, params: unknown = {}): Promise<number> {
    const id = ++this.#lastId;
    this.#channel.send(request(id, method, params));
    await this.#channel.outbox.drained();
    return id;
  }

  /** Sends a request and waits for its reply. */
  async call(method: string, params: unknown = {}): Promise<unknown> {
    const response = await this.reply(await this.send(method, params));
    if ("error" in response) throw Object.assign(new Error(response.error.message), response.error);
    return response.result;
  }

  /** Sends hello and waits for its reply. */
  async hello(params: Partial<HelloParams> = {}): Promise<Record<string, unknown>> {
    return await this.call("hello", helloParams(params)) as Record<string, unknown>;
  }

  /** Waits for the reply to a request. */
  async reply(id: number | null): Promise<Response> {
    return await this.find((message): message is Response =>
      isResponse(message) && message.id === id
    );
  }

  /** Waits for the first event of a type. */
  async event<T extends SimmerEvent["type"]>(
    type: T,
  ): Promise<Extract<SimmerEvent, { type: T }>> {
    await this.find((message): message is Message => eventOf(message)?.type === type);
    return this.events.find((event) => event.type === type) as Extract<SimmerEvent, { type: T }>;
  }

  /** Waits for the first notification of a method. */
  async notification(method: string): Promise<unknown> {
    const message = await this.find((each): each is Message =>
      isNotification(each) && each.method === method
    );
    return isNotification(message) ? message.params : undefined;
  }

  /** Waits for the first message that fits. */
  async find<T extends Message>(fits: (message: Message) => message is T): Promise<T> {
    while (true) {
      const found = this.messages.find(fits);
      if (found !== undefined) return found;
      if (this.#hasEnded) throw new Error("the server closed the connection");
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  /** All events received so far. */
  get events(): SimmerEvent[] {
    return this.messages.map(eventOf).filter((event) => event !== undefined);
  }

  /** Disconnects and waits until the reader has ended. */
  async leave(): Promise<void> {
    this.#channel.close();
    await this.ended;
  }

  async #read(): Promise<void> {
    while (true) {
      const received = await this.#channel.receive().catch(() => null);
      if (received === null) break;
      for (const each of received) if (each.kind === "message") this.messages.push(each.message);
      for (const wake of this.#waiting.splice(0)) wake();
    }
    this.#hasEnded = true;
    for (const wake of this.#waiting.splice(0)) wake();
  }
}

/** Client over a stream, to which tests also write bytes. */
export class StreamClient extends TestClient {
  readonly stream: ByteStream;

  /** @param reads whether the client reads at all */
  constructor(stream: ByteStream, reads = true) {
    super(new Channel(framed(stream), "client"), reads);
    this.stream = stream;
  }
}

/** Returns the event that a message carries. */
export function eventOf(message: Message): SimmerEvent | undefined {
  return isNotification(message) && message.method === "event"
    ? message.params as SimmerEvent
    : undefined;
}

/** Returns valid parameters for hello. */
export function helloParams(params: Partial<HelloParams> = {}): HelloParams {
  return {
    protocol: PROTOCOL,
    version: VERSION,
    role: "controller",
    client: { pid: 7, command: "test" },
    ...params,
  };
}

/** Running server whose parts are accessible to tests. */
export class TestServer implements AsyncDisposable {
  readonly cooker = new TestCooker();
  readonly listener = new MemoryListener();
  readonly clock = new FakeClock();
  readonly log = new MemoryLogger();
  readonly server: ProcessServer;
  /** Result of `serve`. */
  readonly ended: Promise<{ readonly reason: string; readonly isClean: boolean }>;
  readonly #clients: StreamClient[] = [];

  constructor(options: Partial<ProcessServerOptions> = {}) {
    this.server = new ProcessServer({
      cooker: this.cooker,
      listener: this.listener,
      clock: this.clock,
      log: this.log,
      project: { root: "/project" },
      timeoutSeconds: -1,
      ...options,
    });
    this.ended = this.server.serve();
  }

  /** Connects a client without sending hello. */
  connect(options: { capacity?: number; uid?: number; reads?: boolean } = {}): StreamClient {
    const client = new StreamClient(this.listener.connect(options), options.reads);
    this.#clients.push(client);
    return client;
  }

  /** Connects a client and sends hello. */
  async join(params: Partial<HelloParams> = {}): Promise<StreamClient> {
    const client = this.connect();
    await client.hello(params);
    return client;
  }

  /** Stops the server and disconnects its clients. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.server.stop("the test is over", "force");
    await this.ended;
    for (const client of this.#clients) await client.leave();
  }
}
