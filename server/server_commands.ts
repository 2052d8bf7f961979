/**
 * The commands that every process server has.
 *
 * @module
 */

import type { ServerStatus } from "../wire/commands.ts";
import type { EventMask } from "../wire/events.ts";
import type { ServerHandlers } from "./command_runner.ts";

/** What the server's own commands can do to it. */
export interface ServerControl {
  status(): ServerStatus;
  /** Cancels the command in progress; says whether there is one. */
  cancel(force: boolean): boolean;
  terminate(force: boolean): void;
}

/** The handlers over a server. */
export function serverHandlers(control: ServerControl): ServerHandlers {
  return {
    ping: () => "Still alive!",
    status: () => control.status(),
    setFeatures: ({ features }, ui) => {
      ui.features = [...new Set([...ui.features, ...features])];
      return [...ui.features];
    },
    getUIHandlerNum: (_, ui) => ui.handler,
    setEventMask: ({ types, logLevel }, ui) => {
      const mask: { -readonly [Key in keyof EventMask]: EventMask[Key] } = {};
      if (types !== undefined) mask.types = types;
      if (logLevel !== undefined) mask.logLevel = logLevel;
      ui.mask = mask;
      return null;
    },
    stateShutdown: () => control.cancel(false),
    stateForceShutdown: () => control.cancel(true),
    terminateServer: ({ force }) => {
      control.terminate(force);
      return null;
    },
  };
}
