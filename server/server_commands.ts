/**
 * The commands that every process server has.
 *
 * @module
 */

import type { ServerStatus, SignalTasksParams } from "../wire/commands.ts";
import type { EventMask } from "../wire/events.ts";
import type { ServerHandlers } from "./command_runner.ts";
import type { UI } from "./ui.ts";

/** What the server's own commands can do to it. */
interface ServerControl {
  status(): ServerStatus;
  /** Cancels the command in progress; says whether there is one. */
  cancel(force: boolean): boolean;
  /** Sends a signal to the work that a UI has in progress; says whether there was a receiver. */
  signal(ui: UI, params: SignalTasksParams): boolean;
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
    signalTasks: (params, ui) => control.signal(ui, params),
    terminateServer: ({ force }) => {
      control.terminate(force);
      return null;
    },
  };
}
