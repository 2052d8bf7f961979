/**
 * The options that select and configure a run, and their translation into the parameters of
 * `runTasks`.
 *
 * `run`, `watch`, `why` and `graph` share them.
 *
 * @module
 */

import { OrdinaryPaths } from "../../system/files/ordinary_paths.ts";
import { foregroundTerminal, hasOneOutput } from "../../system/process/foreign_descriptors.ts";
import type { RunTasksInput, WorkspaceInput } from "../../wire/commands.ts";
import type { ParsedArguments, ValuesFor } from "./arguments.ts";
import { UsageError } from "./arguments.ts";
import { DENO_OPTIONS, denoFlags } from "./deno_flags.ts";
import { RunLocally } from "../run_locally.ts";
import { type Invocation, workFolder } from "../invocation.ts";

/** The options that select folders of a workspace. */
export const WORKSPACE_OPTIONS = [
  {
    name: "recursive",
    letter: "r",
    kind: "flag",
    summary: "the workspace's root and all members",
  },
  {
    name: "members",
    kind: "flag",
    summary: "all members of the workspace, without its root",
  },
  {
    name: "filter",
    letter: "f",
    kind: "texts",
    value: "filter",
    summary:
      "members whose package or folder name contains this; 'pkg...', './dir', '[ref]', '!pkg' as in pnpm",
  },
] as const;

/** The options that select the tasks of a run and configure it. */
export const SELECTION_OPTIONS = [
  ...WORKSPACE_OPTIONS,
  {
    name: "jobs",
    letter: "j",
    alias: "concurrency",
    kind: "number",
    value: "jobs",
    min: 1,
    summary: "maximum of parallel tasks; default: DENO_JOBS, or the number of processors",
  },
  {
    name: "affected",
    kind: "list",
    value: "ref",
    fallback: "",
    summary:
      "only tasks whose inputs differ from the merge base with a git revision, and what depends on\n" +
      "them; default: the pull request's base in CI, else the default branch",
  },
  { name: "force", kind: "flag", summary: "run tasks even if they are cached" },
  {
    name: "eval",
    kind: "flag",
    summary: "run the words as one shell command instead of as task names",
  },
  { name: "if-present", kind: "flag", summary: "do nothing if a task does not exist" },
  {
    name: "env-file",
    alias: "env",
    kind: "list",
    value: "file",
    fallback: ".env",
    summary: "add unset variables from a file; the last file wins; default: .env",
  },
  {
    name: "scripts",
    kind: "choice",
    choices: ["npm", "deno"],
    summary:
      "run scripts of package.json as 'npm run' or as 'deno task' does; default: deno with a deno.json",
  },
  ...DENO_OPTIONS,
] as const;

/** The parsed arguments of {@linkcode SELECTION_OPTIONS}. */
export type Selection = ParsedArguments<ValuesFor<typeof SELECTION_OPTIONS>>;

/**
 * Translates the workspace options into parameters. Asks git about the revisions that filters name.
 *
 * @param say receives what the working tree is compared with
 * @throws {UsageError} if the options exclude each other, or a filter has a wrong form
 * @throws {ClientError} if git cannot compare with a revision
 */
export async function workspaceInput(
  invocation: Pick<Invocation, "cwd" | "env">,
  values: ValuesFor<typeof WORKSPACE_OPTIONS> & { readonly affected?: readonly string[] },
  say: (text: string) => void,
): Promise<WorkspaceInput & Pick<RunTasksInput, "affected">> {
  const { recursive, members, filter, affected = [] } = values;
  const other = recursive ? "--recursive" : filter.length > 0 ? "--filter <filter>" : undefined;
  if (members && other !== undefined) {
    throw new UsageError(`the argument '--members' cannot be used with '${other}'`);
  }
  const selection = {
    ...(recursive ? { recursive } : {}),
    ...(members ? { members } : {}),
    ...(filter.length === 0 ? {} : { filter }),
  };
  if (filter.length === 0 && affected.length === 0) return selection;
  const { changesInput } = await import("./changes_input.ts");
  return { ...selection, ...await changesInput(invocation, { filters: filter, affected, say }) };
}

/**
 * Moves a task name that stands after `--` to the words.
 *
 * In `run [options] -- TASK ARG…` no words precede `--`. The first argument after it is the task,
 * and the others are the task's arguments.
 */
export function withTaskBehind<P extends Pick<Selection, "words" | "rest">>(parsed: P): P {
  const [task, ...rest] = parsed.rest;
  if (parsed.words.length > 0 || task === undefined) return parsed;
  return { ...parsed, words: [task], rest };
}

/**
 * Builds the parameters of a run.
 *
 * @param say receives warnings that do not make the run fail
 * @throws {UsageError} if `--eval` is given without a command line
 */
export async function runInput(
  invocation: Invocation,
  { values, words, rest }: Selection,
  say: (text: string) => void,
): Promise<RunTasksInput> {
  const flags = denoFlags(values, invocation.cwd);
  const jobs = values.jobs ?? jobsOf(invocation.env.DENO_JOBS);
  const commandLine = words.join(" ");
  if (values.eval && commandLine.trim() === "") {
    throw new UsageError("[TASK] must be specified when using --eval");
  }
  return {
    tasks: values.eval ? [commandLine] : [...words],
    args: [...rest],
    cwd: invocation.cwd,
    ...await workspaceInput(invocation, values, say),
    ...(values.cwd === undefined ? {} : { taskCwd: workFolder(invocation, values) }),
    env: await environmentOf(invocation, values, say),
    ...(jobs === undefined ? {} : { jobs }),
    eval: values.eval,
    ifPresent: values["if-present"],
    force: values.force,
    ...(flags.length === 0 ? {} : { denoFlags: flags }),
    ...(values.scripts === undefined ? {} : { scripts: values.scripts }),
    client: { pid: invocation.pid, command: invocation.commandLine },
  };
}

/**
 * Returns the destination of the tasks' output that suits the client's own stdout and stderr. JSON
 * names the stream of each piece, so the streams stay apart for it.
 */
export function outputInput(
  { terminal, pid }: Pick<Invocation, "terminal" | "pid">,
  { json }: { readonly json: boolean },
): Pick<RunTasksInput, "output"> {
  if (json || !hasOneOutput(pid)) return {};
  const isTerminal = terminal.stdout && terminal.stderr;
  return { output: isTerminal ? { columns: terminal.columns(), rows: terminal.rows() } : "joint" };
}

/**
 * Returns the terminal whose keys the client passes on to a task.
 *
 * @param input the destination of the tasks' output: without terminals, no task gets keys
 */
export function keyboardInput(
  { keyboard, pid }: Pick<Invocation, "keyboard" | "pid">,
  { output }: Pick<RunTasksInput, "output">,
): Pick<RunTasksInput, "keyboard"> {
  if (keyboard === undefined || typeof output !== "object") return {};
  const path = foregroundTerminal(pid);
  return path === undefined ? {} : { keyboard: path };
}

/** Parses `DENO_JOBS`. Ignores an invalid value, as `deno task` does. */
function jobsOf(text: string | undefined): number | undefined {
  return text !== undefined && /^[1-9]\d{0,5}$/.test(text) ? Number(text) : undefined;
}

async function environmentOf(
  invocation: Invocation,
  values: Selection["values"],
  say: (text: string) => void,
): Promise<Record<string, string>> {
  const { env } = invocation;
  const names = values["env-file"];
  if (names.length === 0) return { ...env };
  if (invocation.connect !== undefined && names.some((name) => isOfProcess(name, invocation.cwd))) {
    throw new RunLocally("An env file belongs to the process that names it");
  }
  const { envFileVariables } = await import("./env_files.ts");
  const variables = envFileVariables({
    names,
    folder: invocation.cwd,
    env,
    say,
    mayWait: invocation.connect === undefined,
  });
  return { ...variables, ...env };
}

/** Returns true if a path, such as `/dev/stdin`, is a different file in the server's process. */
function isOfProcess(name: string, folder: string): boolean {
  return OrdinaryPaths.at(folder)?.resolve(name) === undefined;
}
