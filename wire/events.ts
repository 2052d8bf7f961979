/**
 * Events that a server sends to its UIs without a request, as one discriminated union.
 *
 * The cooker creates an {@linkcode EventBody}. The server's event bus adds a sequence number and a
 * time ({@linkcode SimmerEvent}), and sends the event to every UI whose mask passes it.
 *
 * @module
 */

import type { ErrorObject } from "./errors.ts";

/** Log levels, least important first. */
export const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;

/** Severity of a {@linkcode LogRecord}. */
export type LogLevel = typeof LOG_LEVELS[number];

/** Size of a terminal in characters. */
export interface TerminalSize {
  /** Columns; 0: unknown. */
  readonly columns: number;
  /** Rows; 0: unknown. */
  readonly rows: number;
}

/** The client that asked for a build. */
export interface ClientInfo {
  /** Process id of the client, as reported by the client. */
  readonly pid: number;
  /** Command line as typed, for people: `simmer run build`. */
  readonly command: string;
}

/** A failed task, as the final summary shows it. */
export interface Failure {
  /** Id of the task in the build. */
  readonly task: string;
  /** Exit code; 127 if the task could not be started, 128 + signal if a signal ended it. */
  readonly exitCode: number;
  /** Log with the complete output, absolute path; absent if the task never started. */
  readonly logPath?: string;
  /** Reason for the failure, if the exit code does not show it. */
  readonly reason?: string;
}

/** Outcome of a build. */
export type BuildOutcome = "succeeded" | "failed" | "cancelled";

/** Number of tasks of a build by outcome. The numbers add up to `total`. */
export interface BuildCounts {
  /** All tasks of the build. */
  readonly total: number;
  /** Tasks that ran and succeeded. */
  readonly succeeded: number;
  /** Tasks with a cache hit. */
  readonly cached: number;
  /** Tasks that ran and failed. */
  readonly failed: number;
  /** Tasks that were ended while they ran. */
  readonly cancelled: number;
  /** Tasks that never started. */
  readonly skipped: number;
}

/** A build has started, and all its tasks are known. */
export interface BuildStarted {
  /** Discriminant of {@linkcode EventBody}. */
  readonly type: "BuildStarted";
  /** Id of the build. */
  readonly build: string;
  /** Task names as the client requested them. */
  readonly requested: readonly string[];
  /** Number of tasks in the build. */
  readonly total: number;
  /** Maximum number of tasks at once. */
  readonly jobs: number;
  /** The client that asked for the build. */
  readonly client: ClientInfo;
  /** Size of the tasks' terminals at the start; absent if their output goes to pipes. */
  readonly terminal?: TerminalSize;
}

/** The client's terminal has a new size. All terminals of the build's tasks now have it, too. */
export interface TerminalResized {
  /** Discriminant of {@linkcode EventBody}. */
  readonly type: "TerminalResized";
  /** Id of the build. */
  readonly build: string;
  /** The new size. */
  readonly terminal: TerminalSize;
}

/** A task belongs to the build and waits for its dependencies or for a free job. */
export interface TaskQueued {
  /** Discriminant of {@linkcode EventBody}. */
  readonly type: "TaskQueued";
  /** Id of the build. */
  readonly build: string;
  /** Id of the task in its build: its full name, `package#task` in a workspace. */
  readonly task: string;
  /** Name of the task in its config. */
  readonly name: string;
  /** Package that the task belongs to; absent if the project is no workspace. */
  readonly package?: string;
  /** Ids of the tasks that the task waits for. */
  readonly dependencies: readonly string[];
  /** Same as in the `TaskStarted` event. Sent early so that a UI can pad all names to one width. */
  readonly prefixed: boolean;
  /** Prefix of the task's output lines, if it is more than the task's name: `member#build`. */
  readonly label?: string;
}

/** A task's command has started. */
export interface TaskStarted {
  /** Discriminant of {@linkcode EventBody}. */
  readonly type: "TaskStarted";
  /** Id of the build. */
  readonly build: string;
  /** Id of the task in its build: its full name, `package#task` in a workspace. */
  readonly task: string;
  /** Name of the task in its config. */
  readonly name: string;
  /** Package that the task belongs to; absent if the project is no workspace. */
  readonly package?: string;
  /** Command line with its arguments, as the header shows it; absent if the task has none. */
  readonly command?: string;
  /** Working directory of the task, absolute. */
  readonly cwd: string;
  /**
   * True if output lines are prefixed with the task's name, because other tasks may run in
   * parallel.
   */
  readonly prefixed: boolean;
  /** Id of another build that has started the task, and with which this build shares it. */
  readonly shared?: string;
  /** True if the task has a command that could be cached, but declares no inputs. */
  readonly isUndeclared?: boolean;
}

/** A service is ready: the tasks that depend on it may start. */
export interface TaskReady {
  /** Discriminant of {@linkcode EventBody}. */
  readonly type: "TaskReady";
  /** Id of the build. */
  readonly build: string;
  /** Id of the task in its build: its full name, `package#task` in a workspace. */
  readonly task: string;
  /** Name of the task in its config. */
  readonly name: string;
  /** Package that the task belongs to; absent if the project is no workspace. */
  readonly package?: string;
  /** Command line with its arguments, as the header shows it. */
  readonly command?: string;
  /** Time from its start until it was ready, in milliseconds. */
  readonly durationMs: number;
}

/** A piece of a task's output, in order. Exactly one of `text` and `base64` is present. */
export interface TaskOutput {
  /** Discriminant of {@linkcode EventBody}. */
  readonly type: "TaskOutput";
  /** Id of the build. */
  readonly build: string;
  /** Id of the task in its build. */
  readonly task: string;
  /** Stream that the task wrote to. */
  readonly stream: "stdout" | "stderr";
  /** The bytes as text, if they are complete UTF-8 with few control characters. */
  readonly text?: string;
  /** The bytes in base64, if they cannot be sent as text. */
  readonly base64?: string;
}

/** A task ended with exit code 0. */
export interface TaskSucceeded {
  /** Discriminant of {@linkcode EventBody}. */
  readonly type: "TaskSucceeded";
  /** Id of the build. */
  readonly build: string;
  /** Id of the task in its build. */
  readonly task: string;
  /** Run time, in milliseconds. */
  readonly durationMs: number;
  /** Log with the complete output, absolute path. */
  readonly logPath?: string;
}

/** A task ended with another exit code than 0, or could not be started. */
export interface TaskFailed {
  /** Discriminant of {@linkcode EventBody}. */
  readonly type: "TaskFailed";
  /** Id of the build. */
  readonly build: string;
  /** Id of the task in its build. */
  readonly task: string;
  /** Run time, in milliseconds. */
  readonly durationMs: number;
  /** Exit code of the task. */
  readonly exitCode: number;
  /** Signal that ended the task, such as `SIGSEGV`. */
  readonly signal?: string;
  /** Log with the complete output, absolute path; absent if the task has none. */
  readonly logPath?: string;
  /** Reason for the failure, if the exit code does not show it. */
  readonly reason?: string;
  /** Last lines of output of a service. */
  readonly lastLines?: readonly string[];
}

/**
 * A task did not run because of a cache hit. `TaskOutput` events after this one replay its recorded
 * output, if the client asked for that.
 */
export interface TaskCached {
  /** Discriminant of {@linkcode EventBody}. */
  readonly type: "TaskCached";
  /** Id of the build. */
  readonly build: string;
  /** Id of the task in its build: its full name, `package#task` in a workspace. */
  readonly task: string;
  /** Name of the task in its config. */
  readonly name: string;
  /** Package that the task belongs to; absent if the project is no workspace. */
  readonly package?: string;
  /** Command line with its arguments, as the header shows it. */
  readonly command?: string;
  /** Fingerprint under which the result was found. */
  readonly fingerprint: string;
  /** Size in bytes of the recorded output that follows; absent if none follows. */
  readonly replayedBytes?: number;
}

/**
 * The files that a task has used, compared with its declarations. Sent before the end of the task, if
 * the run was asked to audit its tasks and the system permits it. Paths are relative to the task's
 * folder. The lists have at most 100 paths each.
 */
export interface TaskAudited {
  /** Discriminant of {@linkcode EventBody}. */
  readonly type: "TaskAudited";
  /** Id of the build. */
  readonly build: string;
  /** Id of the task in its build. */
  readonly task: string;
  /** Name of the task in its config. */
  readonly name: string;
  /** Workspace member that the task belongs to; absent if members are not distinguished. */
  readonly package?: string;
  /** True if the task declares its inputs. */
  readonly isDeclared: boolean;
  /** Proposed inputs: the files that the task read, or their folders. */
  readonly files: readonly string[];
  /** Proposed outputs: the files that the task wrote, or their folders. */
  readonly output: readonly string[];
  /** Files that the task read first and wrote then. */
  readonly changed: readonly string[];
  /** Files that the task read and does not declare. Empty if it declares no inputs. */
  readonly undeclaredReads: readonly string[];
  /** Files that the task wrote and does not declare. Empty if it declares no inputs. */
  readonly undeclaredWrites: readonly string[];
}

/** A task was ended, or never started, because the build was cancelled or another task failed. */
export interface TaskCancelled {
  /** Discriminant of {@linkcode EventBody}. */
  readonly type: "TaskCancelled";
  /** Id of the build. */
  readonly build: string;
  /** Id of the task in its build. */
  readonly task: string;
  /** True if the task was running. */
  readonly wasRunning: boolean;
  /** Run time, in milliseconds. */
  readonly durationMs?: number;
  /** Log with the complete output, absolute path; absent if the task has none. */
  readonly logPath?: string;
}

/** The last event of a build's tasks: no task of the build runs any more. */
export interface BuildCompleted {
  /** Discriminant of {@linkcode EventBody}. */
  readonly type: "BuildCompleted";
  /** Id of the build. */
  readonly build: string;
  /** Outcome of the build. */
  readonly outcome: BuildOutcome;
  /** Exit code of the first failed task; 130 if the build was cancelled. */
  readonly exitCode: number;
  /** Number of tasks by outcome. */
  readonly counts: BuildCounts;
  /** Run time of the build, in milliseconds. */
  readonly durationMs: number;
  /** Failed tasks, in the order of their failures. */
  readonly failures: readonly Failure[];
}

/** An asynchronous command has been carried out. */
export interface CommandCompleted {
  /** Discriminant of {@linkcode EventBody}. */
  readonly type: "CommandCompleted";
  /** Name of the command. */
  readonly command: string;
  /** Id of the build. */
  readonly build?: string;
}

/** An asynchronous command could not be carried out. */
export interface CommandFailed {
  /** Discriminant of {@linkcode EventBody}. */
  readonly type: "CommandFailed";
  /** Name of the command. */
  readonly command: string;
  /** Id of the build. */
  readonly build?: string;
  /** Reason for the failure. */
  readonly error: ErrorObject;
}

/** An asynchronous command was carried out, and its result is an exit code other than 0. */
export interface CommandExit {
  /** Discriminant of {@linkcode EventBody}. */
  readonly type: "CommandExit";
  /** Name of the command. */
  readonly command: string;
  /** Id of the build. */
  readonly build?: string;
  /** Exit code of the task. */
  readonly exitCode: number;
}

/** A line of the server's log. */
export interface LogRecord {
  /** Discriminant of {@linkcode EventBody}. */
  readonly type: "LogRecord";
  /** Id of the build. */
  readonly build?: string;
  /** Severity of the record. */
  readonly level: LogLevel;
  /** Text of the record. */
  readonly message: string;
  /** Task that the record is about. */
  readonly task?: string;
  /**
   * BitBake's own name of the level: `DEBUG`, `NOTE`, `PLAIN` (a text that is shown unchanged),
   * `WARNING` or `ERROR`. Present only in records of BitBake's own server.
   */
  readonly label?: string;
}

/** Sent once a second while a command is in progress. */
export interface Heartbeat {
  /** Discriminant of {@linkcode EventBody}. */
  readonly type: "Heartbeat";
  /** Id of the build. */
  readonly build?: string;
}

/** Config files have changed. The next run reads them again. */
export interface ConfigChanged {
  /** Discriminant of {@linkcode EventBody}. */
  readonly type: "ConfigChanged";
  /** Id of the build. */
  readonly build?: string;
  /** Changed files, absolute. */
  readonly files: readonly string[];
}

/** Inputs of a watch have changed. This event ends the watch that `watchInputs` began. */
export interface InputsChanged {
  /** Discriminant of {@linkcode EventBody}. */
  readonly type: "InputsChanged";
  /** Id of the build. */
  readonly build?: string;
  /** Name of the watch, which has ended. */
  readonly watch: string;
  /** Changed files, relative to the project's root; files outside of it are absolute. */
  readonly files: readonly string[];
}

/** Tasks of a watched build write their own inputs. These writes do not cause another run. */
export interface InputsWritten {
  /** Discriminant of {@linkcode EventBody}. */
  readonly type: "InputsWritten";
  /** Id of the build. */
  readonly build?: string;
  /** Name of the watch, which continues. */
  readonly watch: string;
  /** Written files, relative to the project's root; files outside of it are absolute. */
  readonly files: readonly string[];
}

/** An event of BitBake's own server that has no counterpart in simmer. */
export interface BitbakeEvent {
  /** Discriminant of {@linkcode EventBody}. */
  readonly type: "BitbakeEvent";
  /** Id of the build. */
  readonly build?: string;
  /** Class of the event, such as `bb.event.ParseProgress`. */
  readonly name: string;
  /** Attributes of the event, as far as they are plain values. */
  readonly attributes: unknown;
}

/** This UI read too slowly and lost events. Other UIs are not affected. */
export interface EventsDropped {
  /** Discriminant of {@linkcode EventBody}. */
  readonly type: "EventsDropped";
  /** Id of the build. */
  readonly build?: string;
  /** Number of lost events. */
  readonly count: number;
}

/**
 * A task reads keys from its own terminal. The owner of the build puts the person's terminal into
 * raw mode, and passes keys on by `useTerminal`.
 */
export interface KeyboardTaken {
  /** Discriminant of {@linkcode EventBody}. */
  readonly type: "KeyboardTaken";
  /** Id of the build. */
  readonly build: string;
  /** Id of the task in its build. */
  readonly task: string;
}

/** A task reads no keys any more. The owner of the build restores the person's terminal. */
export interface KeyboardReleased {
  /** Discriminant of {@linkcode EventBody}. */
  readonly type: "KeyboardReleased";
  /** Id of the build. */
  readonly build: string;
  /** Id of the task in its build. */
  readonly task: string;
}

/**
 * The person has typed a key for which a terminal sends a signal: Ctrl-C, Ctrl-\ or Ctrl-Z. The
 * owner of the build treats it like a signal to its own process: the task does not have it yet. Ctrl-Z
 * in a nested build is reported for the outermost one.
 */
export interface SignalTyped {
  /** Discriminant of {@linkcode EventBody}. */
  readonly type: "SignalTyped";
  /** Id of the build. */
  readonly build: string;
  /** Id of the task in its build. */
  readonly task: string;
  /** The signal of the key. */
  readonly signal: "SIGINT" | "SIGQUIT" | "SIGTSTP";
  /** True if the last key before it was also Ctrl-C or Ctrl-\. */
  readonly isRepeated: boolean;
  /** Text that the task's terminal shows for the key; empty if it shows nothing. */
  readonly echo: string;
}

/** The server ends; this is its last event. */
export interface ServerExit {
  /** Discriminant of {@linkcode EventBody}. */
  readonly type: "ServerExit";
  /** Id of the build. */
  readonly build?: string;
  /** Reason for the end. */
  readonly reason: string;
  /** Present if the server ends only to be replaced by a new one, which clients may start. */
  readonly mayRenew?: boolean;
}

/** An event before the bus has stamped it. */
export type EventBody =
  | BuildStarted
  | TerminalResized
  | TaskQueued
  | TaskStarted
  | TaskReady
  | TaskOutput
  | TaskAudited
  | KeyboardTaken
  | KeyboardReleased
  | SignalTyped
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

/** Name of an event type. */
export type EventType = EventBody["type"];

/** Members that the bus adds to an event. */
export interface EventStamp {
  /**
   * Number of the event, counted by the server from 1. Gaps are events that a mask filtered or a
   * queue dropped.
   */
  readonly seq: number;
  /** Time in milliseconds since the Unix epoch. */
  readonly time: number;
}

/** An event as a UI receives it. */
export type SimmerEvent = EventBody & EventStamp;

/** All event types, in the order of the union. */
export const EVENT_TYPES = [
  "BuildStarted",
  "TerminalResized",
  "TaskQueued",
  "TaskStarted",
  "TaskReady",
  "TaskOutput",
  "TaskAudited",
  "KeyboardTaken",
  "KeyboardReleased",
  "SignalTyped",
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

/** Selects the events that a UI receives. */
export interface EventMask {
  /** Types to send; absent: all. `EventsDropped` and `ServerExit` are always sent. */
  readonly types?: readonly EventType[];
  /** Least important `LogRecord` to send; absent: `info`. */
  readonly logLevel?: LogLevel;
}

/** Mask of a UI that has set none: all events except debug records. */
export const DEFAULT_MASK: EventMask = { logLevel: "info" };

/**
 * Returns true if a mask passes an event.
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
