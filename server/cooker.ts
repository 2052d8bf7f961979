/**
 * The seam between the process server and what it serves.
 *
 * The server knows clients, roles and the loop; a {@linkcode Cooker} knows commands and work. The
 * server calls `preServe` before its loop and `shutdown`, `notifier.stop`, `configNotifier.stop`
 * and `postServe`, in this order, at its end.
 *
 * @module
 */

import type { ClientInfo, CommandTable, ErrorObject, EventBody, SimmerEvent } from "../wire/mod.ts";
import type { TaskSignal } from "../wire/signals.ts";
import type { Clock } from "../system/clock.ts";
import type { Source } from "../system/source.ts";
import type { Logger } from "../system/logger.ts";

/**
 * What an idle function asks for: `false`: never again; `true`: again without waiting; a number:
 * again within that many seconds; sources: again when one of them is ready (what was read is
 * dropped, so they only wake).
 */
export type IdleResult = boolean | number | readonly Source[];

/**
 * Work that the server's loop calls on its tick. It must return soon: everything waits for it.
 * One that throws is removed.
 */
export type IdleFunction = () => IdleResult;

/** What a server offers to its cooker; valid from `preServe` on. */
export interface CookerHost {
  /** Time. */
  readonly clock: Clock;
  /** The log. */
  readonly log: Logger;
  /** Registers idle work; disposing of the result takes it away again. */
  registerIdle(name: string, idle: IdleFunction): Disposable;
  /** Sends an event to every UI whose mask lets it through. */
  emit(event: EventBody): SimmerEvent;
  /** Whether there is any UI. */
  hasUIs(): boolean;
}

/** An event on its way to the UIs. */
export interface Emitted {
  /** The event with its stamp. */
  readonly event: SimmerEvent;
  /**
   * There where the UI that owns the command reads too slowly: resolves when it has caught up or
   * left. Whoever produces output waits for it; an observer never holds anybody back.
   */
  readonly ready?: Promise<void>;
}

/** One command from a UI, its parameters checked against the command's row. */
export interface CommandCall {
  /** The command's name. */
  readonly name: string;
  /** Its parameters, checked. */
  readonly params: unknown;
  /** Who sent it. */
  readonly client: ClientInfo;
  /** Sends an event that belongs to this command. */
  emit(event: EventBody): Emitted;
}

/** How an asynchronous command ended. */
export type AsyncOutcome =
  | { readonly kind: "completed" }
  | { readonly kind: "exit"; readonly exitCode: number }
  | { readonly kind: "failed"; readonly error: ErrorObject };

/** An asynchronous command in progress. */
export interface AsyncCommand {
  /** What the sender is answered at once. */
  readonly reply: unknown;
  /** The build that it drives; its closing event and its heartbeats carry the id. */
  readonly build?: string;
  /** Whether it goes on when its UI leaves. */
  readonly detached: boolean;
  /** Called as an idle function until it gives `false`. */
  step(): IdleResult;
  /** Asked once, after `step` gave `false`. */
  outcome(): AsyncOutcome;
  /**
   * Asks it to end soon; `force`: at once. May be called several times, and after the end.
   *
   * @param signal the signal that its processes get first; absent: SIGTERM
   */
  cancel(force: boolean, signal?: TaskSignal): void;
  /**
   * Sends a signal to its processes without ending it. Absent: it has none.
   *
   * @returns whether there was a receiver
   */
  signal?(signal: TaskSignal): boolean;
}

/** Something that watches; both of a cooker's are stopped at the server's end. */
export interface Notifier {
  /** Stops watching; safe to call twice. */
  stop(): Promise<void> | void;
}

/** What a process server serves. */
export interface Cooker {
  /** The commands that `runCommand` takes, beside the server's own. */
  readonly commands: CommandTable;
  /** Watches inputs. */
  readonly notifier: Notifier;
  /** Watches config. */
  readonly configNotifier: Notifier;
  /** What it is doing, in a word, for `status`. */
  readonly state: string;
  /** Lines about conditions that people should know of, for `status`. */
  readonly notes: readonly string[];
  /** Called once before the loop. */
  preServe(host: CookerHost): Promise<void> | void;
  /** Called once after the loop, after everything else has been stopped. */
  postServe(): Promise<void> | void;
  /** Asked to give memory back where the server uses too much and nothing is in progress. */
  releaseMemory?(): void;
  /** Called when a UI has left. */
  clientComplete(): Promise<void> | void;
  /** Ends all work and waits until nothing of it is left; `force`: without grace. */
  shutdown(force: boolean): Promise<void>;
  /**
   * Carries out a command: a `sync` one's result is its reply, an `async` one gives an
   * {@linkcode AsyncCommand}. A `WireError` is the reply of a command that can't be carried out.
   */
  runCommand(call: CommandCall): Promise<unknown> | unknown;
}
