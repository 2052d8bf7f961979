/**
 * Interface between the process server and the program that it serves.
 *
 * The server handles clients, roles and the loop. A {@linkcode Cooker} handles commands and work.
 * The server calls `preServe` before its loop. At its end it calls `shutdown`, `notifier.stop`,
 * `configNotifier.stop` and `postServe`, in this order.
 *
 * @module
 */

import type { ClientInfo, CommandTable, ErrorObject, EventBody, SimmerEvent } from "../wire/mod.ts";
import type { TerminalUse } from "../wire/command_types.ts";
import type { TaskSignal } from "../wire/signals.ts";
import type { Clock } from "../system/clock.ts";
import type { Logger } from "../system/logger.ts";

/**
 * Time of the next call of an idle function:
 *
 * - `false`: never
 * - `true`: in the next turn
 * - a number: after that many seconds
 */
export type IdleResult = boolean | number;

/** As {@linkcode IdleResult}, or a promise: the next call is when it has settled. */
export type StepResult = IdleResult | Promise<unknown>;

/**
 * Work that the server's loop calls when it is due. It must return soon, because it blocks the
 * loop. It is removed if it throws.
 */
export type IdleFunction = () => IdleResult;

/** Services of the server for its cooker; valid from `preServe` on. */
export interface CookerHost {
  /** Clock of the server. */
  readonly clock: Clock;
  /** Log of the server. */
  readonly log: Logger;
  /** Registers idle work. Disposing the result removes it. */
  registerIdle(name: string, idle: IdleFunction): Disposable;
  /** Sends an event to every UI whose mask accepts it. */
  emit(event: EventBody): SimmerEvent;
  /** Returns true if a UI is connected. */
  hasUIs(): boolean;
}

/** An event that has been sent to the UIs. */
export interface Emitted {
  /** The event with its sequence number and time. */
  readonly event: SimmerEvent;
  /**
   * Back-pressure: present if the UI that owns the command reads too slowly. Resolves when the UI
   * has caught up or left. Producers of output wait for it. Observers never cause back-pressure.
   */
  readonly ready?: Promise<void>;
}

/** One command from a UI. */
export interface CommandCall {
  /** The command's name. */
  readonly name: string;
  /** Parameters, checked against the command's row. */
  readonly params: unknown;
  /** Client that has sent the command. */
  readonly client: ClientInfo;
  /** Sends an event that belongs to this command. */
  emit(event: EventBody): Emitted;
}

/** Result of an asynchronous command. */
export type AsyncOutcome =
  | { readonly kind: "completed" }
  | { readonly kind: "exit"; readonly exitCode: number }
  | { readonly kind: "failed"; readonly error: ErrorObject };

/**
 * Request to end a command:
 *
 * - `signal`: a person's signal. The command's processes get it once, and may take as long as they
 *   need to end. A further one is a further signal.
 * - `end`: the processes get SIGTERM, and SIGKILL after a grace period
 * - `kill`: the processes get SIGKILL
 */
export type Cancel =
  | { readonly kind: "signal"; readonly signal: TaskSignal }
  | { readonly kind: "end" }
  | { readonly kind: "kill" };

/** Progress of a command, for `status`. */
export interface CommandActivity {
  /** State of the command, in one word. */
  readonly state: string;
  /** Reasons for which the command waits, one line each. */
  readonly waitsFor: readonly string[];
}

/** An asynchronous command in progress. */
export interface AsyncCommand {
  /** Reply that the sender gets when the command starts. */
  readonly reply: unknown;
  /** Id of its build, for its closing event and its heartbeats. */
  readonly build?: string;
  /** True if the command goes on when its UI leaves. */
  readonly detached: boolean;
  /** Called by the loop until it returns `false`. */
  step(): StepResult;
  /** Returns the result. Called once, after `step` has returned `false`. */
  outcome(): AsyncOutcome;
  /** Present activity, for `status`; absent: unknown. */
  readonly activity?: CommandActivity;
  /** Cancels the command. May be called several times, and after the end. */
  cancel(how: Cancel): void;
  /**
   * Sends a signal to its processes without ending the command. Absent: it has no processes.
   *
   * @returns true if there was a receiver
   */
  signal?(signal: TaskSignal): boolean;
  /**
   * Passes keys, or the size, of the client's terminal on. Absent: it has no terminals.
   *
   * @returns true if there was a receiver
   */
  useTerminal?(use: TerminalUse): boolean;
}

/** A file watcher. The server stops both watchers of its cooker at its end. */
export interface Notifier {
  /** Stops watching. Safe to call twice. */
  stop(): Promise<void> | void;
}

/** The program that a process server serves: commands, and the work that they do. */
export interface Cooker {
  /** Commands of the cooker. The server adds its own. */
  readonly commands: CommandTable;
  /** Watches the inputs. */
  readonly notifier: Notifier;
  /** Watches the config. */
  readonly configNotifier: Notifier;
  /** Current activity in one word, for `status`. */
  readonly state: string;
  /** Conditions that users should know of, one line each, for `status`. */
  readonly notes: readonly string[];
  /**
   * Returns the reason for which the cooker is of no use, for example a config that has never been
   * valid. An expendable server without clients then ends soon. Called on each tick after that
   * time. Absent: there is never such a reason.
   */
  fault?(): string | undefined;
  /** Called once before the loop. */
  preServe(host: CookerHost): Promise<void> | void;
  /** Called once after the loop, when everything else has been stopped. */
  postServe(): Promise<void> | void;
  /**
   * Frees memory. Called if the server exceeds its memory limit while no command is in progress.
   */
  releaseMemory?(): void;
  /**
   * Returns true if a client was started by work in progress, which waits for it. A server that ends
   * when its work is done still serves such a client. Absent: work starts no clients.
   */
  isPartOfWork?(client: ClientInfo): boolean;
  /**
   * Called when a UI has left.
   *
   * @param isGone true if no other UI of the same process is connected
   */
  clientComplete(client: ClientInfo, isGone: boolean): Promise<void> | void;
  /** Ends all work, and waits until its processes are gone. `force`: without a grace period. */
  shutdown(force: boolean): Promise<void>;
  /**
   * Runs a command. Returns the reply of a `sync` command, or the {@linkcode AsyncCommand} of an
   * `async` command. Throws a `WireError` to reply with an error.
   */
  runCommand(call: CommandCall): Promise<unknown> | unknown;
}
