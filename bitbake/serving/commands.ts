/**
 * What BitBake's clients may ask, whichever way they come.
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

/** Where a client sits: what its commands need of the way that it came. */
export interface Seat {
  /** The project's root folder, absolute. */
  readonly root: string;
  readonly configuration: Configuration;
  /** The client's process, where it is known. */
  readonly pid: number;
  /** The number of its event handler. */
  readonly handle: number;
  /** Whether a build of it is in progress. */
  readonly isBuilding: boolean;
  /** Asks the server, without ever waiting for other UIs. */
  call(name: string, params?: unknown): Promise<unknown>;
  /** Sends an event to the client. */
  emit(object: PyObject): void;
  /** Starts the client's build. */
  begin(run: ActionRun & { readonly client: ClientInfo }): Promise<void>;
}

/** An answer: a value and no error, or an error as text. */
type Reply = readonly [value: boolean | number | string | null, error: string | null];

/** A command that is not answered, as the server is about to end. */
export const NO_REPLY = Symbol("no reply");

/** Commands that change nothing, and that clients send before they say who they are. */
export const GREETINGS: ReadonlySet<string> = new Set(["setFeatures", "getVariable"]);

const DONE: Reply = [null, null];

/** Runs a command; what the server refuses is its error. */
export async function runCommand(
  name: string,
  args: readonly PyValue[],
  seat: Seat,
): Promise<Reply | typeof NO_REPLY> {
  try {
    return await dispatch(name, args, seat);
  } catch (error) {
    if (error instanceof WireError) return [null, error.message];
    throw error;
  }
}

async function dispatch(
  name: string,
  args: readonly PyValue[],
  seat: Seat,
): Promise<Reply | typeof NO_REPLY> {
  const { configuration } = seat;
  switch (name) {
    case "getVariable":
      // By this one, clients find out whether there is a server.
      return [args[0] === "TOPDIR" ? seat.root : null, null];
    case "setFeatures":
    case "getSetVariable":
    case "setConfig":
      return DONE;
    case "updateConfig":
      configuration.update(args);
      return DONE;
    case "getUIHandlerNum":
      return [seat.handle, null];
    case "setEventMask":
      configuration.mask(args);
      return [true, null];
    case "ping":
      return ["Still alive!", null];
    case "stateShutdown":
    case "stateForceShutdown":
      return await cancel(name, seat);
    case "terminateServer":
      await seat.call(name);
      return NO_REPLY;
    default:
      return await act(name, args, seat);
  }
}

async function cancel(name: string, seat: Seat): Promise<Reply> {
  if (!seat.isBuilding) return DONE;
  seat.emit(queueExitWait());
  await seat.call(name);
  return DONE;
}

/** An action: it is answered at once, and ends with an event. */
async function act(name: string, args: readonly PyValue[], seat: Seat): Promise<Reply> {
  const [first = null, second = null] = args;
  refuseUnsupported(name, first, seat.configuration);
  const actions = new Actions(seat);
  if (!actions.has(name)) return [null, "No such command"];
  const run = await actions.carryOut(name, first, second);
  const command = seat.configuration.commandLine;
  if (run !== undefined) await seat.begin({ ...run, client: { pid: seat.pid, command } });
  return [true, null];
}
