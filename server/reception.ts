/**
 * Clients of a server, from connection to disconnection: checks that each says hello in time,
 * passes its requests to the command runner, and removes it when it leaves.
 *
 * @module
 */

import type { Cooker } from "./cooker.ts";
import { Channel, framed } from "../rpc/channel.ts";
import type { Clock } from "../system/clock.ts";
import type { OwnedWork } from "../system/owned_work.ts";
import type { Logger } from "../system/logger.ts";
import type { AcceptedStream } from "../system/net/unix_socket.ts";
import { WireError } from "../wire/errors.ts";
import type { ClientInfo } from "../wire/events.ts";
import type { HelloResult } from "../wire/hello.ts";
import { failure, isRequest, type Request } from "../wire/messages.ts";
import { excerpt } from "../wire/near_names.ts";
import type { AsyncCommands } from "./async_commands.ts";
import type { CommandRunner } from "./command_runner.ts";
import { Connection, type ConnectionLimits, type Incoming } from "./connection.ts";
import type { EventBus } from "./event_bus.ts";
import { readHello, type ServerIdentity } from "./hello.ts";
import type { Roster } from "./roster.ts";
import type { Outcome } from "./selector.ts";
import { stackOf } from "./stack.ts";
import { UI } from "./ui.ts";

/** Timeout of the hello, in milliseconds. */
const HELLO_MS = 30_000;
/** Time for a refused client to read the refusal, in milliseconds. */
const REFUSED_MS = 5000;
/** Limit of the requests that are queued for a waiting UI. */
const MAX_BACKLOG = 1000;

/** Parts of the server that the reception uses. */
interface ReceptionContext {
  /** Owns promises that the loop does not wait for. */
  readonly beside: OwnedWork;
  readonly roster: Roster;
  readonly bus: EventBus;
  readonly runner: CommandRunner;
  readonly asyncCommands: AsyncCommands;
  readonly cooker: Cooker;
  readonly log: Logger;
  readonly clock: Clock;
  readonly identity: ServerIdentity;
  /** Namespaces of the server's process; `undefined` on a platform without them. */
  readonly namespaces: string | undefined;
  readonly limits: ConnectionLimits;
  /** Limit of open connections. */
  readonly maxConnections: number;
  readonly observerQueue?: number;
  /** Takes over a connection that begins with `execute`; absent: that counts as an invalid line. */
  readonly execute?: (stream: AcceptedStream, first: Uint8Array<ArrayBuffer>) => void;
  /** Returns the reason to refuse new work, if the server is about to end. */
  readonly ending: (client: ClientInfo) => WireError | undefined;
  readonly dropSource: (connection: Connection) => void;
  readonly uiLeft: (ui: UI) => void;
  /** Returns the ready list of the loop's turn, for the log. */
  readonly ready: () => string;
}

/** A connection, with its UI after the hello. */
interface Visitor {
  readonly connection: Connection;
  /** The stream below the connection; absent if it is in memory. */
  readonly stream: AcceptedStream | undefined;
  readonly helloDue: number;
  ui: UI | undefined;
  registration: Disposable | undefined;
}

/** Accepts clients, handles their messages, and removes them. */
export class Reception {
  readonly #context: ReceptionContext;
  readonly #visitors = new Map<Connection, Visitor>();
  /**
   * Refused connections that have not read the refusal yet, with the time at which they are closed.
   */
  readonly #expelled = new Map<Connection, number>();
  #lastNumber = 0;
  #isUnused = true;

  /** @param context not used before the first connection */
  constructor(context: ReceptionContext) {
    this.#context = context;
  }

  /**
   * True if no client has connected yet. Operators do not count: one of them may merely have
   * started the server.
   */
  get isUnused(): boolean {
    return this.#isUnused;
  }

  /** All open connections. */
  get connections(): readonly Connection[] {
    return [...this.#visitors.keys(), ...this.#expelled.keys()];
  }

  /** Adds a connection that has been admitted. */
  welcome(stream: AcceptedStream): Connection {
    const takesExecute = this.#context.execute !== undefined;
    return this.add(this.#framed(stream, takesExecute), stream);
  }

  /** Adds a connection. `stream` is the stream below it; absent: it is in memory. */
  add(channel: Channel, stream?: AcceptedStream): Connection {
    const connection = this.#connection(channel);
    const helloDue = this.#context.clock.monotonic() + HELLO_MS;
    const visitor = { connection, stream, helloDue, ui: undefined, registration: undefined };
    this.#visitors.set(connection, visitor);
    return connection;
  }

  /** Sends an error to a connection that is not admitted, and closes it. */
  refuse(stream: AcceptedStream, error: WireError): void {
    this.#turnOut(this.#connection(this.#framed(stream, false)), error);
  }

  /**
   * Closes the oldest connection that has not said hello, to free its place.
   *
   * @returns true if there was one
   */
  makeRoom(): boolean {
    for (const visitor of this.#visitors.values()) {
      if (visitor.ui !== undefined) continue;
      this.#context.log.log(
        "warn",
        `Dropping ${visitor.connection.name}: it sent no hello, and another client needs its slot`,
      );
      this.#expel(
        visitor,
        new WireError("busy", "No hello arrived before another client needed the slot"),
      );
      return true;
    }
    return false;
  }

  /** Handles the result of a connection's read. */
  receive(connection: Connection, outcome: Outcome<Incoming>): void {
    const visitor = this.#visitors.get(connection);
    if (visitor === undefined) return;
    if (!outcome.ok) {
      this.#context.log.log("warn", `${connection.name} failed: ${stackOf(outcome.error)}`);
      return this.#leave(visitor);
    }
    const incoming = outcome.value;
    switch (incoming.kind) {
      case "end":
        return this.#leave(visitor);
      case "execute":
        return this.#execute(visitor, incoming.bytes);
      case "error":
        return connection.send(failure(null, incoming.error));
      case "message":
        if (isRequest(incoming.message)) this.#request(visitor, incoming.message);
        return;
    }
  }

  /** Drops connections that have not said hello in time, and refused ones that do not read. */
  dropSilent(): void {
    const now = this.#context.clock.monotonic();
    for (const [connection, due] of [...this.#expelled]) {
      if (now >= due) connection.close();
    }
    for (const visitor of [...this.#visitors.values()]) {
      if (visitor.ui !== undefined || now < visitor.helloDue) continue;
      this.#context.log.log(
        "warn",
        `Dropping ${visitor.connection.name}: it sent no hello in time`,
      );
      this.#expel(visitor, new WireError("notPermitted", "No hello arrived in time"));
    }
  }

  /** Refuses the queued requests of waiting UIs, because the server is about to end. */
  turnAway(error: WireError): void {
    for (const ui of this.#context.roster.all) {
      for (const request of ui.backlog.splice(0)) ui.refuse(request.id, error);
    }
  }

  #framed(stream: AcceptedStream, takesExecute: boolean): Channel {
    return new Channel(framed(stream, { ...this.#context.limits, takesExecute }), "server");
  }

  #connection(channel: Channel): Connection {
    return new Connection(++this.#lastNumber, channel, this.#context.limits);
  }

  /** Passes the stream of a connection that begins with `execute` to its host. */
  #execute({ connection, stream }: Visitor, first: Uint8Array<ArrayBuffer>): void {
    this.#isUnused = false;
    this.#visitors.delete(connection);
    this.#context.dropSource(connection);
    connection.outbox.abandon();
    if (stream !== undefined) this.#context.execute?.(stream, first);
  }

  #request(visitor: Visitor, request: Request): void {
    const { ui } = visitor;
    if (request.method === "hello") return this.#hello(visitor, request);
    if (ui === undefined) {
      const error = new WireError("notPermitted", `Send hello before ${excerpt(request.method)}`);
      return this.#expel(visitor, error, request);
    }
    if (!this.#context.runner.mustWait(ui, request)) return this.#context.runner.run(ui, request);
    const ending = this.#context.ending(ui.client);
    if (ending !== undefined) return ui.refuse(request.id, ending);
    if (ui.backlog.length >= MAX_BACKLOG) {
      const message = `No more than ${MAX_BACKLOG} commands can be queued`;
      return ui.refuse(request.id, new WireError("busy", message));
    }
    ui.backlog.push(request);
  }

  #hello(visitor: Visitor, request: Request): void {
    if (visitor.ui !== undefined) {
      const error = new WireError(
        "invalidRequest",
        "hello is allowed only once, as the first message",
      );
      return visitor.ui.refuse(request.id, error);
    }
    try {
      this.#admit(visitor, request);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      this.#expel(visitor, error, request);
    }
  }

  /** @throws {WireError} if the client is refused */
  #admit(visitor: Visitor, request: Request): void {
    const { roster, bus, identity, namespaces, asyncCommands, log, observerQueue, beside } =
      this.#context;
    const hello = readHello(request.params, identity, namespaces);
    const ending = this.#context.ending(hello.client);
    if (ending !== undefined && hello.role === "controller") throw ending;
    const { isBusy } = asyncCommands;
    const isAwaited = isBusy && this.#context.cooker.isPartOfWork?.(hello.client) === true;
    const role = roster.admission(hello.role, hello.whenBusy ?? "wait", { isBusy, isAwaited });
    if (role === "refused") {
      const ready = this.#context.ready();
      log.log("info", `Dropping connection attempt as we have a UI ${ready}`);
      const holder = roster.holder(asyncCommands);
      const message = `Busy: ${holder.command} (pid ${holder.pid}) holds the server`;
      throw new WireError("busy", message, holder);
    }
    log.log("info", "Connecting Client");
    if (role !== "operator") this.#isUnused = false;
    const ui = new UI(visitor.connection, hello, role, {
      beside,
      queueLimit: observerQueue,
      isAwaited,
    });
    visitor.ui = ui;
    visitor.registration = bus.register(ui);
    roster.add(ui);
    const result: HelloResult = {
      protocol: identity.protocol,
      version: identity.version,
      pid: identity.pid,
      handler: ui.handler,
      role,
      features: ui.features,
      project: identity.project,
      ...(role === "waiting" ? { queue: roster.place(ui, asyncCommands) } : {}),
    };
    ui.reply(request.id, result);
  }

  #leave(visitor: Visitor): void {
    const { connection, ui, registration } = visitor;
    this.#context.log.log("info", "Disconnecting Client");
    this.#visitors.delete(connection);
    this.#context.dropSource(connection);
    registration?.[Symbol.dispose]();
    connection.close();
    if (ui === undefined) return;
    const { roster, asyncCommands, cooker, beside } = this.#context;
    const next = roster.remove(ui);
    asyncCommands.leave(ui);
    this.#context.uiLeft(ui);
    const isGone = !roster.all.some(({ client }) => client.pid === ui.client.pid);
    beside.own(
      "clientComplete",
      Promise.try(() => cooker.clientComplete(ui.client, isGone)),
    );
    if (next !== undefined) this.#promote(next);
    for (const [waiting, place] of roster.places(asyncCommands)) {
      waiting.notify("queue", place);
    }
  }

  /** Runs the queued requests of a new controller, in their order. */
  #promote(ui: UI): void {
    ui.notify("role", { role: ui.role });
    for (const request of ui.backlog.splice(0)) this.#context.runner.run(ui, request);
  }

  #expel(visitor: Visitor, error: WireError, request?: Request): void {
    this.#visitors.delete(visitor.connection);
    this.#context.dropSource(visitor.connection);
    this.#turnOut(visitor.connection, error, request);
  }

  #turnOut(connection: Connection, error: WireError, request?: Request): void {
    connection.send(failure(request?.id ?? null, error));
    const { clock, maxConnections } = this.#context;
    this.#expelled.set(connection, clock.monotonic() + REFUSED_MS);
    // Refused connections count as open too. The oldest one is closed: what is already written
    // still reaches it.
    const [longest] = this.#expelled.keys();
    const isFull = this.#visitors.size + this.#expelled.size > maxConnections;
    if (isFull && longest !== connection) longest?.close();
    // `drained` also resolves when the connection is closed.
    const leaving = connection.outbox.drained().then(() => {
      connection.close();
      this.#expelled.delete(connection);
    });
    this.#context.beside.own("closing a refused connection", leaving);
  }
}
