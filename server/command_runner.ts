/**
 * Commands: from a request to exactly one reply.
 *
 * @module
 */

import type { Cooker, Emitted } from "./cooker.ts";
import type { Logger } from "../system/logger.ts";
import type { OwnedWork } from "../system/owned_work.ts";
import {
  type CommandRow,
  type CommandTable,
  type ParamsOf,
  type ResultOf,
  SERVER_COMMANDS,
} from "../wire/commands.ts";
import { WireError } from "../wire/errors.ts";
import type { EventBody } from "../wire/events.ts";
import type { Request } from "../wire/messages.ts";
import { excerpt, nearNames } from "../wire/near_names.ts";
import type { AsyncCommands } from "./async_commands.ts";
import { checkParams } from "./params.ts";
import { stackOf } from "./stack.ts";
import type { UI } from "./ui.ts";

type ServerCommands = typeof SERVER_COMMANDS;

/** The server's own commands: one handler a row; a missing one is a type error. */
export type ServerHandlers = {
  readonly [Name in keyof ServerCommands]: (
    params: ParamsOf<ServerCommands[Name]>,
    ui: UI,
  ) => ResultOf<ServerCommands[Name]>;
};

/** What commands need of their server. */
interface CommandContext {
  /** Owns answers that come later. */
  readonly beside: OwnedWork;
  readonly cooker: Cooker;
  readonly handlers: ServerHandlers;
  readonly asyncCommands: AsyncCommands;
  readonly log: Logger;
  readonly emit: (event: EventBody) => Emitted;
  /** Why nothing new is started, once the server is about to end. */
  readonly ending: () => WireError | undefined;
}

/** Runs the commands of one server. */
export class CommandRunner {
  readonly #context: CommandContext;
  readonly #table: CommandTable;

  /** @throws {TypeError} where the cooker has a command of the name of one of the server's */
  constructor(context: CommandContext) {
    this.#context = context;
    for (const name of Object.keys(context.cooker.commands)) {
      if (name !== "hello" && !isServerCommand(name)) continue;
      throw new TypeError(`The cooker can't have a command ${name}: the server has it itself`);
    }
    this.#table = { ...context.cooker.commands, ...SERVER_COMMANDS };
  }

  /** Whether a UI's request has to wait until the UI is the controller. */
  mustWait(ui: UI, request: Request): boolean {
    return ui.role === "waiting" &&
      (ui.backlog.length > 0 || this.#row(request.method)?.access === "control");
  }

  /** Carries out a request and answers it, at once or when its result is there. */
  run(ui: UI, request: Request): void {
    try {
      const row = this.#find(request.method);
      checkAccess(row, request.method, ui);
      const params = checkParams(request.method, row.params, request.params);
      // Without its parameters: they hold a client's whole environment.
      this.#context.log.log("debug", `Running command ${request.method}`);
      if (row.kind === "async") this.#runAsync(ui, request, params);
      else this.#runSync(ui, request, params);
    } catch (error) {
      ui.refuse(request.id, this.#asWireError(request.method, error));
    }
  }

  #row(method: string): CommandRow | undefined {
    return Object.hasOwn(this.#table, method) ? this.#table[method] : undefined;
  }

  #find(method: string): CommandRow {
    const row = this.#row(method);
    if (row !== undefined) return row;
    const [nearest] = nearNames(method, Object.keys(this.#table), 1);
    const hint = nearest === undefined ? "" : `. Did you mean ${nearest.name}?`;
    throw new WireError("methodNotFound", `No such command: ${excerpt(method)}${hint}`);
  }

  #runSync(ui: UI, request: Request, params: unknown): void {
    const result = this.#call(ui, request, params);
    if (!(result instanceof Promise)) return ui.reply(request.id, result);
    const answering = result.then(
      (value: unknown) => ui.reply(request.id, value),
      (error: unknown) => ui.refuse(request.id, this.#asWireError(request.method, error)),
    );
    this.#context.beside.own(`answering ${request.method}`, answering);
  }

  #runAsync(ui: UI, request: Request, params: unknown): void {
    const ending = this.#context.ending();
    if (ending !== undefined) throw ending;
    this.#context.asyncCommands.request({
      name: request.method,
      ui,
      id: request.id,
      begin: (emit) =>
        this.#context.cooker.runCommand({
          name: request.method,
          params,
          client: ui.client,
          emit,
        }),
    });
  }

  #call(ui: UI, request: Request, params: unknown): unknown {
    const { cooker, handlers, emit } = this.#context;
    if (isServerCommand(request.method)) {
      // The table and the handlers have the same keys, and the parameters fit the row.
      const handler = handlers[request.method] as (params: unknown, ui: UI) => unknown;
      return handler(params, ui);
    }
    return cooker.runCommand({ name: request.method, params, client: ui.client, emit });
  }

  #asWireError(method: string, error: unknown): WireError {
    if (error instanceof WireError) return error;
    this.#context.log.log("error", `${method} failed: ${stackOf(error)}`);
    return new WireError("internalError", `${method} failed: see the server's log`);
  }
}

function isServerCommand(name: string): name is keyof ServerCommands {
  return Object.hasOwn(SERVER_COMMANDS, name);
}

function checkAccess(row: CommandRow, name: string, ui: UI): void {
  const allowed = row.access === "read" ||
    ui.role === "controller" ||
    (row.access === "stop" && ui.role === "operator");
  if (allowed) return;
  const who = row.access === "stop" ? "the controller and operators" : "the controller";
  throw new WireError("readOnly", `${name} is only for ${who}: this UI is ${ui.role}`);
}
