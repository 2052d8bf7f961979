/**
 * Types of the commands' parameters and results. Clients need nothing else of the command table.
 *
 * @module
 */

import type { ClientInfo, EventType, LogLevel, TerminalSize } from "./events.ts";
import type { Feature, Role } from "./hello.ts";
import type { TaskSignal } from "./signals.ts";

export type { TerminalSize } from "./events.ts";

/** Parameters of a command that takes none. */
export type NoParams = Record<never, never>;

/** A connected UI, as `status` lists it. */
export interface ConnectedClient extends ClientInfo {
  /** The UI's number. */
  readonly handler: number;
  /** Current role; `waiting` until the UI becomes the controller. */
  readonly role: Role | "waiting";
}

/** Another entry point of a server. */
export interface ServerDoor {
  /** Protocol of the entry point. */
  readonly name: string;
  /** Address of the entry point. */
  readonly address: string;
}

/** Result of `status`. */
export interface ServerStatus {
  /**
   * Process id of the server; absent for BitBake's own server, which does not report it over
   * XML-RPC.
   */
  readonly pid?: number | undefined;
  /** simmer's version; for BitBake's own server, `BitBake` and its version. */
  readonly version: string;
  /** Root folder of the project. */
  readonly root: string;
  /** Config file that the user named; absent if it was found in the root. */
  readonly config?: string | undefined;
  /** Path of the socket that the server listens on. */
  readonly socket: string;
  /** Other entry points, such as `XML-RPC` at its `HOST:PORT`. */
  readonly doors?: readonly ServerDoor[] | undefined;
  /** Start time in milliseconds since the Unix epoch; absent for BitBake's own server. */
  readonly startedAt?: number | undefined;
  /** Time since the start, in milliseconds; absent for BitBake's own server. */
  readonly uptimeMs?: number | undefined;
  /** Resident memory, in bytes; absent for BitBake's own server. */
  readonly rssBytes?: number | undefined;
  /** Used heap, in bytes; absent for BitBake's own server. */
  readonly heapBytes?: number | undefined;
  /**
   * Idle timeout: seconds that the server stays without a UI, or -1 for no limit. Absent for
   * BitBake's own server.
   */
  readonly timeout?: number | undefined;
  /** State of the cooker, in one word. */
  readonly state: string;
  /** Policy for UIs and commands: one build at a time, or many. Absent for BitBake's own server. */
  readonly policy?: "single" | "many" | undefined;
  /** Name of the oldest command in progress. */
  readonly busyWith: string | null;
  /** Id of its build. */
  readonly build: string | null;
  /** All commands in progress, the oldest first. */
  readonly builds: readonly BuildStatus[];
  /** The connected UIs. */
  readonly clients: readonly ConnectedClient[];
  /** Conditions that users should know of, one line each. */
  readonly notes: readonly string[];
}

/** A command in progress, in the result of `status`. */
export interface BuildStatus {
  /** Id of its build; absent while it starts. */
  readonly build?: string | undefined;
  /** Name of the command. */
  readonly command: string;
  /** Client that asked for it. */
  readonly client: ClientInfo;
  /** True if it goes on when its client leaves. */
  readonly detached: boolean;
  /** Its state, in one word. */
  readonly state: string;
  /** Reasons for which it waits, one line each. */
  readonly waitsFor: readonly string[];
}

/** Parameters of `setFeatures`. */
export interface SetFeaturesParams {
  /** Features to switch on. */
  readonly features: readonly Feature[];
}

/** Parameters of `setEventMask`. */
export interface SetEventMaskParams {
  /** Event types to send; absent: all. */
  readonly types?: readonly EventType[] | undefined;
  /** Least important log level to send; absent: `info`. */
  readonly logLevel?: LogLevel | undefined;
  /** Builds whose events are sent; absent: as before. */
  readonly builds?: "own" | "all" | undefined;
}

/** Parameters of `cancelBuild`, as a client sends them. */
export interface CancelBuildInput {
  /** Id of the build; absent: all builds that the UI owns. */
  readonly build?: string | undefined;
  /** Ends the tasks with SIGKILL; default: `false`. */
  readonly force?: boolean | undefined;
}

/** Parameters of `cancelBuild`. */
export interface CancelBuildParams {
  /** Id of the build; absent: all builds that the UI owns. */
  readonly build?: string | undefined;
  /** Ends the tasks with SIGKILL. */
  readonly force: boolean;
}

/** Parameters of `terminateServer`, as a client sends them. */
export interface TerminateInput {
  /** Cancels the build in progress instead of waiting for it; default: `false`. */
  readonly force?: boolean | undefined;
}

/** Parameters of `terminateServer`. */
export type TerminateParams = Required<TerminateInput> & { readonly force: boolean };

/** Parameters of `retireServer`. */
export interface RetireParams {
  /**
   * Last use of the server that the sender knows of, in milliseconds since the Unix epoch. A server
   * that was used later is not retired.
   */
  readonly unusedSince: number;
  /** Reason for the server's log. */
  readonly reason: string;
}

/** Parameters of `signalTasks`, as a client sends them. */
export interface SignalTasksInput {
  /** Name of the signal. `SIGKILL` always cancels the builds. */
  readonly signal: TaskSignal | "SIGKILL";
  /**
   * Cancels the builds too. Their tasks may take as long as they need to end; default: `false`.
   */
  readonly cancel?: boolean | undefined;
}

/** Parameters of `signalTasks`. */
export type SignalTasksParams = Required<SignalTasksInput> & { readonly cancel: boolean };

/** Parameters of `useTerminal`. */
export interface TerminalUse {
  /** Id of the build; absent: all builds that the UI owns. */
  readonly build?: string | undefined;
  /** Keys that were typed, as base64, for the task that has the keyboard. */
  readonly keys?: string | undefined;
  /** New size of the terminal, for all tasks. */
  readonly size?: TerminalSize | undefined;
}

/** Workspace folders that a command applies to, as a client sends them. */
export interface WorkspaceInput {
  /** Selects all folders; default: `false`. */
  readonly recursive?: boolean | undefined;
  /** Selects all folders except the root; default: `false`. */
  readonly members?: boolean | undefined;
  /**
   * Filters that select folders: by a part of the package's or folder's name, or in the language of
   * pnpm and Turborepo.
   */
  readonly filter?: string | readonly string[] | undefined;
  /** The changed files by the git revisions that filters name, absolute. */
  readonly changes?: Readonly<Record<string, readonly string[]>> | undefined;
}

/** Workspace folders that a command applies to, with defaults filled in. */
export interface WorkspaceParams extends WorkspaceInput {
  /** Selects all folders. */
  readonly recursive: boolean;
  /** Selects all folders except the root. */
  readonly members: boolean;
}

/** Parameters of `listTasks`, as a client sends them. */
export interface ListTasksInput extends WorkspaceInput {
  /** Folder from which task names are resolved; absent: the root. */
  readonly cwd?: string | undefined;
}

/** Parameters of `listTasks`, with defaults filled in. */
export interface ListTasksParams extends WorkspaceParams {
  /** Folder from which task names are resolved; absent: the root. */
  readonly cwd?: string | undefined;
}

/** One task in the result of `listTasks`. */
export interface TaskDescription {
  /** Full name of the task: `package#task` in a workspace. */
  readonly task: string;
  /** Name of the task in its config. */
  readonly name: string;
  /** Description of the task, for people. */
  readonly description?: string | undefined;
  /** Shell command line of the task. */
  readonly command?: string | undefined;
  /** Dependencies of the task, as written in its config. */
  readonly dependencies: readonly string[];
  /** Kind of the file that defines the task. */
  readonly source: "deno.json" | "package.json";
  /** Absolute path of that file. */
  readonly file: string;
  /** The place where the inputs, outputs and dependencies of the task are declared. */
  readonly declaredIn: {
    readonly source: "simmer" | "wireit" | "turbo.json" | "deno.json" | "package.json";
    /** Absolute path. */
    readonly file: string;
    /** Counted from 1. */
    readonly line: number;
  };
  /** True if the task belongs to the workspace root and is seen from a member. */
  readonly inherited: boolean;
  /** Name of the folder in which the task was found; present if the list covers several folders. */
  readonly package?: string | undefined;
}

/** Parameters of `getVariable`. */
export interface GetVariableParams {
  /** Name of the variable. */
  readonly name: string;
}

/** Parameters of `setVariable`. */
export interface SetVariableParams {
  /** Name of the variable. */
  readonly name: string;
  /** New value of the variable. */
  readonly value: string;
}

/** Output to replay on a cache hit: all of it, only stderr, or nothing. */
export type ReplayLogs = "full" | "errors" | "none";

/** Parameters of `runTasks`, as a client sends them. */
export interface RunTasksInput extends WorkspaceInput {
  /** Task names as typed; with `eval`, one shell command line. */
  readonly tasks: readonly string[];
  /** Arguments for the last task; default: none. */
  readonly args?: readonly string[] | undefined;
  /** Working directory of the client, absolute. */
  readonly cwd: string;
  /** Folder to run in instead of the config's own folder (`--cwd`), absolute. */
  readonly taskCwd?: string | undefined;
  /** Complete environment of the tasks. */
  readonly env: Readonly<Record<string, string>>;
  /** Maximum number of tasks at once, from 1; absent: the number of processors. */
  readonly jobs?: number | undefined;
  /** Treats `tasks` as a shell command line; default: `false`. */
  readonly eval?: boolean | undefined;
  /** Ignores names that match no task; default: `false`. */
  readonly ifPresent?: boolean | undefined;
  /**
   * Runs only tasks whose inputs are among the files that `changes` has under this name, and tasks
   * that depend on them; absent: all.
   */
  readonly affected?: string | undefined;
  /** Runs tasks even on a cache hit; default: `false`. */
  readonly force?: boolean | undefined;
  /** Options for the `deno` whose shell runs the tasks, such as `--frozen`; default: none. */
  readonly denoFlags?: readonly string[] | undefined;
  /** Reports the files that the tasks use, by `TaskAudited`; default: `false`. */
  readonly audit?: boolean | undefined;
  /**
   * The way in which scripts of a `package.json` run: as `npm run` does, or as `deno task` does; absent: as the
   * project's settings say.
   */
  readonly scripts?: "npm" | "deno" | undefined;
  /** Continues after a failure with tasks that do not depend on it; default: `false`. */
  readonly keepGoing?: boolean | undefined;
  /** Continues the build after its client has left; default: `false`. */
  readonly detach?: boolean | undefined;
  /**
   * The client prints output without prefixes. A task is then over when its command has ended, even
   * if a background process holds its output open; default: `false`.
   */
  readonly noPrefix?: boolean | undefined;
  /** Output to replay on a cache hit; default: `none`. */
  readonly replayLogs?: ReplayLogs | undefined;
  /**
   * Announces a `watchInputs` with the build's id, which will ask for changes since the tasks
   * began; default: `false`.
   */
  readonly watched?: boolean | undefined;
  /** Process whose stdin is read by the tasks that can take it; absent: stdin is empty. */
  readonly stdinPid?: number | undefined;
  /**
   * Destination of the tasks' output: two pipes for each task, one for both streams, or a
   * pseudo-terminal of this size (0: unknown) where the server can create one. With one pipe or a
   * pseudo-terminal, all output is `stdout`. Default: `separate`.
   */
  readonly output?: "separate" | "joint" | TerminalSize | undefined;
  /**
   * Path of the client's terminal. Present if the client handles the events of the keyboard, and
   * passes keys on. A task that reads stdin and runs alone then has a terminal with a keyboard.
   */
  readonly keyboard?: string | undefined;
  /** Ticket of descriptors that came with the command line. Only the server itself has one. */
  readonly passed?: number | undefined;
  /** Client that sent the command. */
  readonly client: ClientInfo;
}

/** Parameters of `runTasks`, with defaults filled in. */
export interface RunTasksParams extends RunTasksInput, WorkspaceParams {
  /** Selects all folders of the workspace. */
  readonly recursive: boolean;
  /** Selects all folders except the root. */
  readonly members: boolean;
  /** Arguments for the last task. */
  readonly args: readonly string[];
  /** Treats `tasks` as a shell command line. */
  readonly eval: boolean;
  /** Ignores names that match no task. */
  readonly ifPresent: boolean;
  /** Runs tasks even on a cache hit. */
  readonly force: boolean;
  /** Options for the `deno` whose shell runs the tasks. */
  readonly denoFlags: readonly string[];
  /** Reports the files that the tasks use, by `TaskAudited`. */
  readonly audit: boolean;
  /** Continues after a failure with tasks that do not depend on it. */
  readonly keepGoing: boolean;
  /** Continues the build after its client has left. */
  readonly detach: boolean;
  /** The client prints output without prefixes. */
  readonly noPrefix: boolean;
  /** Output to replay on a cache hit. */
  readonly replayLogs: ReplayLogs;
  /** Announces a `watchInputs` with the build's id. */
  readonly watched: boolean;
}

/** One reason why a task would run, or why it would miss the cache. */
export interface RunReason {
  /** Kind of the reason. */
  readonly kind:
    | "undeclared"
    | "no-files"
    | "bad-pattern"
    | "unreadable-input"
    | "dependency-uncached"
    | "dependency-runs"
    | "forced"
    | "never-ran"
    | "result-gone"
    | "file-changed"
    | "file-added"
    | "file-removed"
    | "variable"
    | "command"
    | "definition"
    | "arguments"
    | "dependency"
    | "output"
    | "project"
    | "platform";
  /** File, variable or task that the reason is about. */
  readonly subject?: string | undefined;
  /** The reason as a sentence. */
  readonly text: string;
}

/** One task in the result of `planTasks`. */
export interface PlannedTaskDescription {
  /** Id of the task in the plan: its full name, `package#task` in a workspace. */
  readonly task: string;
  /** Name of the task in its config. */
  readonly name: string;
  /** Package that the task belongs to; absent if the project is no workspace. */
  readonly package?: string | undefined;
  /** Command line with its arguments; absent if the task has none. */
  readonly command?: string | undefined;
  /** Working directory of the task, absolute. */
  readonly cwd: string;
  /** Ids of the tasks that must run first. */
  readonly dependencies: readonly string[];
  /** True if the client named the task, false if the task is only a dependency. */
  readonly requested: boolean;
  /** `cached`: cache hit; `run`: the task would run now; `always`: the task runs every time. */
  readonly verdict: "cached" | "run" | "always";
  /** Facts that count for its cached result although its own `files` and `env` do not name it. */
  readonly counted?: {
    /** Names and patterns of variables. */
    readonly variables: readonly string[];
    /** Lockfiles of which the packages count that the task's package depends on. */
    readonly lockfiles: readonly string[];
  } | undefined;
  /** Reasons why the task would run; empty on a cache hit. */
  readonly reasons: readonly RunReason[];
  /** Fingerprint under which the result is cached; absent if the task runs every time. */
  readonly fingerprint?: string | undefined;
}

/** Result of `planTasks`: all tasks of a run, in an order in which they could run. */
export interface PlanTasksResult {
  /** The planned tasks. */
  readonly tasks: readonly PlannedTaskDescription[];
  /** Maximum number of tasks at once. */
  readonly jobs: number;
}

/** Parameters of `watchInputs`, as a client sends them. */
export interface WatchInputsInput extends RunTasksInput {
  /** Name of the watch. A second watch of the same name replaces the first one. */
  readonly watch: string;
  /** Build whose inputs are the baseline; absent: changes count from now on. */
  readonly build?: string | undefined;
}

/** Parameters of `watchInputs`, with defaults filled in. */
export interface WatchInputsParams extends RunTasksParams {
  /** Name of the watch. A second watch of the same name replaces the first one. */
  readonly watch: string;
  /** Build whose inputs are the baseline; absent: changes count from now on. */
  readonly build?: string | undefined;
}

/** Parameters of `openJournal`. */
export interface OpenJournalParams {
  /** Id of the build; absent: the newest one. */
  readonly build?: string | undefined;
}

/** Result of `openJournal`. */
export interface Journal {
  /** Id of the build. */
  readonly build: string;
  /** Path of the journal, absolute. */
  readonly path: string;
}

/** Result of `runTasks`. */
export interface RunTasksResult {
  /** Id of the build. */
  readonly build: string;
}
