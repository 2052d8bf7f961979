/**
 * Handlers of the commands that every process server has.
 *
 * @module
 */

import type { ServerStatus, SignalTasksParams } from "../wire/commands.ts";
import type { EventMask } from "../wire/events.ts";
import type { ServerHandlers } from "./command_runner.ts";
import type { UI } from "./ui.ts";

/** Actions on the server that its own commands use. */
interface ServerControl {
  status(): ServerStatus;
  /** Cancels the command in progress. Returns false if there is none. */
  cancel(force: boolean): boolean;
  /** Sends a signal to the command that a UI owns. Returns true if there was a receiver. */
  signal(ui: UI, params: SignalTasksParams): boolean;
  terminate(force: boolean): void;
}

/** Returns the handlers of the server's own commands. */
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
    signalTasks: (params, ui) => control.signal(ui, params),
    terminateServer: ({ force }) => {
      control.terminate(force);
      return null;
    },
  };
}
