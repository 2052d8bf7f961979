/**
 * Dialects: the commands and the event format that a kind of client uses over XML-RPC.
 *
 * Methods, tokens and pushes are the same in all dialects. BitBake's clients use other commands
 * with `runCommand` than simmer's own, and expect their events in another format.
 *
 * @module
 */

import { WireError } from "../wire/errors.ts";
import type { EventMask, SimmerEvent } from "../wire/events.ts";
import type { OutgoingCall } from "./http_client.ts";
import { fromJson, isStruct, toJson, type XmlRpcValue } from "./values.ts";

/** The client that sent a command. */
export interface DialectSession {
  /** `none`: the client has shown no valid token, and may only run the dialect's open commands. */
  readonly role: "controller" | "observer" | "none";
  /** Number of the client's event handler, if it is known. */
  readonly handle: number | undefined;
  /** The project's root folder. */
  readonly root: string;
  /** Description of the client for the server's own commands. */
  readonly client: { readonly pid: number; readonly command: string };
  /**
   * Sends a native command for the client. The server checks its role as for every other client.
   *
   * @throws {WireError} if the server responds with an error
   */
  call(name: string, params?: unknown): Promise<unknown>;
  /**
   * Sets which events are sent to an event handler.
   *
   * @param handle default: the client's own handler
   * @throws {WireError} if the client has no such handler
   */
  setEventMask(mask: EventMask, handle?: number): Promise<void>;
  /** Queues a call to the client's event handler, behind the events that are already queued. */
  push(call: OutgoingCall): void;
}

/** Result of `runCommand`: a value and no error, or an error as text. */
export type CommandAnswer = readonly [value: XmlRpcValue, error: string | null];

/** Converts an event into calls to a client's own XML-RPC server. An empty list skips the event. */
export type EventEncoder = (event: SimmerEvent) => readonly OutgoingCall[];

/** Command set and event format of one kind of client. */
export interface XmlRpcDialect {
  /** Commands that may run without a token. */
  readonly openCommands: ReadonlySet<string>;
  /** Runs a command. An exception means a defect in the dialect. */
  runCommand(
    name: string,
    args: readonly XmlRpcValue[],
    session: DialectSession,
  ): Promise<CommandAnswer>;
  /** Creates the encoder for one event handler. */
  eventEncoder(handle: number): EventEncoder;
  /** Drops the state of an event handler that has been removed. */
  forget(handle: number): void;
}

/**
 * simmer's own dialect. A command's parameters are one struct, and its result is the value. Events
 * are sent to `event.send` as JSON text.
 */
export const nativeDialect: XmlRpcDialect = {
  openCommands: new Set(),
  runCommand: async (name, args, session) => {
    try {
      return [fromJson(await runNative(name, args, session)), null];
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      return [null, error.message];
    }
  },
  eventEncoder: () => (event) => [{ method: "event.send", params: [JSON.stringify(event)] }],
  forget: () => {},
};

async function runNative(
  name: string,
  args: readonly XmlRpcValue[],
  session: DialectSession,
): Promise<unknown> {
  const [given = {}, ...more] = args;
  if (!isStruct(given) || more.length > 0) {
    throw new WireError("invalidParams", `${name}: the parameters must be one struct`);
  }
  const params = toJson(given) as Record<string, unknown>;
  switch (name) {
    case "hello":
      throw new WireError("methodNotFound", "hello: use addClient or registerEventHandler");
    case "getUIHandlerNum":
      return session.handle ?? null;
    case "setEventMask": {
      const { handle, ...mask } = params;
      return await setMask(mask, handle, session);
    }
    case "runTasks":
      return await session.call(name, { cwd: session.root, client: session.client, ...params });
    default:
      return await session.call(name, params);
  }
}

async function setMask(mask: EventMask, handle: unknown, session: DialectSession): Promise<null> {
  if (handle !== undefined && typeof handle !== "number") {
    throw new WireError("invalidParams", "setEventMask: handle must be a number");
  }
  await session.setEventMask(mask, handle);
  return null;
}
