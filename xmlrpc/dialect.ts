/**
 * Dialects: what commands and events are called over XML-RPC.
 *
 * The methods, tokens and pushes are the same for all; BitBake's clients mean other commands by
 * `runCommand` and want their events in another form than simmer's own.
 *
 * @module
 */

import { WireError } from "../wire/errors.ts";
import type { EventMask, SimmerEvent } from "../wire/events.ts";
import type { OutgoingCall } from "./http_client.ts";
import { fromJson, isStruct, toJson, type XmlRpcValue } from "./values.ts";

/** The client that a command comes from. */
export interface DialectSession {
  /** `none`: it has shown no token, and may only run the dialect's open commands. */
  readonly role: "controller" | "observer" | "none";
  /** The number of its event handler, as far as that is known. */
  readonly handle: number | undefined;
  /** The project's root folder. */
  readonly root: string;
  /** Who it is, as the server's own commands are told. */
  readonly client: { readonly pid: number; readonly command: string };
  /**
   * Sends a native command for it; its role is checked as every client's is.
   *
   * @throws {WireError} what is answered instead of a result
   */
  call(name: string, params?: unknown): Promise<unknown>;
  /**
   * Sets which events are sent to an event handler.
   *
   * @param handle default: its own
   * @throws {WireError} where there is no such handler of this client
   */
  setEventMask(mask: EventMask, handle?: number): Promise<void>;
  /** Pushes something to its event handler, behind the events that are on their way. */
  push(call: OutgoingCall): void;
}

/** What `runCommand` answers: a value and no error, or an error as text. */
export type CommandAnswer = readonly [value: XmlRpcValue, error: string | null];

/** Turns events into calls to a client's own XML-RPC server; none: the event is passed over. */
export type EventEncoder = (event: SimmerEvent) => readonly OutgoingCall[];

/** A way to speak. */
export interface XmlRpcDialect {
  /** Commands that are run without a token. */
  readonly openCommands: ReadonlySet<string>;
  /** Runs a command; what it throws is a defect of the dialect. */
  runCommand(
    name: string,
    args: readonly XmlRpcValue[],
    session: DialectSession,
  ): Promise<CommandAnswer>;
  /** Makes the encoder of one event handler. */
  eventEncoder(handle: number): EventEncoder;
  /** Is told that an event handler is no more. */
  forget(handle: number): void;
}

/**
 * simmer's own: a command's parameters are a struct, its result is the value; events are sent to
 * `event.send` as JSON text.
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
    throw new WireError("invalidParams", `${name}: its parameters are one struct`);
  }
  const params = toJson(given) as Record<string, unknown>;
  switch (name) {
    case "hello":
      throw new WireError("methodNotFound", "hello: addClient and registerEventHandler are that");
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
    throw new WireError("invalidParams", "setEventMask: handle is a number");
  }
  await session.setEventMask(mask, handle);
  return null;
}
