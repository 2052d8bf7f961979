/**
 * Everything that a UI learns without having asked: one discriminated union of events.
 *
 * The cooker makes an {@linkcode EventBody}; the server's event bus stamps it with a sequence
 * number and a time ({@linkcode SimmerEvent}) and sends it to every UI whose mask lets it through.
 *
 * @module
 */

import type { ErrorObject } from "./errors.ts";

/** The log levels, least important first. */
export const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;

/** How important a {@linkcode LogRecord} is. */
export type LogLevel = typeof LOG_LEVELS[number];

/** Who asked for a build. */
export interface ClientInfo {
  /** Process id of the client, as it says itself. */
  readonly pid: number;
  /** What was typed, for people: `simmer run build`. */
  readonly command: string;
}

/** A task that failed, as the closing summary shows it. */
export interface Failure {
  /** The task's id in the build. */
  readonly task: string;
  /** Its exit code; 127 where it could not be started, 128 + signal where one ended it. */
  readonly exitCode: number;
  /** Its whole output, absolute path; absent where it never started. */
  readonly logPath?: string;
  /** Why, where the exit code does not tell. */
  readonly reason?: string;
}

/** How a build ended. */
export type BuildOutcome = "succeeded" | "failed" | "cancelled";

/** How many of a build's tasks ended in which way; they add up to `total`. */
export interface BuildCounts {
  /** Tasks in the build. */
  readonly total: number;
  /** Tasks that ran and succeeded. */
  readonly succeeded: number;
  /** Tasks whose result came from the cache. */
  readonly cached: number;
  /** Tasks that ran and failed. */
  readonly failed: number;
  /** Tasks that were ended while running. */
  readonly cancelled: number;
  /** Tasks that never started. */
  readonly skipped: number;
}

/** A build begins; every task of it is known. */
export interface BuildStarted {
  /** Tells the event from others. */
  readonly type: "BuildStarted";
  /** The build's id. */
  readonly build: string;
  /** The task names as they were asked for. */
  readonly requested: readonly string[];
  /** Tasks in the build. */
  readonly total: number;
  /** How many run at once at the most. */
  readonly jobs: number;
  /** Who asked. */
  readonly client: ClientInfo;
}

/** A task belongs to the build and waits for its dependencies or for a free job. */
export interface TaskQueued {
  /** Tells the event from others. */
  readonly type: "TaskQueued";
  /** The build's id. */
  readonly build: string;
  /** The task's id in its build. */
  readonly task: string;
  /** The task's name in its config. */
  readonly name: string;
  /** The workspace member that it belongs to, where that is told apart. */
  readonly package?: string;
  /** Ids of the tasks that it waits for. */
  readonly dependencies: readonly string[];
  /** As in its `TaskStarted`; told here too, so that all names can be given the same width. */
  readonly prefixed: boolean;
  /** What its lines are prefixed with, if that is more than its name: `member#build`. */
  readonly label?: string;
}

/** A task's command begins. */
export interface TaskStarted {
  /** Tells the event from others. */
  readonly type: "TaskStarted";
  /** The build's id. */
  readonly build: string;
  /** The task's id in its build. */
  readonly task: string;
  /** The task's name in its config. */
  readonly name: string;
  /** The workspace member that it belongs to, where that is told apart. */
  readonly package?: string;
  /** The command line with its arguments, as the header shows it; absent where the task has none. */
  readonly command?: string;
  /** Where it runs, absolute. */
  readonly cwd: string;
  /** Whether its output lines are shown with the task's name, because others may run beside it. */
  readonly prefixed: boolean;
}

/** A piece of what a task wrote, in order; exactly one of `text` and `base64` is there. */
export interface TaskOutput {
  /** Tells the event from others. */
  readonly type: "TaskOutput";
  /** The build's id. */
  readonly build: string;
  /** The task's id in its build. */
  readonly task: string;
  /** Which of its streams. */
  readonly stream: "stdout" | "stderr";
  /** The bytes as text, if they are whole UTF-8 with few control characters. */
  readonly text?: string;
  /** The bytes in base64, if they are not. */
  readonly base64?: string;
}

/** A task ended with exit code 0. */
export interface TaskSucceeded {
  /** Tells the event from others. */
  readonly type: "TaskSucceeded";
  /** The build's id. */
  readonly build: string;
  /** The task's id in its build. */
  readonly task: string;
  /** How long it ran, in milliseconds. */
  readonly durationMs: number;
  /** The task's whole output, absolute path. */
  readonly logPath?: string;
}

/** A task ended with another exit code, or could not be started. */
export interface TaskFailed {
  /** Tells the event from others. */
  readonly type: "TaskFailed";
  /** The build's id. */
  readonly build: string;
  /** The task's id in its build. */
  readonly task: string;
  /** How long it ran, in milliseconds. */
  readonly durationMs: number;
  /** The exit code. */
  readonly exitCode: number;
  /** The signal that ended it, such as `SIGSEGV`. */
  readonly signal?: string;
  /** Its whole output, absolute path; absent where it wrote none. */
  readonly logPath?: string;
  /** Why, where the exit code does not tell. */
  readonly reason?: string;
}

/**
 * A task did not run because its result was already there. `TaskOutput` events after it replay what
 * it printed when it ran, where that was asked for.
 */
export interface TaskCached {
  /** Tells the event from others. */
  readonly type: "TaskCached";
  /** The build's id. */
  readonly build: string;
  /** The task's id in its build. */
  readonly task: string;
  /** The task's name in its config. */
  readonly name: string;
  /** The workspace member that it belongs to, where that is told apart. */
  readonly package?: string;
  /** The command line with its arguments, as the header shows it. */
  readonly command?: string;
  /** The fingerprint under which the result was found. */
  readonly fingerprint: string;
}

/** A task was ended, or never started, because the build was cancelled or another task failed. */
export interface TaskCancelled {
  /** Tells the event from others. */
  readonly type: "TaskCancelled";
  /** The build's id. */
  readonly build: string;
  /** The task's id in its build. */
  readonly task: string;
  /** Whether it was running. */
  readonly wasRunning: boolean;
  /** How long it ran, in milliseconds. */
  readonly durationMs?: number;
  /** Its whole output, absolute path; absent where it wrote none. */
  readonly logPath?: string;
}

/** The last event of a build's tasks: nothing of the build runs any more. */
export interface BuildCompleted {
  /** Tells the event from others. */
  readonly type: "BuildCompleted";
  /** The build's id. */
  readonly build: string;
  /** How it ended. */
  readonly outcome: BuildOutcome;
  /** The first failing task's code; 130 where the build was cancelled. */
  readonly exitCode: number;
  /** How its tasks ended. */
  readonly counts: BuildCounts;
  /** How long it ran, in milliseconds. */
  readonly durationMs: number;
  /** The tasks that failed, in the order in which they did. */
  readonly failures: readonly Failure[];
}

/** An asynchronous command did what it was asked for. */
export interface CommandCompleted {
  /** Tells the event from others. */
  readonly type: "CommandCompleted";
  /** The name of the command. */
  readonly command: string;
  /** The build's id. */
  readonly build?: string;
}

/** An asynchronous command could not do what it was asked for. */
export interface CommandFailed {
  /** Tells the event from others. */
  readonly type: "CommandFailed";
  /** The name of the command. */
  readonly command: string;
  /** The build's id. */
  readonly build?: string;
  /** Why. */
  readonly error: ErrorObject;
}

/** An asynchronous command was carried out and its result is an exit code other than 0. */
export interface CommandExit {
  /** Tells the event from others. */
  readonly type: "CommandExit";
  /** The name of the command. */
  readonly command: string;
  /** The build's id. */
  readonly build?: string;
  /** The exit code. */
  readonly exitCode: number;
}

/** A line of the server's log. */
export interface LogRecord {
  /** Tells the event from others. */
  readonly type: "LogRecord";
  /** The build's id. */
  readonly build?: string;
  /** How important it is. */
  readonly level: LogLevel;
  /** What there is to say. */
  readonly message: string;
  /** The task that it is about. */
  readonly task?: string;
  /**
   * BitBake's own name of the level: `DEBUG`, `NOTE`, `PLAIN` (a text that is shown as it is),
   * `WARNING` or `ERROR`. Present only in records of BitBake's own server.
   */
  readonly label?: string;
}

/** Work is going on; sent once a second while it is. */
export interface Heartbeat {
  /** Tells the event from others. */
  readonly type: "Heartbeat";
  /** The build's id. */
  readonly build?: string;
}

/** Config files changed; the next run reads them anew. */
export interface ConfigChanged {
  /** Tells the event from others. */
  readonly type: "ConfigChanged";
  /** The build's id. */
  readonly build?: string;
  /** The files, absolute. */
  readonly files: readonly string[];
}

/** Inputs are no longer what they were: the answer to `watchInputs`. */
export interface InputsChanged {
  /** Tells the event from others. */
  readonly type: "InputsChanged";
  /** The build's id. */
  readonly build?: string;
  /** The wait that is over. */
  readonly watch: string;
  /** The files that changed, relative to the project's root; others are absolute. */
  readonly files: readonly string[];
}

/** The tasks of a watched build write inputs of theirs: for these writes, they are not run again. */
export interface InputsWritten {
  /** Tells the event from others. */
  readonly type: "InputsWritten";
  /** The build's id. */
  readonly build?: string;
  /** The wait, which goes on. */
  readonly watch: string;
  /** The files, relative to the project's root; others are absolute. */
  readonly files: readonly string[];
}

/** An event of BitBake's own server that has no counterpart here. */
export interface BitbakeEvent {
  /** Tells the event from others. */
  readonly type: "BitbakeEvent";
  /** The build's id. */
  readonly build?: string;
  /** Its class, such as `bb.event.ParseProgress`. */
  readonly name: string;
  /** Its attributes, as far as they are plain. */
  readonly attributes: unknown;
}

/** This UI read too slowly and lost events; others did not. */
export interface EventsDropped {
  /** Tells the event from others. */
  readonly type: "EventsDropped";
  /** The build's id. */
  readonly build?: string;
  /** How many. */
  readonly count: number;
}

/** The server ends; this is its last event. */
export interface ServerExit {
  /** Tells the event from others. */
  readonly type: "ServerExit";
  /** The build's id. */
  readonly build?: string;
  /** Why. */
  readonly reason: string;
  /** There where the server ends only for a new one to take its place, which clients may start. */
  readonly mayRenew?: boolean;
}

/** What happened, before the bus has stamped it. */
export type EventBody =
  | BuildStarted
  | TaskQueued
  | TaskStarted
  | TaskOutput
  | TaskSucceeded
  | TaskFailed
  | TaskCached
  | TaskCancelled
  | BuildCompleted
  | CommandCompleted
  | CommandFailed
  | CommandExit
  | LogRecord
  | Heartbeat
  | ConfigChanged
  | InputsChanged
  | InputsWritten
  | BitbakeEvent
  | EventsDropped
  | ServerExit;

/** The name of an event's kind. */
export type EventType = EventBody["type"];

/** What the bus adds. */
export interface EventStamp {
  /** Counts every event of this server from 1; gaps are events that a mask held back or a queue dropped. */
  readonly seq: number;
  /** Milliseconds since the Unix epoch. */
  readonly time: number;
}

/** An event as a UI receives it. */
export type SimmerEvent = EventBody & EventStamp;

/** Every event type, in the order of the union. */
export const EVENT_TYPES = [
  "BuildStarted",
  "TaskQueued",
  "TaskStarted",
  "TaskOutput",
  "TaskSucceeded",
  "TaskFailed",
  "TaskCached",
  "TaskCancelled",
  "BuildCompleted",
  "CommandCompleted",
  "CommandFailed",
  "CommandExit",
  "LogRecord",
  "Heartbeat",
  "ConfigChanged",
  "InputsChanged",
  "InputsWritten",
  "BitbakeEvent",
  "EventsDropped",
  "ServerExit",
] as const satisfies readonly EventType[];

/** Which events a UI wants. */
export interface EventMask {
  /** The types to send; absent: all. `EventsDropped` and `ServerExit` are always sent. */
  readonly types?: readonly EventType[];
  /** The least important `LogRecord` to send; absent: `info`. */
  readonly logLevel?: LogLevel;
}

/** The mask of a UI that has not set one: everything but debug records. */
export const DEFAULT_MASK: EventMask = { logLevel: "info" };

/**
 * Whether a mask lets an event through.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { passesMask } from "@simmer/simmer/wire";
 *
 * const heartbeat = { type: "Heartbeat" } as const;
 * assertEquals(passesMask(heartbeat, { types: ["TaskFailed"] }), false);
 * assertEquals(passesMask(heartbeat, {}), true);
 * ```
 */
export function passesMask(event: EventBody, mask: EventMask): boolean {
  if (event.type === "EventsDropped" || event.type === "ServerExit") return true;
  if (mask.types !== undefined && !mask.types.includes(event.type)) return false;
  if (event.type !== "LogRecord") return true;
  return LOG_LEVELS.indexOf(event.level) >= LOG_LEVELS.indexOf(mask.logLevel ?? "info");
}
