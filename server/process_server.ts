/**
 * The process server: one select loop over a listener, its clients' commands and an idle tick.
 *
 * @module
 */

import type { Cooker, CookerHost } from "../cooker/cooker.ts";
import type { Clock } from "../system/clock.ts";
import type { Logger } from "../system/logger.ts";
import { memoryUse, processId, userId } from "../system/environment.ts";
import { nameProcess } from "../system/self.ts";
import type { AcceptedStream } from "../system/unix_socket.ts";
import type { ServerStatus } from "../wire/commands.ts";
import type { ProjectIdentity } from "../wire/hello.ts";
import { VERSION } from "../wire/hello.ts";
import { AsyncCommands } from "./async_commands.ts";
import { CommandRunner } from "./command_runner.ts";
import { Connection } from "./connection.ts";
import { endServer } from "./ending.ts";
import { EventBus } from "./event_bus.ts";
import { serverIdentity } from "./hello.ts";
import { type AgainSource, type IdleSource, IdleWork, TickSource } from "./idle.ts";
import { type Listener, ListenerSource } from "./listener_source.ts";
import { Reception } from "./reception.ts";
import { Roster } from "./roster.ts";
import { type Outcome, type Ready, Selector } from "./selector.ts";
import { serverHandlers } from "./server_commands.ts";
import { stackOf } from "./stack.ts";
import { Timeouts } from "./timeouts.ts";

/** What a process server is made of. */
export interface ProcessServerOptions {
  readonly cooker: Cooker;
  readonly listener: Listener;
  readonly clock: Clock;
  readonly log: Logger;
  /** The project that it serves: a client that means another one is refused. */
  readonly project: ProjectIdentity;
  /** The lock file's path, for the log. */
  readonly lockPath?: string;
  /**
   * Seconds without a UI after which it ends: -1 never, 0 when the last one leaves. Default: 0.
   */
  readonly timeoutSeconds?: number;
  /** The name that the process takes; absent: it keeps its own. */
  readonly processName?: string;
  /** The longest line that is taken from a client, in bytes. */
  readonly maxFrameBytes?: number;
  /** Characters of events that wait for an observer at the most. */
  readonly observerQueue?: number;
  /** Lets go of the lock, as the last step of the end. */
  readonly farewell?: () => Promise<void>;
}

type ServerSource = ListenerSource | Connection | TickSource | IdleSource | AgainSource;

/**
 * Serves a cooker to its clients until its time is over.
 *
 * The caller holds the lock, if there is one, and has made the listener; the server closes the
 * listener and every connection.
 *
 * @example
 * ```ts ignore
 * const server = new ProcessServer({ cooker, listener, clock, log, project: { root } });
 * const reason = await server.serve();
 * ```
 */
export class ProcessServer {
  readonly #options: ProcessServerOptions;
  readonly #bus: EventBus;
  readonly #selector = new Selector<ServerSource>();
  readonly #roster = new Roster();
  readonly #idle: IdleWork;
  readonly #asyncCommands: AsyncCommands;
  readonly #reception: Reception;
  readonly #timeouts: Timeouts;
  readonly #life = new AbortController();
  readonly #startedAt: number;
  readonly #startedMonotonic: number;
  #ending: { readonly reason: string; readonly force: boolean } | undefined;

  /** @param options are used until `serve` has resolved */
  constructor(options: ProcessServerOptions) {
    this.#options = options;
    const { clock, log, cooker } = options;
    this.#startedAt = clock.now();
    this.#startedMonotonic = clock.monotonic();
    this.#bus = new EventBus(clock);
    this.#idle = new IdleWork(clock, this.#selector);
    this.#asyncCommands = new AsyncCommands({
      clock,
      log,
      bus: this.#bus,
      idle: this.#idle,
      becameIdle: () => this.#endIfAsked(),
    });
    const runner = new CommandRunner({
      cooker,
      handlers: serverHandlers({
        status: () => this.#status(),
        cancel: (force) => this.#asyncCommands.cancel(force),
        terminate: (force) => this.stop("terminateServer", force),
      }),
      asyncCommands: this.#asyncCommands,
      log,
      emit: (event) => this.#bus.emit(event),
      endingBecause: () => this.#ending && `The server is about to end: ${this.#ending.reason}`,
    });
    this.#reception = new Reception({
      roster: this.#roster,
      bus: this.#bus,
      runner,
      asyncCommands: this.#asyncCommands,
      log,
      clock,
      cooker,
      identity: serverIdentity(processId(), options.project),
      uid: userId(),
      ...(options.observerQueue === undefined ? {} : { observerQueue: options.observerQueue }),
      endingBecause: () => this.#ending?.reason,
      dropSource: (connection) => this.#selector.remove(connection),
      uiLeft: () => this.#timeouts.uiLeft(this.#roster.size),
    });
    this.#timeouts = new Timeouts(options.timeoutSeconds ?? 0, clock);
  }

  /**
   * Serves until the server is asked to end or its timeout is over.
   *
   * @returns why it ended, and whether every step of the end succeeded
   */
  async serve(): Promise<{ readonly reason: string; readonly isClean: boolean }> {
    const { cooker, listener, clock } = this.#options;
    await this.#before();
    this.#selector.add(new ListenerSource(listener, clock, this.#life.signal), closeLate);
    this.#selector.add(new TickSource(clock, this.#idle, this.#life.signal));
    this.#selector.add(this.#idle.again);
    for await (const ready of this.#selector) {
      for (const each of ready) this.#handle(each);
    }
    const { reason, force } = this.#ending ?? { reason: "stopped", force: false };
    const isClean = await endServer({
      ...this.#options,
      reason,
      force,
      listener,
      cooker,
      connections: this.#reception.connections,
      asyncCommands: this.#asyncCommands,
      bus: this.#bus,
    });
    this.#life.abort();
    return { reason, isClean };
  }

  /**
   * Asks the server to end: when its command in progress is done, or, with `force`, at once.
   *
   * @param reason is told to the clients
   */
  stop(reason: string, force = false): void {
    this.#ending = { reason, force: force || (this.#ending?.force ?? false) };
    this.#reception.turnAway(reason);
    if (force || this.#asyncCommands.busyWith === undefined) this.#selector.stop();
  }

  async #before(): Promise<void> {
    const { cooker, log, clock, listener, lockPath, processName } = this.#options;
    const host: CookerHost = {
      clock,
      log,
      registerIdle: (name, idle) =>
        this.#idle.register(name, idle, (error) => {
          log.log("error", `Idle work ${name} failed and is removed: ${stackOf(error)}`);
        }),
      emit: (event) => this.#bus.emit(event).event,
    };
    await cooker.preServe(host);
    if (processName !== undefined) nameProcess(processName);
    log.log("info", "Entering server connection loop");
    if (lockPath !== undefined) log.log("info", `Lock file: ${lockPath}`);
    log.log("info", `Socket: ${listener.path}`);
  }

  #handle(ready: Ready<ServerSource>): void {
    const { source, outcome } = ready;
    switch (source.kind) {
      case "listener":
        return this.#accept(source, outcome as Outcome<AcceptedStream | undefined>);
      case "connection":
        return this.#reception.receive(source, outcome as Ready<Connection>["outcome"]);
      case "tick":
        return this.#tick();
      case "again":
        return this.#idle.runDue();
      case "idle":
        return this.#idle.runFor(source);
    }
  }

  #accept(source: ListenerSource, outcome: Outcome<AcceptedStream | undefined>): void {
    const { log, maxFrameBytes } = this.#options;
    if (!outcome.ok) {
      log.log("error", `Cannot accept a connection: ${stackOf(outcome.error)}`);
      return;
    }
    if (outcome.value === undefined) {
      this.#selector.remove(source);
      return;
    }
    const connection = this.#reception.welcome(outcome.value, maxFrameBytes);
    if (connection !== undefined) this.#selector.add(connection);
  }

  #tick(): void {
    this.#reception.dropSilent();
    this.#asyncCommands.beat();
    this.#idle.runDue();
    const isUsed = this.#roster.size > 0 || this.#asyncCommands.busyWith !== undefined;
    const verdict = this.#timeouts.check(isUsed);
    if (verdict === undefined || this.#ending !== undefined) return;
    this.#options.log.log("info", verdict);
    this.stop(verdict);
  }

  #endIfAsked(): void {
    if (this.#ending !== undefined) this.#selector.stop();
  }

  #status(): ServerStatus {
    const { cooker, clock, project, listener, timeoutSeconds } = this.#options;
    const { rss, heapUsed } = memoryUse();
    return {
      pid: processId(),
      version: VERSION,
      root: project.root,
      ...(project.config === undefined ? {} : { config: project.config }),
      socket: listener.path,
      startedAt: this.#startedAt,
      uptimeMs: Math.round(clock.monotonic() - this.#startedMonotonic),
      rssBytes: rss,
      heapBytes: heapUsed,
      timeout: timeoutSeconds ?? 0,
      state: cooker.state,
      busyWith: this.#asyncCommands.busyWith ?? null,
      build: this.#asyncCommands.build ?? null,
      clients: this.#roster.all.map(({ handler, role, client }) => ({ handler, role, ...client })),
      notes: [...cooker.notes],
    };
  }
}

/** A connection that came in while the listener was being taken away is told by its end. */
function closeLate(outcome: Outcome<unknown>): void {
  if (outcome.ok) (outcome.value as AcceptedStream | undefined)?.close();
}
