/**
 * `simmer run`: runs tasks. Every warm run pays for the files that this module imports.
 *
 * @module
 */

import type { Channel } from "../../rpc/channel.ts";
import type { RunTasksInput } from "../../wire/commands.ts";
import type { TaskAudited } from "../../wire/events.ts";
import type { ParsedArguments, ValuesFor } from "../args/arguments.ts";
import { runBuild } from "../build/build.ts";
import { defineCommand } from "../command.ts";
import type { ServerIdentity } from "../connect/open_session.ts";
import { preventsServer } from "../errors.ts";
import { RunLocally } from "../run_locally.ts";
import type { Invocation, LocalServer } from "../invocation.ts";
import {
  findServer,
  reachServer,
  type ServerPlace,
  serverPlace,
  type StartOptions,
} from "../connect/find_server.ts";
import { OUTPUT_OPTIONS, rendererFor } from "../render/choose.ts";
import type { Renderer } from "../render/renderer.ts";
import { isSet } from "../render/style.ts";
import {
  keyboardInput,
  outputInput,
  runInput,
  type Selection,
  SELECTION_OPTIONS,
  withTaskBehind,
} from "../args/run_input.ts";
import { LIMIT_OPTIONS, serverLimits } from "../args/server_limits.ts";

const OPTIONS = [
  ...SELECTION_OPTIONS,
  {
    name: "keep-going",
    letter: "k",
    kind: "flag",
    summary: "keep running tasks that do not depend on a failed task",
  },
  {
    name: "dry-run",
    letter: "n",
    kind: "flag",
    summary: "show what would run, without running it",
  },
  ...OUTPUT_OPTIONS,
  {
    name: "audit",
    kind: "flag",
    summary: "run the tasks even if they are cached, and report files that they do not declare",
  },
  {
    name: "replay-logs",
    kind: "choice",
    choices: ["full", "errors", "none"],
    summary: "output of cached tasks to replay: all, stderr or none; default: none",
  },
  { name: "detach", kind: "flag", summary: "print the build's id and exit; the build continues" },
  {
    name: "busy",
    kind: "choice",
    choices: ["wait", "refuse", "observe"],
    summary: "action while another build is in progress; default: wait",
  },
  { name: "no-server", kind: "flag", summary: "run in this process, without a server" },
  ...LIMIT_OPTIONS,
] as const;

type Parsed = ParsedArguments<ValuesFor<typeof OPTIONS>>;

/** The values of the options that only `run` has, as if none was given. */
const NO_VALUES = {
  "keep-going": false,
  "dry-run": false,
  "no-prefix": false,
  output: undefined,
  timestamps: false,
  "replay-logs": undefined,
  detach: false,
  busy: undefined,
  "no-server": false,
  timeout: undefined,
  "max-rss": undefined,
  "max-servers": undefined,
} as const;

/** The `simmer run` command. */
export const command = defineCommand({
  name: "run",
  usage: "[TASK…] [-- ARG…]",
  summary: "Run tasks, their dependencies first",
  about: [
    "TASK is a task of deno.json or a script of package.json. Without TASK, simmer lists the tasks; in\n" +
    "a terminal, it lets you pick: type to filter, move with the arrow keys, Enter runs, Tab marks\n" +
    "several, Esc cancels.\n" +
    "In a workspace, PACKAGE#TASK is the task of another package, and //#TASK that of the root.\n" +
    "Arguments after '--' are passed to the last task. Before '--', simmer's own options may appear\n" +
    "anywhere, even after task names. 'simmer run OPTIONS -- TASK ARG…' is equivalent.",
    "Processes that a task leaves running are ended with the run. 'setsid -f COMMAND' starts one that\n" +
    "stays.",
    "Several runs may be in progress at once, also inside a task. They share the job slots. A task with\n" +
    '"files" is executed once for all runs that would do the same, and never twice at the same time.',
    "With --busy=refuse, a run fails with exit code 4 while another build is in progress. With\n" +
    "--busy=observe, it shows the oldest build in progress instead of its own. --busy=wait waits only\n" +
    "on a server that was started with 'simmer serve --single', while another client controls it:\n" +
    "Ctrl-C gives up, --no-server runs the tasks without the server, and 'simmer stop --force' cancels\n" +
    "the other build.",
    "--output=grouped prints the output of each task as one block when the task ends. It is the default\n" +
    "in GitHub Actions, where each block is a group. A task that has the keyboard is never held back.",
    "simmer starts a server if none is running. If CI is set in the environment, simmer uses a\n" +
    "running server but starts none: without one, the tasks run in this process, as with\n" +
    "--no-server.",
  ],
  options: OPTIONS,
  words: { min: 0, max: Infinity },
  takesRest: true,
  examples: [
    ["simmer run build test", "run two tasks, in parallel if they are independent"],
    ["simmer run test -- --filter x", "pass arguments to a task"],
    ["simmer run -j1 -k ci", "run one task at a time, and continue after a failure"],
  ],
}, run);

/**
 * Runs tasks for `simmer propose`, and records the files that they use.
 *
 * @param audited receives what was recorded of each task
 */
export async function runAudited(
  invocation: Invocation,
  selection: Selection,
  audited: (event: TaskAudited) => void,
): Promise<number> {
  const parsed: Parsed = {
    ...withTaskBehind(selection),
    values: { ...NO_VALUES, ...selection.values, audit: true },
  };
  const renderer = await rendererFor(invocation, parsed.values);
  const { json } = parsed.values;
  return await runWith(invocation, parsed, {
    ...(renderer.live === undefined ? {} : { live: renderer.live }),
    event: (event) => {
      if (event.type === "TaskAudited") audited(event);
      return event.type !== "TaskAudited" || json ? renderer.event(event) : undefined;
    },
    say: (text) => renderer.say(text),
    warn: (text) => renderer.warn(text),
    finish: () => renderer.finish(),
  });
}

async function run(invocation: Invocation, typed: Parsed): Promise<number> {
  const parsed = withTaskBehind(typed);
  const { values, words } = parsed;
  if (words.length === 0 && !values.eval) {
    const { offerTasks } = await import("../pick/offer.ts");
    const offered = await offerTasks(invocation, values);
    if ("exitCode" in offered) return offered.exitCode;
    return await runNamed(invocation, { ...parsed, words: offered.names });
  }
  return await runNamed(invocation, parsed);
}

async function runNamed(invocation: Invocation, parsed: Parsed): Promise<number> {
  const { values } = parsed;
  if (values["dry-run"]) {
    const { dryRun } = await import("./dry_run.ts");
    return await dryRun(invocation, parsed);
  }
  return await runWith(invocation, parsed, await rendererFor(invocation, values));
}

async function runWith(
  invocation: Invocation,
  parsed: Parsed,
  renderer: Renderer,
): Promise<number> {
  const { values } = parsed;
  // Checks the command line before the project, so that a usage error is reported before a missing
  // project.
  const input = await inputOf(invocation, parsed, renderer);
  const place = serverPlace(invocation, values);
  const local = new Local(invocation, place, values);
  try {
    return await runBuild(invocation, {
      place,
      input,
      whenBusy: values.busy ?? "wait",
      ...(values["log-level"] === undefined ? {} : { logLevel: values["log-level"] }),
      renderer,
      limits: serverLimits(invocation, values),
      reach: (start) => local.reach(start),
      elsewhere: (server, start) => local.take(server, start),
      inherit: () => local.inherit(),
    });
  } finally {
    await local.ended();
  }
}

/** Decides whether the tasks run in this process, and runs the server for them there. */
class Local {
  readonly #invocation: Invocation;
  readonly #place: ServerPlace;
  readonly #values: Parsed["values"];
  #server: LocalServer | undefined;
  #isMeant: boolean;

  constructor(invocation: Invocation, place: ServerPlace, values: Parsed["values"]) {
    this.#invocation = invocation;
    this.#place = place;
    this.#values = values;
    this.#isMeant = values["no-server"];
  }

  /**
   * Switches to this process if the server runs in another container. Returns false if that is not
   * possible.
   */
  take({ pid }: ServerIdentity, { say }: StartOptions): boolean {
    if (this.#values.detach || this.#place.socket !== undefined) return false;
    say(
      `warning: the server (pid ${pid} there) runs in another container; the tasks run in this ` +
        "process, as with --no-server",
    );
    this.#isMeant = true;
    return true;
  }

  /**
   * Switches to this process, so that the tasks inherit its descriptors. Returns false if that is
   * not possible.
   */
  inherit(): boolean {
    if (this.#values.detach || this.#place.socket !== undefined) return false;
    if (this.#invocation.connect !== undefined) {
      throw new RunLocally("A task needs a descriptor of the process that runs it");
    }
    this.#isMeant = true;
    return true;
  }

  /** Resolves when the server in this process has ended completely. */
  async ended(): Promise<void> {
    await this.#server?.ended;
  }

  /** Connects to a server: the running one, a newly started one, or one in this process. */
  async reach(start: StartOptions): Promise<Channel> {
    if (this.#isMeant) return await this.#serve();
    try {
      return await this.#runningOrStarted(start) ?? await this.#serve();
    } catch (error) {
      if (!preventsServer(error) || this.#values.detach) throw error;
      start.say(
        `warning: ${error.message}: no server can run; the tasks run in this process, as with ` +
          "--no-server",
      );
      return await this.#serve();
    }
  }

  async #runningOrStarted(start: StartOptions): Promise<Channel | undefined> {
    const { env } = this.#invocation;
    const isCI = isSet(env.CI) && env.CI !== "false" && !this.#values.detach;
    if (isCI && this.#place.socket === undefined) {
      const found = await findServer(this.#place);
      if (found.kind === "running") return found.channel;
      if (found.kind === "none") return undefined;
    }
    return await reachServer(this.#place, start);
  }

  async #serve(): Promise<Channel> {
    await this.ended();
    this.#server = await this.#invocation.serveLocally(this.#place.project);
    return this.#server.channel;
  }
}

/** Returns the process whose stdin the tasks read, and its descriptors if it has passed them. */
function inputDescriptors(
  { pid, passed }: Invocation,
): Pick<RunTasksInput, "stdinPid" | "passed"> {
  return passed === undefined ? { stdinPid: pid } : { stdinPid: pid, passed };
}

async function inputOf(
  invocation: Invocation,
  parsed: Parsed,
  renderer: Renderer,
): Promise<RunTasksInput> {
  const { values } = parsed;
  const output = values.detach ? {} : outputInput(invocation, values);
  // Nobody could use a program without seeing its output.
  const isSeen = values.output !== "errors" && values.output !== "none";
  const keyboard = isSeen ? keyboardInput(invocation, output) : {};
  return {
    ...await runInput(invocation, parsed, (text) => renderer.say(text)),
    keepGoing: values["keep-going"],
    detach: values.detach,
    noPrefix: values["no-prefix"],
    ...(values.audit ? { audit: true } : {}),
    ...(values["replay-logs"] === undefined ? {} : { replayLogs: values["replay-logs"] }),
    ...(values.detach ? {} : { ...inputDescriptors(invocation), ...output, ...keyboard }),
  };
}
