/**
 * Asynchronous commands of a server. They run as idle work of the loop: one at a time or many,
 * depending on the server's policy. Each ends with exactly one closing event.
 *
 * @module
 */

import type { AsyncCommand, AsyncOutcome, Cancel, Emitted } from "./cooker.ts";
import type { Clock } from "../system/clock.ts";
import type { Logger } from "../system/logger.ts";
import type { BuildStatus, SignalTasksParams, TerminalUse } from "../wire/commands.ts";
import type { ClientInfo, EventBody } from "../wire/events.ts";
import { WireError } from "../wire/errors.ts";
import type { MessageId } from "../wire/messages.ts";
import type { EventBus } from "./event_bus.ts";
import type { IdleWork } from "./idle.ts";
import type { CommandPolicy } from "./policy.ts";
import { stackOf } from "./stack.ts";
import type { UI } from "./ui.ts";

/** Default interval of heartbeats, in milliseconds. */
const HEARTBEAT_MS = 1000;

/** Request of a UI for an asynchronous command. */
interface AsyncRequest {
  readonly name: string;
  readonly ui: UI;
  readonly id: MessageId;
  /** Starts the command in the cooker. */
  begin(emit: (event: EventBody) => Emitted): Promise<unknown> | unknown;
}

/** A command in progress. */
interface Active {
  readonly request: AsyncRequest;
  /** UI that may slow the command down and end it. Absent after it has left, and at the shutdown. */
  owner: UI | undefined;
  command: AsyncCommand | undefined;
  /** Requests to end that arrived before the command had started. */
  readonly early: Cancel[];
  isEnding: boolean;
  isKilled: boolean;
  nextHeartbeat: number;
}

/** Parts of the server that asynchronous commands use. */
interface AsyncContext {
  readonly clock: Clock;
  readonly log: Logger;
  readonly bus: EventBus;
  readonly idle: IdleWork;
  readonly policy: CommandPolicy;
  /** Interval of heartbeats in milliseconds; default: {@linkcode HEARTBEAT_MS}. */
  readonly heartbeatMs?: number;
  /** Called with each heartbeat. */
  readonly onBeat?: () => void;
  /** Called when the last command has ended and the queue is empty. */
  readonly becameIdle: () => void;
}

/** Runs asynchronous commands, and queues or refuses those that the policy does not start. */
export class AsyncCommands {
  readonly #context: AsyncContext;
  readonly #queue: AsyncRequest[] = [];
  readonly #heartbeatMs: number;
  /** Commands in progress, the oldest first. */
  readonly #active = new Set<Active>();

  /** @param context not used before the first request */
  constructor(context: AsyncContext) {
    this.#context = context;
    this.#heartbeatMs = context.heartbeatMs ?? HEARTBEAT_MS;
  }

  /** True if a command is in progress. */
  get isBusy(): boolean {
    return this.#active.size > 0;
  }

  /** Name of the oldest command in progress. */
  get busyWith(): string | undefined {
    return this.#oldest?.request.name;
  }

  /** Id of the build of the oldest command in progress. */
  get build(): string | undefined {
    return this.#oldest?.command?.build;
  }

  /** Client of the oldest command in progress. */
  get client(): ClientInfo | undefined {
    return this.#oldest?.request.ui.client;
  }

  /** The commands in progress, the oldest first. */
  get builds(): readonly BuildStatus[] {
    return [...this.#active].map(({ request, command, isEnding }) => ({
      ...(command?.build === undefined ? {} : { build: command.build }),
      command: request.name,
      client: request.ui.client,
      detached: command?.detached ?? false,
      state: command === undefined
        ? "starting"
        : isEnding
        ? "ending"
        : command.activity?.state ?? "running",
      waitsFor: [...command?.activity?.waitsFor ?? []],
    }));
  }

  get #oldest(): Active | undefined {
    const [oldest] = this.#active;
    return oldest;
  }

  /** Starts, queues or refuses a command. */
  request(request: AsyncRequest): void {
    if (!this.isBusy) return this.#begin(request);
    const mayQueue = request.ui.features.includes("queueCommands");
    const allEnding = [...this.#active].every(({ isEnding }) => isEnding);
    const { isAwaited } = request.ui;
    switch (this.#context.policy.start({ mayQueue, allEnding, isAwaited })) {
      case "run":
        return this.#begin(request);
      case "queue":
        this.#queue.push(request);
        return;
      case "busy":
        request.ui.refuse(
          request.id,
          new WireError("busy", `Busy (${this.busyWith} in progress)`),
        );
    }
  }

  /**
   * Cancels every command in progress.
   *
   * @returns true if there is one
   */
  cancelAll(force: boolean): boolean {
    return this.#cancelEach([...this.#active], { kind: force ? "kill" : "end" });
  }

  /**
   * Cancels one build, or without its id the commands that a UI owns.
   *
   * @returns true if there is one
   */
  cancelBuild(ui: UI, build: string | undefined, force: boolean): boolean {
    return this.#cancelEach(this.#meant(ui, build), { kind: force ? "kill" : "end" });
  }

  /**
   * Sends a signal of a UI's process to the commands that the UI owns.
   *
   * @returns true if there was a receiver; a command that gets cancelled always counts as one
   */
  signal(ui: UI, { signal, cancel }: SignalTasksParams): boolean {
    const owned = this.#ownedBy(ui);
    if (signal === "SIGKILL") return this.#cancelEach(owned, { kind: "kill" });
    if (cancel) return this.#cancelEach(owned, { kind: "signal", signal });
    const heard = owned.map(({ command }) => command?.signal?.(signal) ?? false);
    return heard.includes(true);
  }

  /**
   * Passes keys, or the size, of a UI's terminal on to one build, or without its id to the commands
   * that the UI owns.
   *
   * @returns true if there was a receiver
   */
  useTerminal(ui: UI, use: TerminalUse): boolean {
    const used = this.#meant(ui, use.build).map(({ command }) =>
      command?.useTerminal?.(use) ?? false
    );
    return used.includes(true);
  }

  /**
   * Removes a UI that has left. Its queued commands are dropped. The commands that it owns are
   * cancelled unless they are detached.
   */
  leave(ui: UI): void {
    for (let index = this.#queue.length - 1; index >= 0; index--) {
      if (this.#queue[index]?.ui === ui) this.#queue.splice(index, 1);
    }
    for (const active of this.#ownedBy(ui)) {
      active.owner = undefined;
      // A command that is still starting is handled in #start, when `detached` is known.
      if (active.command?.detached === false) this.#cancel(active, { kind: "end" });
    }
  }

  /** Sends the heartbeats that are due. Missed heartbeats are not sent later. */
  beat(): void {
    const now = this.#context.clock.monotonic();
    for (const active of this.#active) {
      if (now < active.nextHeartbeat) continue;
      active.nextHeartbeat = now + this.#heartbeatMs;
      this.#context.bus.emit({ type: "Heartbeat", ...buildOf(active) }, active.request.ui);
      this.#context.onBeat?.();
    }
  }

  /** Removes the owners of the commands in progress, so that they cause no back-pressure. */
  disown(): void {
    for (const active of this.#active) {
      active.owner?.owned.delete(active);
      active.owner = undefined;
    }
  }

  /** Refuses all queued commands, because the server is about to end. */
  refuseQueued(error: WireError): void {
    for (const { ui, id } of this.#queue.splice(0)) ui.refuse(id, error);
  }

  /** Ends the commands in progress when the server ends, even if their work is not complete. */
  close(error: WireError): void {
    this.refuseQueued(error);
    for (const active of [...this.#active]) {
      const { command } = active;
      if (command === undefined) {
        this.#refused(active, error);
        continue;
      }
      const cancelled = new WireError("cancelled", error.message);
      const failed: AsyncOutcome = { kind: "failed", error: cancelled.toObject() };
      this.#finish(active, command.step() === false ? command.outcome() : failed);
    }
  }

  /** Returns the command of a build, or without its id the commands that a UI owns. */
  #meant(ui: UI, build: string | undefined): readonly Active[] {
    if (build === undefined) return this.#ownedBy(ui);
    return [...this.#active].filter(({ command }) => command?.build === build);
  }

  #ownedBy(ui: UI): readonly Active[] {
    return [...this.#active].filter(({ owner }) => owner === ui);
  }

  #cancelEach(commands: readonly Active[], how: Cancel): boolean {
    for (const active of commands) this.#cancel(active, how);
    return commands.length > 0;
  }

  /**
   * Cancels a command. If it is killed, its owner no longer causes back-pressure: the command
   * produces little output from then on.
   */
  #cancel(active: Active, how: Cancel): void {
    active.isEnding = true;
    if (how.kind === "kill") {
      active.isKilled = true;
      active.owner?.connection.outbox.release();
    }
    if (active.command === undefined) {
      active.early.push(how);
      return;
    }
    try {
      active.command.cancel(how);
    } catch (error) {
      // A command that cannot be cancelled ends as failed, so that the server can go on.
      this.#failed(active, error);
    }
  }

  #begin(request: AsyncRequest): void {
    const active: Active = {
      request,
      owner: request.ui,
      command: undefined,
      early: [],
      isEnding: false,
      isKilled: false,
      nextHeartbeat: this.#context.clock.monotonic() + this.#heartbeatMs,
    };
    this.#active.add(active);
    request.ui.owned.add(active);
    const emit = (event: EventBody): Emitted => {
      // A UI without back-pressure still gets the events of its build.
      const emitted = this.#context.bus.emit(event, request.ui);
      const isPatient = active.owner !== undefined && !active.isKilled;
      return isPatient ? emitted : { event: emitted.event };
    };
    this.#start(active, emit).catch((error: unknown) => this.#refused(active, error));
  }

  async #start(active: Active, emit: (event: EventBody) => Emitted): Promise<void> {
    const { request } = active;
    const command = await request.begin(emit) as AsyncCommand;
    // The server has ended meanwhile, and `close` has refused the request.
    if (!this.#active.has(active)) return command.cancel({ kind: "kill" });
    request.ui.reply(request.id, command.reply);
    active.command = command;
    this.#context.idle.register(
      request.name,
      () => this.#step(active, command),
      (error) => this.#failed(active, error),
    );
    for (const how of active.early.splice(0)) this.#cancel(active, how);
    if (active.owner === undefined && !command.detached) this.#cancel(active, { kind: "end" });
  }

  #step(active: Active, command: AsyncCommand): ReturnType<AsyncCommand["step"]> {
    if (!this.#active.has(active)) return false;
    const result = command.step();
    if (result === false) this.#finish(active, command.outcome());
    return result;
  }

  #refused(active: Active, error: unknown): void {
    const { request } = active;
    if (!this.#active.has(active)) {
      // The request has already been answered.
      this.#context.log.log("error", `${request.name} failed at the end: ${stackOf(error)}`);
      return;
    }
    if (error instanceof WireError) {
      request.ui.refuse(request.id, error);
    } else {
      this.#context.log.log("error", `${request.name} failed: ${stackOf(error)}`);
      request.ui.refuse(
        request.id,
        new WireError("internalError", `${request.name} failed: see the server's log`),
      );
    }
    this.#remove(active);
  }

  #failed(active: Active, error: unknown): void {
    const { name } = active.request;
    this.#context.log.log("error", `${name} failed: ${stackOf(error)}`);
    const failure = error instanceof WireError
      ? error
      : new WireError("internalError", `${name} failed: see the server's log`);
    this.#finish(active, { kind: "failed", error: failure.toObject() });
  }

  #finish(active: Active, outcome: AsyncOutcome): void {
    if (!this.#active.has(active)) return;
    this.#context.bus.emit(closingEvent(active, outcome), active.request.ui);
    this.#remove(active);
  }

  #remove(active: Active): void {
    active.request.ui.owned.delete(active);
    this.#active.delete(active);
    if (this.isBusy) return;
    const following = this.#queue.shift();
    if (following === undefined) this.#context.becameIdle();
    else this.#begin(following);
  }
}

function buildOf(active: Active): { readonly build?: string } {
  return active.command?.build === undefined ? {} : { build: active.command.build };
}

function closingEvent(active: Active, outcome: AsyncOutcome): EventBody {
  const common = { command: active.request.name, ...buildOf(active) };
  switch (outcome.kind) {
    case "completed":
      return { type: "CommandCompleted", ...common };
    case "exit":
      return { type: "CommandExit", ...common, exitCode: outcome.exitCode };
    case "failed":
      return { type: "CommandFailed", ...common, error: outcome.error };
  }
}
