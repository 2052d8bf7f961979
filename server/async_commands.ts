/**
 * Asynchronous commands: one at a time, as idle work, each ended by exactly one event.
 *
 * @module
 */

import type { AsyncCommand, AsyncOutcome, Emitted } from "../cooker/cooker.ts";
import type { Clock } from "../system/clock.ts";
import type { Logger } from "../system/logger.ts";
import type { EventBody } from "../wire/events.ts";
import { WireError } from "../wire/errors.ts";
import type { MessageId } from "../wire/messages.ts";
import type { EventBus } from "./event_bus.ts";
import type { IdleWork } from "./idle.ts";
import { stackOf } from "./stack.ts";
import type { UI } from "./ui.ts";

/** Milliseconds between two heartbeats. */
export const HEARTBEAT_MS = 1000;

/** An asynchronous command that a UI asks for. */
export interface AsyncRequest {
  readonly name: string;
  readonly ui: UI;
  readonly id: MessageId;
  /** Has the cooker begin it. */
  begin(emit: (event: EventBody) => Emitted): Promise<unknown> | unknown;
}

interface Active {
  readonly request: AsyncRequest;
  owner: UI | undefined;
  command: AsyncCommand | undefined;
  cancelled: "no" | "soon" | "now";
  nextHeartbeat: number;
}

/** What asynchronous commands need of their server. */
export interface AsyncContext {
  readonly clock: Clock;
  readonly log: Logger;
  readonly bus: EventBus;
  readonly idle: IdleWork;
  /** Called when a command has ended and none follows. */
  readonly becameIdle: () => void;
}

/** Runs asynchronous commands. */
export class AsyncCommands {
  readonly #context: AsyncContext;
  readonly #queue: AsyncRequest[] = [];
  #active: Active | undefined;

  /** @param context is used from the first request on */
  constructor(context: AsyncContext) {
    this.#context = context;
  }

  /** The name of the command in progress. */
  get busyWith(): string | undefined {
    return this.#active?.request.name;
  }

  /** The build of the command in progress. */
  get build(): string | undefined {
    return this.#active?.command?.build;
  }

  /** Begins a command, or puts it into the queue, or refuses it as busy. */
  request(request: AsyncRequest): void {
    if (this.#active === undefined) return this.#begin(request);
    // One that is being cancelled makes room by itself.
    if (this.#active.cancelled !== "no" || request.ui.features.includes("queueCommands")) {
      this.#queue.push(request);
      return;
    }
    const message = `Busy (${this.#active.request.name} in progress)`;
    request.ui.refuse(request.id, new WireError("busy", message));
  }

  /**
   * Asks the command in progress to end.
   *
   * @returns whether there is one
   */
  cancel(force: boolean): boolean {
    const active = this.#active;
    if (active === undefined) return false;
    if (active.cancelled !== "now") active.cancelled = force ? "now" : "soon";
    active.command?.cancel(force);
    return true;
  }

  /** Forgets a UI: what it waits for is dropped, what it owns is cancelled unless detached. */
  leave(ui: UI): void {
    for (let index = this.#queue.length - 1; index >= 0; index--) {
      if (this.#queue[index]?.ui === ui) this.#queue.splice(index, 1);
    }
    const active = this.#active;
    if (active?.owner !== ui) return;
    active.owner = undefined;
    // A command that has not begun yet says itself whether it goes on: see #started.
    if (active.command?.detached === false) this.cancel(false);
  }

  /** Sends the heartbeat if it is due; one that was missed is not made up for. */
  beat(): void {
    const active = this.#active;
    const now = this.#context.clock.monotonic();
    if (active === undefined || now < active.nextHeartbeat) return;
    active.nextHeartbeat = now + HEARTBEAT_MS;
    this.#context.bus.emit({ type: "Heartbeat", ...buildOf(active) });
  }

  /** Ends the command in progress at the server's end, whether or not it got to its own. */
  close(reason: string): void {
    this.#queue.length = 0;
    const active = this.#active;
    if (active === undefined) return;
    const isDone = active.command?.step() === false;
    this.#finish(
      active,
      isDone && active.command !== undefined
        ? active.command.outcome()
        : { kind: "failed", error: new WireError("cancelled", reason).toObject() },
    );
  }

  #begin(request: AsyncRequest): void {
    const active: Active = {
      request,
      owner: request.ui,
      command: undefined,
      cancelled: "no",
      nextHeartbeat: this.#context.clock.monotonic() + HEARTBEAT_MS,
    };
    this.#active = active;
    request.ui.ownsCommand = true;
    const emit = (event: EventBody): Emitted => this.#context.bus.emit(event, active.owner);
    this.#started(active, emit).catch((error: unknown) => this.#refused(active, error));
  }

  async #started(active: Active, emit: (event: EventBody) => Emitted): Promise<void> {
    const { request } = active;
    const command = await request.begin(emit) as AsyncCommand;
    if (this.#active !== active) return;
    active.command = command;
    request.ui.reply(request.id, command.reply);
    if (active.owner === undefined && !command.detached && active.cancelled === "no") {
      active.cancelled = "soon";
    }
    if (active.cancelled !== "no") command.cancel(active.cancelled === "now");
    this.#context.idle.register(
      request.name,
      () => this.#step(active, command),
      (error) => this.#failed(active, error),
    );
  }

  #step(active: Active, command: AsyncCommand): ReturnType<AsyncCommand["step"]> {
    if (this.#active !== active) return false;
    const result = command.step();
    if (result === false) this.#finish(active, command.outcome());
    return result;
  }

  #refused(active: Active, error: unknown): void {
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
