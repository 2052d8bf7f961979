/**
 * The types of commands' parameters and results: all that a client needs to know of the table.
 *
 * @module
 */

import type { ClientInfo, EventType, LogLevel } from "./events.ts";
import type { Feature, Role } from "./hello.ts";
import type { TaskSignal } from "./signals.ts";

/** Parameters of a command that takes none. */
export type NoParams = Record<never, never>;

/** A UI, as `status` lists it. */
export interface ConnectedClient extends ClientInfo {
  /** Its number. */
  readonly handler: number;
  /** What it may do now. */
  readonly role: Role | "waiting";
}

/** Another way into a server. */
export interface ServerDoor {
  /** What is spoken there. */
  readonly name: string;
  /** Where. */
  readonly address: string;
}

/** The reply to `status`. */
export interface ServerStatus {
  /** The server's process id; absent: BitBake's own server over XML-RPC does not tell. */
  readonly pid?: number | undefined;
  /** simmer's version; of BitBake's own server `BitBake` and its version. */
  readonly version: string;
  /** The project's root folder. */
  readonly root: string;
  /** The config file that was named; absent: found in the root. */
  readonly config?: string | undefined;
  /** Where it listens. */
  readonly socket: string;
  /** Other ways in: `XML-RPC` and its `HOST:PORT`. */
  readonly doors?: readonly ServerDoor[] | undefined;
  /** When it started, in milliseconds since the Unix epoch. BitBake's own server does not tell. */
  readonly startedAt?: number | undefined;
  /** How long it has been running, in milliseconds. BitBake's own server does not tell. */
  readonly uptimeMs?: number | undefined;
  /** Resident memory, in bytes. BitBake's own server does not tell. */
  readonly rssBytes?: number | undefined;
  /** Used heap, in bytes. BitBake's own server does not tell. */
  readonly heapBytes?: number | undefined;
  /** Seconds that it stays without a UI; -1: for ever. BitBake's own server does not tell. */
  readonly timeout?: number | undefined;
  /** What its cooker is doing, in a word. */
  readonly state: string;
  /** The command in progress. */
  readonly busyWith: string | null;
  /** The build in progress. */
  readonly build: string | null;
  /** Who is connected. */
  readonly clients: readonly ConnectedClient[];
  /** Conditions that people should know of, a line each. */
  readonly notes: readonly string[];
}

/** Parameters of `setFeatures`. */
export interface SetFeaturesParams {
  /** Those to switch on. */
  readonly features: readonly Feature[];
}

/** Parameters of `setEventMask`. */
export interface SetEventMaskParams {
  /** The types to send; absent: all. */
  readonly types?: readonly EventType[] | undefined;
  /** The least important log record to send; absent: `info`. */
  readonly logLevel?: LogLevel | undefined;
}

/** Parameters of `terminateServer`, as a client writes them. */
export interface TerminateInput {
  /** Whether the build in progress is cancelled rather than waited for; default: `false`. */
  readonly force?: boolean | undefined;
}

/** Parameters of `terminateServer`. */
export type TerminateParams = Required<TerminateInput> & { readonly force: boolean };

/** Parameters of `signalTasks`, as a client writes them. */
export interface SignalTasksInput {
  /** The signal's name. */
  readonly signal: TaskSignal;
  /** Whether it cancels the build: it is the first signal of the tasks' end; default: `false`. */
  readonly cancel?: boolean | undefined;
}

/** Parameters of `signalTasks`. */
export type SignalTasksParams = Required<SignalTasksInput> & { readonly cancel: boolean };

/** Which folders of a workspace something is about, as a client writes it. */
export interface WorkspaceInput {
  /** All of them; default: `false`. */
  readonly recursive?: boolean | undefined;
  /** All but the root; default: `false`. */
  readonly members?: boolean | undefined;
  /** Those whose package's or folder's name has this in it; `*` is any characters. */
  readonly filter?: string | undefined;
}

/** Which folders of a workspace something is about, defaults filled in. */
export interface WorkspaceParams {
  /** All of them. */
  readonly recursive: boolean;
  /** All but the root. */
  readonly members: boolean;
  /** Those whose package's or folder's name has this in it; `*` is any characters. */
  readonly filter?: string | undefined;
}

/** Parameters of `listTasks`, as a client writes them. */
export interface ListTasksInput extends WorkspaceInput {
  /** The folder from which names are looked up; absent: the root. */
  readonly cwd?: string | undefined;
}

/** Parameters of `listTasks`, defaults filled in. */
export interface ListTasksParams extends WorkspaceParams {
  /** The folder from which names are looked up; absent: the root. */
  readonly cwd?: string | undefined;
}

/** One entry of the reply to `listTasks`. */
export interface TaskDescription {
  /** The task's name. */
  readonly name: string;
  /** What it is for. */
  readonly description?: string | undefined;
  /** Its shell command line. */
  readonly command?: string | undefined;
  /** The tasks that come first, as they are written. */
  readonly dependencies: readonly string[];
  /** The kind of file that defines it. */
  readonly source: "deno.json" | "package.json";
  /** That file, absolute. */
  readonly file: string;
  /** Whether it is the workspace root's, seen from a member. */
  readonly inherited: boolean;
  /** What the folder is called from which it was found, where the list is of several. */
  readonly package?: string | undefined;
}

/** Parameters of `getVariable`. */
export interface GetVariableParams {
  /** The variable's name. */
  readonly name: string;
}

/** Parameters of `setVariable`. */
export interface SetVariableParams {
  /** The variable's name. */
  readonly name: string;
  /** Its new value. */
  readonly value: string;
}

/** What is shown of the output of a task whose result is there: all, stderr alone, or nothing. */
export type ReplayLogs = "full" | "errors" | "none";

/** Parameters of `runTasks`, as a client writes them. */
export interface RunTasksInput extends WorkspaceInput {
  /** Names as typed; with `eval`, one shell command line. */
  readonly tasks: readonly string[];
  /** Given to the last of the tasks; default: none. */
  readonly args?: readonly string[] | undefined;
  /** The client's working directory, absolute. */
  readonly cwd: string;
  /** The folder to run in instead of the config's own (`--cwd`), absolute. */
  readonly taskCwd?: string | undefined;
  /** The whole environment of the tasks. */
  readonly env: Readonly<Record<string, string>>;
  /** Tasks at once, from 1; absent: the number of processors. */
  readonly jobs?: number | undefined;
  /** Whether `tasks` is a shell command line; default: `false`. */
  readonly eval?: boolean | undefined;
  /** Whether names that no task has are passed over; default: `false`. */
  readonly ifPresent?: boolean | undefined;
  /** Whether tasks run although their results are there; default: `false`. */
  readonly force?: boolean | undefined;
  /** Options for the `deno` whose shell runs the tasks, such as `--frozen`; default: none. */
  readonly denoFlags?: readonly string[] | undefined;
  /** Whether the build goes on with what does not depend on a failure; default: `false`. */
  readonly keepGoing?: boolean | undefined;
  /** Whether the build goes on when its client leaves; default: `false`. */
  readonly detach?: boolean | undefined;
  /** What is shown of the output of a task whose result is there; default: `none`. */
  readonly replayLogs?: ReplayLogs | undefined;
  /**
   * Whether changes since its tasks began will be asked for, by `watchInputs` with the build's id;
   * default: `false`.
   */
  readonly watched?: boolean | undefined;
  /** The process whose stdin the tasks read that can take it; absent: an empty one. */
  readonly stdinPid?: number | undefined;
  /** Ticket of descriptors that came with the command line; only the server itself has one. */
  readonly passed?: number | undefined;
  /** Who asked. */
  readonly client: ClientInfo;
}

/** Parameters of `runTasks`, defaults filled in. */
export interface RunTasksParams extends RunTasksInput, WorkspaceParams {
  /** All folders of the workspace. */
  readonly recursive: boolean;
  /** All but the root. */
  readonly members: boolean;
  /** Those whose package's or folder's name has this in it. */
  readonly filter?: string | undefined;
  /** Given to the last of the tasks. */
  readonly args: readonly string[];
  /** Whether `tasks` is a shell command line. */
  readonly eval: boolean;
  /** Whether names that no task has are passed over. */
  readonly ifPresent: boolean;
  /** Whether tasks run although their results are there. */
  readonly force: boolean;
  /** Options for the `deno` whose shell runs the tasks. */
  readonly denoFlags: readonly string[];
  /** Whether the build goes on with what does not depend on a failure. */
  readonly keepGoing: boolean;
  /** Whether the build goes on when its client leaves. */
  readonly detach: boolean;
  /** What is shown of the output of a task whose result is there. */
  readonly replayLogs: ReplayLogs;
  /** Whether changes since its tasks began will be asked for. */
  readonly watched: boolean;
}

/** One reason why a task would run, or would not be found. */
export interface RunReason {
  /** What kind of reason it is. */
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
    | "arguments"
    | "dependency"
    | "output"
    | "project"
    | "platform";
  /** The file, the variable or the task that it is about. */
  readonly subject?: string | undefined;
  /** The reason as a sentence says it. */
  readonly text: string;
}

/** A task of a plan. */
export interface PlannedTaskDescription {
  /** The task's id in the plan. */
  readonly task: string;
  /** The task's name in its config. */
  readonly name: string;
  /** The workspace member that it belongs to, where that is told apart. */
  readonly package?: string | undefined;
  /** The command line with its arguments; absent where the task has none. */
  readonly command?: string | undefined;
  /** Where it runs, absolute. */
  readonly cwd: string;
  /** Ids of the tasks that come first. */
  readonly dependencies: readonly string[];
  /** Whether whoever asked named it, rather than another task needs it. */
  readonly requested: boolean;
  /** `cached`: its result is there; `run`: it would run now; `always`: it runs every time. */
  readonly verdict: "cached" | "run" | "always";
  /** Why it would run; empty where its result is there. */
  readonly reasons: readonly RunReason[];
  /** What its result is kept under; absent where it runs every time. */
  readonly fingerprint?: string | undefined;
}

/** The reply to `planTasks`: every task of a run, in an order in which they could run. */
export interface PlanTasksResult {
  /** The tasks. */
  readonly tasks: readonly PlannedTaskDescription[];
  /** How many would run at once. */
  readonly jobs: number;
}

/** Parameters of `watchInputs`, as a client writes them. */
export interface WatchInputsInput extends RunTasksInput {
  /** Tells the wait from others; a second one of the same name takes its place. */
  readonly watch: string;
  /** The build whose inputs are compared with; absent: changes from now on count. */
  readonly build?: string | undefined;
}

/** Parameters of `watchInputs`, defaults filled in. */
export interface WatchInputsParams extends RunTasksParams {
  /** Tells the wait from others; a second one of the same name takes its place. */
  readonly watch: string;
  /** The build whose inputs are compared with; absent: changes from now on count. */
  readonly build?: string | undefined;
}

/** The reply to `runTasks`. */
export interface RunTasksResult {
  /** The build's id. */
  readonly build: string;
}
