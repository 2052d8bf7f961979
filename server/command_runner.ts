/**
 * Runs commands: checks each request, calls its handler in the server or in the cooker, and sends
 * exactly one reply.
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
import type { ClientInfo, EventBody } from "../wire/events.ts";
import type { Request } from "../wire/messages.ts";
import { excerpt, nearNames } from "../wire/near_names.ts";
import type { AsyncCommands } from "./async_commands.ts";
import { checkParams } from "./params.ts";
import { stackOf } from "./stack.ts";
import type { UI } from "./ui.ts";

type ServerCommands = typeof SERVER_COMMANDS;

/** Handlers of the server's own commands, one for each row. A missing one is a type error. */
export type ServerHandlers = {
  readonly [Name in keyof ServerCommands]: (
    params: ParamsOf<ServerCommands[Name]>,
    ui: UI,
  ) => ResultOf<ServerCommands[Name]>;
};

/** Parts of the server that commands use. */
interface CommandContext {
  /** Owns pending replies of commands with asynchronous results. */
  readonly beside: OwnedWork;
  readonly cooker: Cooker;
  readonly handlers: ServerHandlers;
  readonly asyncCommands: AsyncCommands;
  readonly log: Logger;
  readonly emit: (event: EventBody) => Emitted;
  /** Returns the reason to refuse new work of a client, if the server is about to end. */
  readonly ending: (client: ClientInfo) => WireError | undefined;
}

/** Runs the commands of one server. */
export class CommandRunner {
  readonly #context: CommandContext;
  readonly #table: CommandTable;

  /** @throws {TypeError} if the cooker defines a command that the server defines too */
  constructor(context: CommandContext) {
    this.#context = context;
    for (const name of Object.keys(context.cooker.commands)) {
      if (name !== "hello" && !isServerCommand(name)) continue;
      throw new TypeError(`The cooker can't have a command ${name}: the server has it itself`);
    }
    this.#table = { ...context.cooker.commands, ...SERVER_COMMANDS };
  }

  /**
   * Returns true if a request must wait until its UI is the controller. That is the case if it
   * needs control, or if an earlier request of the same UI waits.
   */
  mustWait(ui: UI, request: Request): boolean {
    return ui.role === "waiting" &&
      (ui.backlog.length > 0 || this.#row(request.method)?.access === "control");
  }

  /** Runs a request, and replies to it at once or when its result is available. */
  run(ui: UI, request: Request): void {
    try {
      const row = this.#find(request.method);
      checkAccess(row, request.method, ui);
      const params = checkParams(request.method, row.params, request.params);
      // Parameters are not logged: they contain the client's whole environment.
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
    const ending = this.#context.ending(ui.client);
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
      // The cast is safe: table and handlers have the same keys, and the parameters are checked.
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
