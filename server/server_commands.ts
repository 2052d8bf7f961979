/**
 * Handlers of the commands that every process server has.
 *
 * @module
 */

import type {
  RetireParams,
  ServerStatus,
  SignalTasksParams,
  TerminalUse,
} from "../wire/commands.ts";
import type { EventMask } from "../wire/events.ts";
import type { ServerHandlers } from "./command_runner.ts";
import type { UI } from "./ui.ts";

/** Actions on the server that its own commands use. */
interface ServerControl {
  status(): ServerStatus;
  /** Cancels every command in progress. Returns false if there is none. */
  cancelAll(force: boolean): boolean;
  /** Cancels one build, or all that a UI owns. Returns false if there is none. */
  cancelBuild(ui: UI, build: string | undefined, force: boolean): boolean;
  /** Sends a signal to the commands that a UI owns. Returns true if there was a receiver. */
  signal(ui: UI, params: SignalTasksParams): boolean;
  /** Passes keys, or a size, on to one build, or all that a UI owns. True if one had a use for it. */
  useTerminal(ui: UI, use: TerminalUse): boolean;
  terminate(force: boolean): void;
  /** Ends the server if it is idle and expendable. Returns false if it goes on. */
  retire(params: RetireParams): boolean;
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
    setEventMask: ({ types, logLevel, builds }, ui) => {
      const mask: { -readonly [Key in keyof EventMask]: EventMask[Key] } = {};
      if (types !== undefined) mask.types = types;
      if (logLevel !== undefined) mask.logLevel = logLevel;
      ui.mask = mask;
      if (builds !== undefined) ui.builds = builds;
      return null;
    },
    stateShutdown: () => control.cancelAll(false),
    stateForceShutdown: () => control.cancelAll(true),
    cancelBuild: ({ build, force }, ui) => control.cancelBuild(ui, build, force),
    signalTasks: (params, ui) => control.signal(ui, params),
    useTerminal: (params, ui) => control.useTerminal(ui, params),
    terminateServer: ({ force }) => {
      control.terminate(force);
      return null;
    },
    retireServer: (params) => control.retire(params),
  };
}
