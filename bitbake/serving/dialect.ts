/**
 * Serves BitBake's clients over XML-RPC, with the same commands as over pipes. Events are pushed as
 * pickles.
 *
 * @module
 */

import type {
  CommandAnswer,
  DialectSession,
  EventEncoder,
  XmlRpcDialect,
} from "../../xmlrpc/dialect.ts";
import type { OutgoingCall } from "../../xmlrpc/http_client.ts";
import { isStruct, type XmlRpcValue } from "../../xmlrpc/values.ts";
import type { EventType, SimmerEvent } from "../../wire/events.ts";
import { encode, PyDict, PyFloat, type PyObject, type PyValue } from "../pickle/mod.ts";
import { type ClientContext, GREETINGS, NO_REPLY, runCommand } from "./commands.ts";
import { Configuration } from "./configuration.ts";
import { EventTranslator } from "./translator.ts";

const ENDINGS: ReadonlySet<EventType> = new Set([
  "CommandCompleted",
  "CommandExit",
  "CommandFailed",
]);

/** The state of the client behind an event handler. */
interface Guest {
  readonly configuration: Configuration;
  /**
   * True if the client is registered as a controller. A controller receives the events of its own
   * build only.
   */
  isController: boolean;
  isBuilding: boolean;
  /** The id of the client's build, when it is known. */
  build: string | undefined;
}

/** Creates the dialect. It stores a client's state until the client's event handler is removed. */
export function bitbakeDialect(): XmlRpcDialect {
  const guests = new Map<number, Guest>();
  return {
    openCommands: GREETINGS,
    runCommand: async (name, args, session) => {
      const { handle } = session;
      const guest = handle === undefined ? undefined : guests.get(handle);
      return await answer(name, args, session, guest ?? newGuest());
    },
    eventEncoder: (handle) => {
      const guest = newGuest();
      guests.set(handle, guest);
      return encoderOf(guest);
    },
    forget: (handle) => void guests.delete(handle),
  };
}

function newGuest(): Guest {
  return {
    configuration: new Configuration(),
    isController: false,
    isBuilding: false,
    build: undefined,
  };
}

async function answer(
  name: string,
  args: readonly XmlRpcValue[],
  session: DialectSession,
  guest: Guest,
): Promise<CommandAnswer> {
  const { configuration } = guest;
  if (session.role === "controller") guest.isController = true;
  const context: ClientContext = {
    root: session.root,
    configuration,
    pid: session.client.pid,
    handle: session.handle ?? 0,
    isBuilding: guest.isBuilding,
    call: (command, params) => session.call(command, params),
    emit: (object) => {
      if (configuration.passes(object)) session.push(pushOf(object));
    },
    begin: async (run) => {
      guest.isBuilding = true;
      guest.build = undefined;
      try {
        const { build } = await session.call("runTasks", run) as { readonly build: string };
        guest.build ??= build;
      } catch (error) {
        guest.isBuilding = false;
        throw error;
      }
    },
  };
  const reply = await runCommand(name, args.map(pythonOf), context);
  return reply === NO_REPLY ? [null, null] : reply;
}

function encoderOf(guest: Guest): EventEncoder {
  let translator = new EventTranslator();
  return (event) => {
    if (!isFor(guest, event)) return [];
    if (event.type === "BuildStarted") translator = new EventTranslator();
    if (ENDINGS.has(event.type)) guest.isBuilding = false;
    return translator.translate(event)
      .filter((object) => guest.configuration.passes(object))
      .map(pushOf);
  };
}

/**
 * Returns true if an event is meant for a client. An observer receives the events of every build.
 * The first event of a controller's own build may arrive before the reply with the build's id.
 */
function isFor(guest: Guest, { build, type }: SimmerEvent): boolean {
  if (build === undefined || !guest.isController) return true;
  const isFirst = type === "BuildStarted" || type === "CommandFailed";
  if (guest.isBuilding && isFirst) guest.build ??= build;
  return build === guest.build;
}

function pushOf(object: PyObject): OutgoingCall {
  return { method: "event.sendpickle", params: [encode(object)] };
}

function pythonOf(value: XmlRpcValue): PyValue {
  if (typeof value === "number" && !Number.isSafeInteger(value)) return new PyFloat(value);
  if (Array.isArray(value)) return value.map((each: XmlRpcValue) => pythonOf(each));
  if (!isStruct(value)) return value as PyValue;
  return new PyDict(Object.entries(value).map(([name, each]) => [name, pythonOf(each)]));
}
