/**
 * The process server: creates its parts and connects them. The main loop is in `loop.ts`.
 *
 * @module
 */

import type { Cooker, CookerHost } from "./cooker.ts";
import { type Channel, channelPair } from "../rpc/channel.ts";
import type { Clock } from "../system/clock.ts";
import type { Logger } from "../system/logger.ts";
import { memoryUse, processId, processNamespaces, userId } from "../system/environment.ts";
import { OwnedWork } from "../system/owned_work.ts";
import { nameProcess } from "../system/process/self.ts";
import type { AcceptedStream } from "../system/net/unix_socket.ts";
import type { RetireParams } from "../wire/commands.ts";
import type { ClientInfo } from "../wire/events.ts";
import type { ProjectIdentity } from "../wire/hello.ts";
import { WireError } from "../wire/errors.ts";
import { excerpt } from "../wire/near_names.ts";
import { Admission } from "./admission.ts";
import { AsyncCommands } from "./async_commands.ts";
import { CommandRunner } from "./command_runner.ts";
import type { ConnectionLimits } from "./connection.ts";
import type { Door } from "./door.ts";
import type { ExecuteHost } from "./execute_host.ts";
import { EventBus } from "./event_bus.ts";
import { serverIdentity } from "./hello.ts";
import { IdleWork } from "./idle.ts";
import { type Listener, ListenerSource } from "./listener_source.ts";
import { ServerLoop } from "./loop.ts";
import { Lifetime, type ServerUsage } from "./lifetime.ts";
import type { OwnedFiles } from "./owned_files.ts";
import { type CommandPolicy, SINGLE } from "./policy.ts";
import { Reception } from "./reception.ts";
import { Roster } from "./roster.ts";
import type { Outcome } from "./selector.ts";
import { serverHandlers } from "./server_commands.ts";
import { endingError, endServer, type StopMode } from "./shutdown.ts";
import { stackOf } from "./stack.ts";
import { statusReporter } from "./status.ts";

/** Parts and limits of a process server. */
export interface ProcessServerOptions {
  /** The program to serve. */
  readonly cooker: Cooker;
  /** Listener for native clients. The server closes it at its end. */
  readonly listener: Listener;
  /** Additional entrances; default: none. */
  readonly doors?: readonly Door[];
  /** Runs command lines that arrive as `execute`; default: `execute` counts as an invalid line. */
  readonly executes?: ExecuteHost;
  /** Clock of the server. */
  readonly clock: Clock;
  /** Log of the server. */
  readonly log: Logger;
  /** Project that the server serves. Clients of other projects are refused. */
  readonly project: ProjectIdentity;
  /** Path of the lock file, for the log. */
  readonly lockPath?: string;
  /** Decides which UIs may run commands, and how many at once. Default: {@linkcode SINGLE}. */
  readonly policy?: CommandPolicy;
  /** Idle timeout in seconds. -1: never; 0: the server ends when the last UI leaves. Default: 0. */
  readonly timeoutSeconds?: number;
  /** Files without which the server must stop; default: none. */
  readonly files?: OwnedFiles;
  /**
   * Limit of resident memory in bytes. Above it, the server ends when no command is in progress and
   * no controller is connected. Default: no limit.
   */
  readonly maxRssBytes?: number;
  /** Returns the resident memory in bytes; default: that of this process. */
  readonly rss?: () => number;
  /**
   * True if a client starts a new server when it needs one, so that this server may end soon when
   * it is of no use, or when another server retires it. Default: false.
   */
  readonly isExpendable?: boolean;
  /**
   * Called once after the start and after each use, when the server has been idle for a second.
   *
   * @param usedAt last use in milliseconds since the Unix epoch
   */
  readonly onRest?: (usedAt: number) => void;
  /** New name of the process; absent: the name is unchanged. */
  readonly processName?: string;
  /** Interval of heartbeats in milliseconds; default: 1000. */
  readonly heartbeatMs?: number;
  /** Called with each heartbeat. It lets other processes see that the loop works. */
  readonly onBeat?: () => void;
  /** Limits of each connection. */
  readonly limits?: ConnectionLimits;
  /** Limit of open connections; default: no limit. */
  readonly maxConnections?: number;
  /** Limit of the events that are queued for an observer, in characters. */
  readonly observerQueue?: number;
  /** Releases the lock, as the last step of the shutdown. */
  readonly releaseLock?: () => Promise<void>;
}

/** Time for one turn of a working loop, in milliseconds. The loop ticks at least once a second. */
const LOOP_MS = 5000;

/**
 * Serves a cooker to its clients until it is stopped or its idle timeout has passed.
 *
 * The caller holds the lock, if there is one, and creates the listener. The server closes the
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
  readonly #loop: ServerLoop;
  readonly #roster: Roster;
  readonly #idle: IdleWork;
  readonly #asyncCommands: AsyncCommands;
  readonly #reception: Reception;
  readonly #admission: Admission;
  readonly #lifetime: Lifetime;
  readonly #life = new AbortController();
  readonly #beside: OwnedWork;
  #ending: { readonly reason: string; readonly mode: StopMode } | undefined;
  #mayRenew = false;
  /** Rejects when the loop is found to be broken. */
  readonly #broken = Promise.withResolvers<never>();
  #isLooping = false;

  /**
   * Creates a server that does not serve yet.
   *
   * @param options used until `serve` has resolved
   */
  constructor(options: ProcessServerOptions) {
    this.#options = options;
    const { clock, log, cooker, executes, timeoutSeconds = 0, policy = SINGLE } = options;
    this.#roster = new Roster(policy);
    this.#beside = new OwnedWork((what, error) => {
      log.log("error", `${what} failed: ${stackOf(error)}`);
    });
    this.#bus = new EventBus(clock);
    this.#loop = new ServerLoop({
      accept: (source, outcome) => this.#accept(source, outcome),
      command: (connection, outcome) => this.#reception.receive(connection, outcome),
      tick: () => this.#tick(),
      again: () => this.#idle.runDue(),
      active: () => this.#idle.tick.wake(),
      failed: (source, error) => {
        log.log("error", `Handling ${source.name} failed: ${stackOf(error)}`);
      },
    });
    this.#idle = new IdleWork(
      clock,
      this.#life.signal,
      () => this.#isAtRest ? this.#lifetime.endsAt : 0,
    );
    this.#asyncCommands = new AsyncCommands({
      clock,
      log,
      bus: this.#bus,
      idle: this.#idle,
      policy,
      ...(options.heartbeatMs === undefined ? {} : { heartbeatMs: options.heartbeatMs }),
      ...(options.onBeat === undefined ? {} : { onBeat: options.onBeat }),
      becameIdle: () => {
        this.#endIfAsked();
        this.#stopIfDue();
      },
    });
    const ending = (client: ClientInfo): WireError | undefined => this.#refusal(client);
    const runner = new CommandRunner({
      beside: this.#beside,
      cooker,
      handlers: serverHandlers({
        status: statusReporter({
          cooker,
          clock,
          project: options.project,
          socket: options.listener.path,
          doors: options.doors ?? [],
          timeoutSeconds,
          roster: this.#roster,
          asyncCommands: this.#asyncCommands,
          policy,
        }),
        cancelAll: (force) => this.#asyncCommands.cancelAll(force),
        cancelBuild: (ui, build, force) => this.#asyncCommands.cancelBuild(ui, build, force),
        signal: (ui, params) => this.#asyncCommands.signal(ui, params),
        useTerminal: (ui, use) => this.#asyncCommands.useTerminal(ui, use),
        terminate: (force) => this.stop("terminateServer", force ? "force" : "when done"),
        retire: (params) => this.#retire(params),
      }),
      asyncCommands: this.#asyncCommands,
      log,
      emit: (event) => this.#bus.emit(event),
      ending,
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
      namespaces: processNamespaces(),
      limits: options.limits ?? {},
      maxConnections: options.maxConnections ?? Infinity,
      ...(executes === undefined ? {} : {
        execute: (stream, first) => executes.enter(stream, first, () => this.connect()),
      }),
      ...(options.observerQueue === undefined ? {} : { observerQueue: options.observerQueue }),
      ending,
      beside: this.#beside,
      dropSource: (connection) => this.#loop.remove(connection),
      ready: () => this.#loop.readyList,
      uiLeft: (ui) => {
        this.#lifetime.uiLeft(this.#roster.size, ui.role !== "operator");
        this.#stopIfDue();
      },
    });
    this.#admission = new Admission({
      uid: userId(),
      maxConnections: options.maxConnections ?? Infinity,
      makeRoom: () => this.#reception.makeRoom(),
    });
    this.#lifetime = new Lifetime({
      clock,
      timeoutSeconds,
      maxRssBytes: options.maxRssBytes ?? Infinity,
      rss: options.rss ?? (() => memoryUse().rss),
      releaseMemory: () => cooker.releaseMemory?.(),
      ...(options.isExpendable === true ? { fault: () => cooker.fault?.() } : {}),
      ...(options.files === undefined ? {} : { files: options.files }),
      warn: (message) => {
        log.log("warn", message);
        this.#bus.emit({ type: "LogRecord", level: "warn", message });
      },
    });
  }

  /** True if no UI is connected, no command is in progress, and the server has not ended. */
  get isAlone(): boolean {
    return !this.#life.signal.aborted && this.#roster.size === 0 &&
      !this.#asyncCommands.isBusy;
  }

  /**
   * True if no client has connected yet. Operators do not count: one of them may merely have
   * started the server.
   */
  get isUnused(): boolean {
    return this.#reception.isUnused;
  }

  /** Opens a native connection in memory, which begins with a hello. */
  connect(): Channel {
    const [near, far] = channelPair();
    this.#loop.add(this.#reception.add(far));
    return near;
  }

  /** Time of the last use or of the start, in milliseconds since the Unix epoch. */
  get usedAt(): number {
    return this.#lifetime.servedAt;
  }

  /** Restarts the idle timeout, because the server has served a client that is not a UI. */
  touch(): void {
    this.#lifetime.touch();
  }

  /**
   * Serves until the server is stopped or its idle timeout has passed.
   *
   * @returns the reason for the end; `isClean` is true if every step of the shutdown has succeeded
   */
  async serve(): Promise<{ readonly reason: string; readonly isClean: boolean }> {
    try {
      await this.#before();
      this.#isLooping = true;
      await Promise.race([this.#run(), this.#broken.promise]);
      this.#isLooping = false;
    } catch (error) {
      this.#isLooping = false;
      this.#loop.stop();
      this.#options.log.log("error", `The server failed: ${stackOf(error)}`);
      await this.#end("failure", "now");
      return { reason: "failure", isClean: false };
    }
    const { reason, mode } = this.#ending ?? { reason: "stopped", mode: "now" };
    return { reason, isClean: await this.#end(reason, mode) };
  }

  /**
   * Stops the server. Further calls can only make it stop sooner.
   *
   * @param reason sent to the clients
   * @param mode default: when its command in progress is done
   */
  stop(reason: string, mode: StopMode = "when done"): void {
    const previous = this.#ending?.mode;
    const isSooner = mode === "force" || previous === undefined || previous === "when done";
    this.#ending = { reason, mode: isSooner ? mode : previous };
    const error = endingError(reason);
    this.#reception.turnAway(error);
    this.#asyncCommands.refuseQueued(error);
    if (mode === "force") this.#asyncCommands.cancelAll(true);
    if (mode !== "when done" || !this.#asyncCommands.isBusy) this.#loop.stop();
  }

  /** Returns the reason to refuse new work of a client, if the server is about to end. */
  #refusal(client: ClientInfo): WireError | undefined {
    if (this.#ending === undefined) return undefined;
    const { reason, mode } = this.#ending;
    // The work that the server waits for would otherwise fail.
    if (mode === "when done" && this.#options.cooker.isPartOfWork?.(client)) return undefined;
    return endingError(reason);
  }

  /**
   * Records an uncaught error of the process. The error may have broken the loop. If the loop has
   * no turn within {@linkcode LOOP_MS}, the server ends, with every step of its shutdown.
   */
  uncaught(error: unknown): void {
    this.#options.log.log("error", `Uncaught error: ${stackOf(error)}`);
    this.#beside.own("watching the loop", this.#watchLoop());
  }

  async #watchLoop(): Promise<void> {
    const { turns } = this.#loop;
    await this.#options.clock.sleep(LOOP_MS, this.#life.signal);
    if (!this.#isLooping || this.#loop.turns !== turns) return;
    this.#broken.reject(new Error(`the main loop has not run for ${LOOP_MS / 1000} s`));
  }

  async #before(): Promise<void> {
    const { cooker, log, clock, listener, doors = [], lockPath, processName } = this.#options;
    const host: CookerHost = {
      clock,
      log,
      registerIdle: (name, idle) =>
        this.#idle.register(name, idle, (error) => {
          log.log("error", `Idle work ${name} failed and is removed: ${stackOf(error)}`);
        }),
      emit: (event) => this.#bus.emit(event).event,
      hasUIs: () => this.#roster.size > 0,
    };
    await cooker.preServe(host);
    if (processName !== undefined) nameProcess(processName);
    log.log("info", "Entering server connection loop");
    if (lockPath !== undefined) log.log("info", `Lock file: ${lockPath}`);
    log.log("info", `Socket: ${listener.path}`);
    for (const door of doors) log.log("info", `${door.name}: ${door.listener.path}`);
  }

  async #run(): Promise<void> {
    const { listener, clock, doors = [] } = this.#options;
    const accepting = [
      new ListenerSource(listener, clock, this.#life.signal),
      ...doors.map((door) => new ListenerSource(door.listener, clock, this.#life.signal, door)),
    ];
    for (const source of [...accepting, this.#idle.tick, this.#idle.again]) this.#loop.add(source);
    await this.#loop.run();
    for (const source of accepting) this.#loop.remove(source);
  }

  /** True if no client is connected and no command is in progress. */
  get #isAtRest(): boolean {
    return this.#reception.connections.length === 0 && this.isAlone;
  }

  #accept(source: ListenerSource, outcome: Outcome<AcceptedStream | undefined>): void {
    const { log } = this.#options;
    if (!outcome.ok) {
      log.log("error", `Cannot accept a connection: ${stackOf(outcome.error)}`);
      return;
    }
    if (outcome.value === undefined) {
      this.#loop.remove(source);
      return;
    }
    try {
      if (source.door?.isPerRequest !== true) log.log("info", `Accepting ${this.#loop.readyList}`);
      this.#admit(outcome.value, source.door);
    } catch (error) {
      outcome.value.close();
      throw error;
    }
  }

  /** Admits or refuses a connection, with the same rules for every listener. */
  #admit(stream: AcceptedStream, door: Door | undefined): void {
    const admitted = this.#admission.admit(stream);
    if (!(admitted instanceof WireError)) {
      if (door === undefined) this.#loop.add(this.#reception.welcome(admitted));
      else door.enter(admitted, () => this.connect());
      return;
    }
    const where = door === undefined ? "" : ` to ${door.name}`;
    this.#options.log.log("warn", `Dropping a connection${where}: ${admitted.message}`);
    if (door === undefined) this.#reception.refuse(stream, admitted);
    else stream.close();
  }

  #tick(): void {
    this.#reception.dropSilent();
    this.#asyncCommands.beat();
    this.#idle.runDue();
    this.#stopIfDue();
    if (this.#ending === undefined && this.#lifetime.hasComeToRest(this.#usage)) {
      this.#options.onRest?.(this.#lifetime.servedAt);
    }
  }

  get #usage(): ServerUsage {
    return {
      isBusy: this.#asyncCommands.isBusy,
      hasUI: this.#roster.size > 0,
      hasController: this.#roster.hasController,
    };
  }

  /** Ends the server for the limit of the user's servers. Returns false if it is needed. */
  #retire({ unusedSince, reason }: RetireParams): boolean {
    if (this.#ending !== undefined) return true;
    const { isExpendable = false, executes, log } = this.#options;
    const isInUse = this.#asyncCommands.isBusy || executes?.isBusy === true ||
      this.#roster.all.some(({ features }) => !features.includes("housekeeping"));
    // The client that has started this server has not connected yet.
    const isAwaited = this.isUnused && this.#lifetime.isNew;
    if (!isExpendable || isInUse || isAwaited || this.usedAt > unusedSince) return false;
    log.log("info", `${excerpt(reason)}, exiting.`);
    this.stop(reason);
    return true;
  }

  /** Stops the server if its lifetime is over. A command in progress is completed first. */
  #stopIfDue(): void {
    if (this.#ending !== undefined) return;
    const reason = this.#lifetime.reasonToStop(this.#usage);
    if (reason === undefined) return;
    this.#options.log.log(reason.kind === "idle" ? "info" : "warn", reason.message);
    // The exit event then permits watching clients to start a new server and go on.
    this.#mayRenew = reason.kind !== "idle";
    this.stop(reason.message);
  }

  async #end(reason: string, mode: StopMode): Promise<boolean> {
    const isClean = await endServer({
      ...this.#options,
      doors: this.#options.doors ?? [],
      reason,
      force: mode === "force",
      mayRenew: this.#mayRenew,
      connections: () => this.#reception.connections,
      asyncCommands: this.#asyncCommands,
      bus: this.#bus,
    });
    this.#life.abort();
    return isClean;
  }

  #endIfAsked(): void {
    if (this.#ending !== undefined) this.#loop.stop();
  }
}
