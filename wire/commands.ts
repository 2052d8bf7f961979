/**
 * Command table: one declarative row for each command, with its name, summary, access, parameters
 * and result.
 *
 * Handlers, client stubs, `simmer call --help` and the protocol's documentation are derived from
 * the rows. Another kind of cooker defines its own rows with {@linkcode defineCommands}.
 *
 * @module
 */

import * as v from "valibot";
import type {
  CancelBuildInput,
  CancelBuildParams,
  GetVariableParams,
  Journal,
  ListTasksInput,
  ListTasksParams,
  NoParams,
  OpenJournalParams,
  PlanTasksResult,
  RetireParams,
  RunTasksInput,
  RunTasksParams,
  RunTasksResult,
  ServerStatus,
  SetEventMaskParams,
  SetFeaturesParams,
  SetVariableParams,
  SignalTasksInput,
  SignalTasksParams,
  TaskDescription,
  TerminalUse,
  TerminateInput,
  TerminateParams,
  WatchInputsInput,
  WatchInputsParams,
} from "./command_types.ts";
import { environmentSchema } from "./environment.ts";
import { EVENT_TYPES, LOG_LEVELS } from "./events.ts";
import { type Feature, FEATURES } from "./hello.ts";
import type { Schema } from "./schema.ts";
import { TASK_SIGNALS } from "./signals.ts";

export type * from "./command_types.ts";

/**
 * Role that a command requires of its sender.
 *
 * - `read`: any role
 * - `stop`: the controller or an operator
 * - `control`: the controller; a waiting UI's command is queued until the UI becomes the controller
 */
export type Access = "read" | "stop" | "control";

export type { Schema, SchemaIssue, SchemaResult } from "./schema.ts";

/** One row of the command table. */
export interface CommandRow<P extends Schema = Schema, R extends Schema = Schema> {
  /** One-line summary for help and documentation. */
  readonly summary: string;
  /**
   * `sync`: the response is the result. `async`: the server responds at once and ends the command
   * with a Command… event.
   */
  readonly kind: "sync" | "async";
  /** Role that the sender needs. */
  readonly access: Access;
  /** Schema of the parameters. */
  readonly params: P;
  /** Schema of the result. */
  readonly result: R;
}

/** Command rows by name. */
export type CommandTable = Readonly<Record<string, CommandRow>>;

/** Checks that each row is a {@linkcode CommandRow}, and preserves the table's exact type. */
export function defineCommands<const T extends CommandTable>(table: T): T {
  return table;
}

/** A row with its types: kind, parameters as sent, parameters as received, result. */
export interface Command<K extends CommandRow["kind"], I, P, R> extends CommandRow {
  /** As in {@linkcode CommandRow}. */
  readonly kind: K;
  /** As in {@linkcode CommandRow}. */
  readonly params: Schema<I, P>;
  /** As in {@linkcode CommandRow}. */
  readonly result: Schema<unknown, R>;
}

/** Parameters of a row, as a client sends them. */
export type ParamsInput<R extends CommandRow> = R["params"] extends Schema<infer I, infer _> ? I
  : never;

/** Parameters of a row, as its handler receives them with defaults filled in. */
export type ParamsOf<R extends CommandRow> = R["params"] extends Schema<infer _, infer O> ? O
  : never;

/** Result of a row. */
export type ResultOf<R extends CommandRow> = R["result"] extends Schema<infer _, infer O> ? O
  : never;

/** Row types of the commands of every process server. */
export type ServerCommands = {
  readonly ping: Command<"sync", NoParams, NoParams, "Still alive!">;
  readonly status: Command<"sync", NoParams, NoParams, ServerStatus>;
  readonly setFeatures: Command<"sync", SetFeaturesParams, SetFeaturesParams, readonly Feature[]>;
  readonly getUIHandlerNum: Command<"sync", NoParams, NoParams, number>;
  readonly setEventMask: Command<"sync", SetEventMaskParams, SetEventMaskParams, null>;
  readonly stateShutdown: Command<"sync", NoParams, NoParams, boolean>;
  readonly stateForceShutdown: Command<"sync", NoParams, NoParams, boolean>;
  readonly cancelBuild: Command<"sync", CancelBuildInput, CancelBuildParams, boolean>;
  readonly signalTasks: Command<"sync", SignalTasksInput, SignalTasksParams, boolean>;
  readonly useTerminal: Command<"sync", TerminalUse, TerminalUse, boolean>;
  readonly terminateServer: Command<"sync", TerminateInput, TerminateParams, null>;
  readonly retireServer: Command<"sync", RetireParams, RetireParams, boolean>;
};

/** Row types of the commands of simmer's own cooker. */
export type CookerCommands = {
  readonly listTasks: Command<"sync", ListTasksInput, ListTasksParams, readonly TaskDescription[]>;
  readonly getVariable: Command<"sync", GetVariableParams, GetVariableParams, string | null>;
  readonly setVariable: Command<"sync", SetVariableParams, SetVariableParams, null>;
  readonly runTasks: Command<"async", RunTasksInput, RunTasksParams, RunTasksResult>;
  readonly planTasks: Command<"sync", RunTasksInput, RunTasksParams, PlanTasksResult>;
  readonly watchInputs: Command<"sync", WatchInputsInput, WatchInputsParams, null>;
  readonly openJournal: Command<"sync", OpenJournalParams, OpenJournalParams, Journal | null>;
};

const nothing = v.strictObject({});
const done = v.null();
const pid = v.pipe(v.number(), v.integer(), v.minValue(1));

/** Columns or rows of a terminal, as the kernel holds them. */
const terminalLength = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(65535));
const terminalSize = v.strictObject({ columns: terminalLength, rows: terminalLength });

const clientSchema = v.object({ pid, command: v.string() });

const connectedClient = v.object({
  handler: v.number(),
  role: v.picklist(["controller", "observer", "operator", "waiting"]),
  ...clientSchema.entries,
});

const buildStatus = v.object({
  build: v.optional(v.string()),
  command: v.string(),
  client: clientSchema,
  detached: v.boolean(),
  state: v.string(),
  waitsFor: v.array(v.string()),
});

const serverStatus = v.object({
  pid: v.optional(pid),
  version: v.string(),
  root: v.string(),
  config: v.optional(v.string()),
  socket: v.string(),
  doors: v.optional(v.array(v.object({ name: v.string(), address: v.string() }))),
  startedAt: v.optional(v.number()),
  uptimeMs: v.optional(v.number()),
  rssBytes: v.optional(v.number()),
  heapBytes: v.optional(v.number()),
  /** Idle timeout in seconds; -1 for no limit. */
  timeout: v.optional(v.number()),
  state: v.string(),
  policy: v.optional(v.picklist(["single", "many"])),
  /** Name of the oldest command in progress, and its build. */
  busyWith: v.nullable(v.string()),
  build: v.nullable(v.string()),
  builds: v.array(buildStatus),
  clients: v.array(connectedClient),
  notes: v.array(v.string()),
});

/** Commands of every process server, independent of its cooker. */
export const SERVER_COMMANDS: ServerCommands = defineCommands({
  ping: {
    summary: "Respond immediately",
    kind: "sync",
    access: "read",
    params: nothing,
    result: v.literal("Still alive!"),
  },
  status: {
    summary: "Return the server's identity, state and clients",
    kind: "sync",
    access: "read",
    params: nothing,
    result: serverStatus,
  },
  setFeatures: {
    summary: "Enable features; returns the enabled ones",
    kind: "sync",
    access: "read",
    params: v.strictObject({ features: v.array(v.picklist(FEATURES)) }),
    result: v.array(v.picklist(FEATURES)),
  },
  getUIHandlerNum: {
    summary: "Return this UI's number",
    kind: "sync",
    access: "read",
    params: nothing,
    result: v.number(),
  },
  setEventMask: {
    summary: "Select the events that this UI receives, by type, log level and build",
    kind: "sync",
    access: "read",
    params: v.strictObject({
      types: v.optional(v.array(v.picklist(EVENT_TYPES))),
      logLevel: v.optional(v.picklist(LOG_LEVELS)),
      builds: v.optional(v.picklist(["own", "all"])),
    }),
    result: done,
  },
  stateShutdown: {
    summary: "Cancel every build in progress; returns false if there is none",
    kind: "sync",
    access: "stop",
    params: nothing,
    result: v.boolean(),
  },
  stateForceShutdown: {
    summary: "Cancel every build in progress with SIGKILL; returns false if there is none",
    kind: "sync",
    access: "stop",
    params: nothing,
    result: v.boolean(),
  },
  cancelBuild: {
    summary: "Cancel one build, or this UI's own builds; returns false if there is none",
    kind: "sync",
    access: "stop",
    params: v.strictObject({
      /** Id of the build; absent: all builds that this UI owns. */
      build: v.optional(v.string()),
      /** Ends the tasks with SIGKILL, without a grace period. */
      force: v.optional(v.boolean(), false),
    }),
    result: v.boolean(),
  },
  signalTasks: {
    summary: "Send a signal to the tasks of this UI's builds; returns false if no task received it",
    kind: "sync",
    access: "control",
    params: v.strictObject({
      /** `SIGKILL` always cancels the builds. */
      signal: v.picklist([...TASK_SIGNALS, "SIGKILL"]),
      /** Cancels the builds too. Their tasks may take as long as they need to end. */
      cancel: v.optional(v.boolean(), false),
    }),
    result: v.boolean(),
  },
  useTerminal: {
    summary:
      "Pass keys or a terminal's size on to one build, or to this UI's own; false if it is unused",
    kind: "sync",
    access: "control",
    params: v.strictObject({
      /** Id of the build; absent: all builds that this UI owns. */
      build: v.optional(v.string()),
      /** Keys that were typed, as base64, for the task that has the keyboard. */
      keys: v.optional(v.pipe(v.string(), v.base64())),
      /** New size of the terminal, for all tasks. */
      size: v.optional(terminalSize),
    }),
    result: v.boolean(),
  },
  terminateServer: {
    summary: "Stop the server when its builds are done, or now, which cancels them",
    kind: "sync",
    access: "stop",
    params: v.strictObject({ force: v.optional(v.boolean(), false) }),
    result: done,
  },
  retireServer: {
    summary: "Stop an idle background server unused since a time; returns false if it goes on",
    kind: "sync",
    access: "stop",
    params: v.strictObject({
      /** Last use that the sender knows of, in milliseconds since the Unix epoch. */
      unusedSince: v.number(),
      /** Reason for the server's log. */
      reason: v.pipe(v.string(), v.regex(/^\P{Cc}*$/u, "expected one line")),
    }),
    result: v.boolean(),
  },
});

const taskDescription = v.object({
  task: v.string(),
  name: v.string(),
  description: v.optional(v.string()),
  command: v.optional(v.string()),
  dependencies: v.array(v.string()),
  /** Kind of the file that defines the task. */
  source: v.picklist(["deno.json", "package.json"]),
  file: v.string(),
  declaredIn: v.object({
    source: v.picklist(["simmer", "wireit", "turbo.json", "deno.json", "package.json"]),
    file: v.string(),
    line: v.number(),
  }),
  inherited: v.boolean(),
  package: v.optional(v.string()),
});

/** Selects the workspace folders that a command applies to. */
const workspaceEntries = {
  recursive: v.optional(v.boolean(), false),
  members: v.optional(v.boolean(), false),
  filter: v.optional(v.union([v.string(), v.array(v.string())])),
  /** The changed files by the git revisions that filters and `affected` name, absolute. */
  changes: v.optional(v.record(v.string(), v.array(v.string()))),
};

const runTasksParams = v.strictObject({
  ...workspaceEntries,
  /** Task names as typed; with `eval`, one shell command line. */
  tasks: v.array(v.string()),
  /** Arguments for the last task. */
  args: v.optional(v.array(v.string()), []),
  /** Working directory of the client, absolute. */
  cwd: v.string(),
  /** Folder to run in instead of the config's own folder (`--cwd`), absolute. */
  taskCwd: v.optional(v.string()),
  /** Complete environment of the tasks. */
  env: environmentSchema,
  /** Maximum number of tasks at once; absent: the number of processors. */
  jobs: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1))),
  eval: v.optional(v.boolean(), false),
  ifPresent: v.optional(v.boolean(), false),
  /** Selects tasks whose inputs are among the files that `changes` has under this name. */
  affected: v.optional(v.string()),
  force: v.optional(v.boolean(), false),
  /** Options for the `deno` whose shell runs the tasks. */
  denoFlags: v.optional(v.array(v.string()), []),
  /** Reports the files that the tasks use, by `TaskAudited`. */
  audit: v.optional(v.boolean(), false),
  /** The way in which scripts of a `package.json` run; absent: as the project's settings say. */
  scripts: v.optional(v.picklist(["npm", "deno"])),
  keepGoing: v.optional(v.boolean(), false),
  /** Continues the build after its client has left. */
  detach: v.optional(v.boolean(), false),
  /** Does not wait for background processes that hold the output of a prefixed task open. */
  noPrefix: v.optional(v.boolean(), false),
  /** Output to replay on a cache hit. */
  replayLogs: v.optional(v.picklist(["full", "errors", "none"]), "none"),
  /**
   * Announces a `watchInputs` with this build's id, so that its inputs are read before its tasks
   * run.
   */
  watched: v.optional(v.boolean(), false),
  /** Process whose stdin is read by the tasks that can take it; absent: stdin is empty. */
  stdinPid: v.optional(pid),
  /**
   * Destination of the tasks' output: two pipes for each task, one for both streams, or a
   * pseudo-terminal of this size (0: unknown) where the server can create one. With one pipe or a
   * pseudo-terminal, all output is `stdout`.
   */
  output: v.optional(v.union([
    v.picklist(["separate", "joint"]),
    terminalSize,
  ])),
  /**
   * Path of the client's terminal. Present if the client handles the events of the keyboard, and
   * passes keys on.
   */
  keyboard: v.optional(v.string()),
  /** Ticket of descriptors that came with the command line. Only the server itself has one. */
  passed: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1))),
  /** Client that sent the command. */
  client: clientSchema,
});

const plannedTask = v.object({
  task: v.string(),
  name: v.string(),
  package: v.optional(v.string()),
  command: v.optional(v.string()),
  cwd: v.string(),
  dependencies: v.array(v.string()),
  requested: v.boolean(),
  counted: v.optional(
    v.object({ variables: v.array(v.string()), lockfiles: v.array(v.string()) }),
  ),
  verdict: v.picklist(["cached", "run", "always"]),
  reasons: v.array(v.object({
    kind: v.picklist([
      "undeclared",
      "no-files",
      "bad-pattern",
      "unreadable-input",
      "dependency-uncached",
      "dependency-runs",
      "forced",
      "never-ran",
      "result-gone",
      "file-changed",
      "file-added",
      "file-removed",
      "variable",
      "command",
      "definition",
      "arguments",
      "dependency",
      "output",
      "project",
      "platform",
    ]),
    subject: v.optional(v.string()),
    text: v.string(),
  })),
  fingerprint: v.optional(v.string()),
});

/** Commands of simmer's own cooker. */
export const COOKER_COMMANDS: CookerCommands = defineCommands({
  listTasks: {
    summary: "List the tasks that can be run from a folder",
    kind: "sync",
    access: "read",
    params: v.strictObject({ cwd: v.optional(v.string()), ...workspaceEntries }),
    result: v.array(taskDescription),
  },
  getVariable: {
    summary: "Return a variable of the server, or null",
    kind: "sync",
    access: "read",
    params: v.strictObject({ name: v.string() }),
    result: v.nullable(v.string()),
  },
  setVariable: {
    summary: "Set a variable of the server until it ends",
    kind: "sync",
    access: "control",
    params: v.strictObject({ name: v.string(), value: v.string() }),
    result: done,
  },
  runTasks: {
    summary: "Run tasks; returns the build's id",
    kind: "async",
    access: "control",
    params: runTasksParams,
    result: v.object({ build: v.string() }),
  },
  planTasks: {
    summary: "Return what a run would do with each task, and why, without running it",
    kind: "sync",
    access: "read",
    params: runTasksParams,
    result: v.object({ tasks: v.array(plannedTask), jobs: v.number() }),
  },
  watchInputs: {
    summary: "Send InputsChanged once when an input of a run has changed since a build",
    kind: "sync",
    access: "read",
    params: v.strictObject({
      ...runTasksParams.entries,
      watch: v.string(),
      build: v.optional(v.string()),
    }),
    result: done,
  },
  openJournal: {
    summary: "Write a build's journal to disk, so that all its events so far can be read there",
    kind: "sync",
    access: "read",
    params: v.strictObject({
      /** Id of the build; absent: the newest one. */
      build: v.optional(v.string()),
    }),
    result: v.nullable(v.object({ build: v.string(), path: v.string() })),
  },
});

/** All commands of a simmer server. */
export const COMMANDS: ServerCommands & CookerCommands = {
  ...SERVER_COMMANDS,
  ...COOKER_COMMANDS,
};

/** Name of a command of a simmer server. */
export type CommandName = keyof typeof COMMANDS;
