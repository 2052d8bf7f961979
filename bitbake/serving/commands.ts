/**
 * Executes the commands of BitBake's clients. Both transports use it: the pipes and XML-RPC.
 *
 * @module
 */

import { WireError } from "../../wire/errors.ts";
import type { ClientInfo } from "../../wire/events.ts";
import type { PyObject, PyValue } from "../pickle/mod.ts";
import { type ActionRun, Actions } from "./actions.ts";
import type { Configuration } from "./configuration.ts";
import { queueExitWait } from "./objects.ts";
import { refuseUnsupported } from "./unsupported.ts";

/** A client's session, as far as commands depend on the transport. */
export interface ClientContext {
  /** The project's root folder, absolute. */
  readonly root: string;
  readonly configuration: Configuration;
  /** The client's process id, if it is known. */
  readonly pid: number;
  /** The number of the client's event handler. */
  readonly handle: number;
  /** True if a build of this client is in progress. */
  readonly isBuilding: boolean;
  /** Sends a command to the server. It never waits for other UIs. */
  call(name: string, params?: unknown): Promise<unknown>;
  /** Sends an event to the client. */
  emit(object: PyObject): void;
  /** Starts the client's build. */
  begin(run: ActionRun & { readonly client: ClientInfo }): Promise<void>;
}

/** A reply: a value and no error, or an error as text. */
type Reply = readonly [value: boolean | number | string | null, error: string | null];

/** The result of a command that gets no reply, because the server is about to end. */
export const NO_REPLY = Symbol("no reply");

/** Commands without side effects that clients send before they have registered. */
export const GREETINGS: ReadonlySet<string> = new Set(["setFeatures", "getVariable"]);

const DONE: Reply = [null, null];

/** Executes a command. A refusal by the server becomes the error of the reply. */
export async function runCommand(
  name: string,
  args: readonly PyValue[],
  context: ClientContext,
): Promise<Reply | typeof NO_REPLY> {
  try {
    return await dispatch(name, args, context);
  } catch (error) {
    if (error instanceof WireError) return [null, error.message];
    throw error;
  }
}

async function dispatch(
  name: string,
  args: readonly PyValue[],
  context: ClientContext,
): Promise<Reply | typeof NO_REPLY> {
  const { configuration } = context;
  switch (name) {
    case "getVariable":
      // Clients use this command to detect a server.
      return [args[0] === "TOPDIR" ? context.root : null, null];
    case "setFeatures":
    case "getSetVariable":
    case "setConfig":
      return DONE;
    case "updateConfig":
      configuration.update(args);
      return DONE;
    case "getUIHandlerNum":
      return [context.handle, null];
    case "setEventMask":
      configuration.mask(args);
      return [true, null];
    case "ping":
      return ["Still alive!", null];
    case "stateShutdown":
    case "stateForceShutdown":
      return await cancel(name, context);
    case "terminateServer":
      await context.call(name);
      return NO_REPLY;
    default:
      return await act(name, args, context);
  }
}

async function cancel(name: string, context: ClientContext): Promise<Reply> {
  if (!context.isBuilding) return DONE;
  context.emit(queueExitWait());
  await context.call(name);
  return DONE;
}

/** Executes an action. The reply does not wait for a run of tasks, whose end an event reports. */
async function act(name: string, args: readonly PyValue[], context: ClientContext): Promise<Reply> {
  const [first = null, second = null] = args;
  refuseUnsupported(name, first, context.configuration);
  const actions = new Actions(context);
  if (!actions.has(name)) return [null, "No such command"];
  const run = await actions.carryOut(name, first, second);
  const command = context.configuration.commandLine;
  if (run !== undefined) await context.begin({ ...run, client: { pid: context.pid, command } });
  return [true, null];
}
