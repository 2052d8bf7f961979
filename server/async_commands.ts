/**
 * Asynchronous commands of a server. They run one at a time, as idle work of the loop. Each ends
 * with exactly one closing event.
 *
 * @module
 */

import type { AsyncCommand, AsyncOutcome, Emitted } from "./cooker.ts";
import type { Clock } from "../system/clock.ts";
import type { Logger } from "../system/logger.ts";
import type { SignalTasksParams } from "../wire/commands.ts";
import type { EventBody } from "../wire/events.ts";
import type { TaskSignal } from "../wire/signals.ts";
import { WireError } from "../wire/errors.ts";
import type { MessageId } from "../wire/messages.ts";
import type { EventBus } from "./event_bus.ts";
import type { IdleWork } from "./idle.ts";
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

interface Active {
  readonly request: AsyncRequest;
  owner: UI | undefined;
  command: AsyncCommand | undefined;
  cancelled: "no" | "soon" | "now";
  /** Signal that the cancelling client has received; its tasks get the same one. */
  signal?: TaskSignal;
  nextHeartbeat: number;
}

/** Parts of the server that asynchronous commands use. */
interface AsyncContext {
  readonly clock: Clock;
  readonly log: Logger;
  readonly bus: EventBus;
  readonly idle: IdleWork;
  /** Interval of heartbeats in milliseconds; default: {@linkcode HEARTBEAT_MS}. */
  readonly heartbeatMs?: number;
  /** Called with each heartbeat. */
  readonly onBeat?: () => void;
  /** Called when a command has ended and the queue is empty. */
  readonly becameIdle: () => void;
}

/** Runs asynchronous commands, and queues or refuses those that come meanwhile. */
export class AsyncCommands {
  readonly #context: AsyncContext;
  readonly #queue: AsyncRequest[] = [];
  readonly #heartbeatMs: number;
  #active: Active | undefined;

  /** @param context not used before the first request */
  constructor(context: AsyncContext) {
    this.#context = context;
    this.#heartbeatMs = context.heartbeatMs ?? HEARTBEAT_MS;
  }

  /** Name of the command in progress. */
  get busyWith(): string | undefined {
    return this.#active?.request.name;
  }

  /** Id of the build of the command in progress. */
  get build(): string | undefined {
    return this.#active?.command?.build;
  }

  /** Starts a command. If another one is in progress, queues the command or refuses it as busy. */
  request(request: AsyncRequest): void {
    if (this.#active === undefined) return this.#begin(request);
    // A command that is being cancelled ends soon, so the new one is queued for every client.
    if (this.#active.cancelled !== "no" || request.ui.features.includes("queueCommands")) {
      this.#queue.push(request);
      return;
    }
    const message = `Busy (${this.#active.request.name} in progress)`;
    request.ui.refuse(request.id, new WireError("busy", message));
  }

  /**
   * Cancels the command in progress. With `force`, its owner no longer causes back-pressure: the
   * command produces little output from then on.
   *
   * @returns true if a command is in progress
   */
  cancel(force: boolean): boolean {
    const active = this.#active;
    if (active === undefined) return false;
    if (active.cancelled !== "now") active.cancelled = force ? "now" : "soon";
    if (force) active.owner?.connection.outbox.release();
    try {
      active.command?.cancel(active.cancelled === "now", active.signal);
    } catch (error) {
      // A command that cannot be cancelled ends as failed, so that the server can go on.
      this.#failed(active, error);
    }
    return true;
  }

  /**
   * Sends a signal of a UI's process to the command that the UI owns.
   *
   * @returns true if there was a receiver; a command that gets cancelled always counts as one
   */
  signal(ui: UI, { signal, cancel }: SignalTasksParams): boolean {
    const active = this.#active;
    if (active === undefined || active.owner !== ui) return false;
    if (!cancel) return active.command?.signal?.(signal) ?? false;
    if (active.cancelled === "no") active.signal = signal;
    return this.cancel(false);
  }

  /**
   * Removes a UI that has left. Its queued commands are dropped. The command that it owns is
   * cancelled unless it is detached.
   */
  leave(ui: UI): void {
    for (let index = this.#queue.length - 1; index >= 0; index--) {
      if (this.#queue[index]?.ui === ui) this.#queue.splice(index, 1);
    }
    const active = this.#active;
    if (active?.owner !== ui) return;
    active.owner = undefined;
    // A command that is still starting is handled in #start, when `detached` is known.
    if (active.command?.detached === false) this.cancel(false);
  }

  /** Sends the heartbeat if it is due. Missed heartbeats are not sent later. */
  beat(): void {
    const active = this.#active;
    const now = this.#context.clock.monotonic();
    if (active === undefined || now < active.nextHeartbeat) return;
    active.nextHeartbeat = now + this.#heartbeatMs;
    this.#context.bus.emit({ type: "Heartbeat", ...buildOf(active) });
    this.#context.onBeat?.();
  }

  /** Removes the owner of the command in progress, so that it no longer causes back-pressure. */
  disown(): void {
    if (this.#active?.owner === undefined) return;
    this.#active.owner.ownsCommand = false;
    this.#active.owner = undefined;
  }

  /** Refuses all queued commands, because the server is about to end. */
  refuseQueued(error: WireError): void {
    for (const { ui, id } of this.#queue.splice(0)) ui.refuse(id, error);
  }

  /** Ends the command in progress when the server ends, even if its work is not complete. */
  close(error: WireError): void {
    this.refuseQueued(error);
    const active = this.#active;
    if (active === undefined) return;
    if (active.command === undefined) return this.#refused(active, error);
    const cancelled = new WireError("cancelled", error.message);
    const failed: AsyncOutcome = { kind: "failed", error: cancelled.toObject() };
    this.#finish(active, active.command.step() === false ? active.command.outcome() : failed);
  }

  #begin(request: AsyncRequest): void {
    const active: Active = {
      request,
      owner: request.ui,
      command: undefined,
      cancelled: "no",
      nextHeartbeat: this.#context.clock.monotonic() + this.#heartbeatMs,
    };
    this.#active = active;
    request.ui.ownsCommand = true;
    const emit = (event: EventBody): Emitted =>
      this.#context.bus.emit(event, active.cancelled === "now" ? undefined : active.owner);
    this.#start(active, emit).catch((error: unknown) => this.#refused(active, error));
  }

  async #start(active: Active, emit: (event: EventBody) => Emitted): Promise<void> {
    const { request } = active;
    const command = await request.begin(emit) as AsyncCommand;
    // The server has ended meanwhile, and `close` has refused the request.
    if (this.#active !== active) return command.cancel(true);
    request.ui.reply(request.id, command.reply);
    active.command = command;
    this.#context.idle.register(
      request.name,
      () => this.#step(active, command),
      (error) => this.#failed(active, error),
    );
    if (active.owner === undefined && !command.detached) this.cancel(false);
    else if (active.cancelled !== "no") this.cancel(active.cancelled === "now");
  }

  #step(active: Active, command: AsyncCommand): ReturnType<AsyncCommand["step"]> {
    if (this.#active !== active) return false;
    const result = command.step();
    if (result === false) this.#finish(active, command.outcome());
    return result;
  }

  #refused(active: Active, error: unknown): void {
    if (this.#active !== active) return this.#late(active, error);
    const { request } = active;
    if (error instanceof WireError) {
      request.ui.refuse(request.id, error);
    } else {
      this.#context.log.log("error", `${request.name} failed: ${stackOf(error)}`);
      request.ui.refuse(
        request.id,
        new WireError("internalError", `${request.name} failed: see the server's log`),
      );
    }
    this.#next(active);
  }

  /** Logs the failure of a command whose request has already been answered. */
  #late({ request }: Active, error: unknown): void {
    this.#context.log.log("error", `${request.name} failed at the end: ${stackOf(error)}`);
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
    if (this.#active !== active) return;
    this.#context.bus.emit(closingEvent(active, outcome), active.owner);
    this.#next(active);
  }

  #next(active: Active): void {
    active.request.ui.ownsCommand = false;
    this.#active = undefined;
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
