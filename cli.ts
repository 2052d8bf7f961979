/**
 * simmer's command line. It finds the command's module by name, loads only that one, and runs it.
 *
 * It also connects client and server code: commands get the server as functions, so that a command
 * that only talks to a server loads none of the server's code.
 *
 * @module
 */

import { parseArguments, UsageError } from "./client/args/arguments.ts";
import type { Command } from "./client/command.ts";
import { ClientError, EXIT, reportOf } from "./client/errors.ts";
import { type Invocation, workFolder } from "./client/invocation.ts";
import { RunLocally } from "./client/run_locally.ts";
import { COMMON_OPTIONS } from "./client/args/options.ts";
import { Output } from "./client/output.ts";
import { briefClock, systemClock } from "./system/clock.ts";
import { hasForeignBytes } from "./system/environment.ts";
import { joinPath } from "./system/files/files.ts";
import { RawTerminal } from "./forward/raw_terminal.ts";
import {
  isHungUp,
  processVariables,
  ScreenRestoration,
  terminalSize,
  terminalStreams,
} from "./forward/client.ts";
import { isReaderGone, outputLostText } from "./system/output_failure.ts";
import { redactArguments, shownCommandLine } from "./wire/redact.ts";
import { knowsItself, TASK_SHELL } from "./system/process/self.ts";
import { isGroupOrphaned } from "./system/process/processes.ts";
import { onSignal } from "./system/process/signals.ts";
import type { HostedInvocation } from "./app/hosted_invocation.ts";
import type { ExecuteContext } from "./app/daemon.ts";
import type { ExecuteHost } from "./server/execute_host.ts";
import { VERSION } from "./wire/hello.ts";

/** Limit of open files up to which a server loads early the modules that it may need later. */
const FEW_DESCRIPTORS = 256;

/** Columns of a terminal of unknown width. */
const UNKNOWN_COLUMNS = 80;

interface Entry {
  readonly summary: string;
  load(): Promise<{ readonly command: Command }>;
}

/** Parses the common options without a command. */
const NO_COMMAND = {
  name: "",
  usage: "",
  summary: "",
  about: [],
  options: [],
  words: { min: 0, max: 0 },
} as const;

const NOT_UTF8 = "an argument is not UTF-8: simmer cannot pass it to tasks unchanged";

const NO_PROC = "cannot find simmer's own executable: /proc is not mounted; " +
  "run 'mount -t proc proc /proc', or start the container with /proc";

const COMMANDS: Readonly<Record<string, Entry>> = {
  run: { summary: "run tasks", load: () => import("./client/commands/run.ts") },
  tasks: {
    summary: "list the tasks",
    load: () => import("./client/commands/tasks.ts"),
  },
  graph: {
    summary: "show the task dependency graph",
    load: () => import("./client/commands/graph.ts"),
  },
  why: {
    summary: "show whether a task would run, and why",
    load: () => import("./client/commands/why.ts"),
  },
  watch: {
    summary: "run tasks, and rerun them when an input changes",
    load: () => import("./client/commands/watch.ts"),
  },
  ui: {
    summary: "show builds and their output on the whole screen",
    load: () => import("./client/commands/ui.ts"),
  },
  status: {
    summary: "show whether a server is running, and what it is doing",
    load: () => import("./client/commands/status.ts"),
  },
  stop: {
    summary: "stop the server",
    load: () => import("./client/commands/stop.ts"),
  },
  serve: {
    summary: "run the server in the foreground",
    load: () => import("./client/commands/serve.ts"),
  },
  events: {
    summary: "print the server's events as JSON lines",
    load: () => import("./client/commands/events.ts"),
  },
  logs: {
    summary: "print the server's log",
    load: () => import("./client/commands/logs.ts"),
  },
  ping: {
    summary: "check that the server responds",
    load: () => import("./client/commands/ping.ts"),
  },
  call: {
    summary: "send a raw command to the server",
    load: () => import("./client/commands/call.ts"),
  },
  clean: {
    summary: "shrink or empty the result cache",
    load: () => import("./client/commands/clean.ts"),
  },
  init: {
    summary: "show what simmer would do with this project",
    load: () => import("./client/commands/init.ts"),
  },
  propose: {
    summary: "propose inputs and outputs of tasks from the files that they use",
    load: () => import("./client/commands/propose.ts"),
  },
  install: {
    summary: "install simmer on the PATH, with its quick client",
    load: () => import("./client/commands/install.ts"),
  },
  uninstall: {
    summary: "remove the script that 'simmer install' created",
    load: () => import("./client/commands/uninstall.ts"),
  },
  completions: {
    summary: "print a shell completion script",
    load: () => import("./client/commands/completions.ts"),
  },
};

/** Returns the index of the command's name. Only common options may stand before it. */
function nameIndex(args: readonly string[]): number {
  for (let index = 0; index < args.length; index++) {
    const arg = args[index] ?? "";
    if (!arg.startsWith("-") || arg === "-") return index;
    if (arg === "--") return args.length;
    const row = COMMON_OPTIONS.find((each) =>
      arg === `--${each.name}` || ("letter" in each && arg === `-${each.letter}`)
    );
    if (row !== undefined && row.kind !== "flag") index++;
  }
  return args.length;
}

async function dispatch(args: readonly string[], from: Surroundings): Promise<number> {
  const index = nameIndex(args);
  const name = args[index];
  if (name === undefined || name === "help") {
    return await withoutCommand([...args.slice(0, index), ...args.slice(index + 1)], from);
  }
  const entry = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (entry === undefined) throw await unknownCommand(name, args.slice(0, index), from);
  const { command } = await entry.load();
  return await command.run(invocationOf(args, index, from));
}

async function withoutCommand(args: readonly string[], from: Surroundings): Promise<number> {
  const { output } = from;
  const [topic] = args.filter((arg) => !arg.startsWith("-"));
  if (topic !== undefined) return await dispatch([topic, "--help"], from);
  if (args.includes("--version") || args.includes("-V")) {
    output.write("stdout", `simmer ${VERSION}\n`);
    return EXIT.ok;
  }
  const { overviewHelp } = await import("./client/args/help.ts");
  const rows = Object.entries(COMMANDS).map(([name, { summary }]) => [name, summary] as const);
  const unknown = args.find((arg) => arg !== "--help" && arg !== "-h");
  if (unknown !== undefined) {
    throw new UsageError(`missing command before '${unknown}': 'simmer --help' lists the commands`);
  }
  output.write("stdout", overviewHelp(rows));
  return EXIT.ok;
}

/** @param options common options that were given before the name */
async function unknownCommand(
  name: string,
  options: readonly string[],
  from: Surroundings,
): Promise<UsageError> {
  const [{ nearestName }, { intendedTask }, { quoteIfNeeded }] = await Promise.all([
    import("./client/args/nearest.ts"),
    import("./app/intended_task.ts"),
    import("./wire/quoting.ts"),
  ]);
  const { values } = parseArguments(NO_COMMAND, options);
  const task = intendedTask(name, () => ({
    cwd: workFolder(from, values),
    ...(values.config === undefined ? {} : { config: joinPath(from.cwd, values.config) }),
  }));
  const command = nearestName(name, Object.keys(COMMANDS));
  const asTask = task === undefined ? undefined : `run ${quoteIfNeeded(task.name)}`;
  const nearest = task?.isExact === true ? asTask : command ?? asTask;
  if (nearest === undefined) {
    return new UsageError(`unknown command '${name}': 'simmer --help' lists the commands`, [
      "To run a task, use 'simmer run TASK'.",
    ]);
  }
  return new UsageError(`unknown command '${name}': did you mean 'simmer ${nearest}'?`);
}

/**
 * Process context of a command line: this process, or another one that has sent its command line to
 * this server.
 */
type Surroundings = HostedInvocation;

function thisProcess(): Surroundings {
  const streams = terminalStreams();
  const keyboard = new RawTerminal();
  const screen = new ScreenRestoration();
  return {
    env: processVariables(),
    get cwd(): string {
      return requireWorkingFolder();
    },
    pid: Deno.pid,
    // The monotonic clock starts with the process.
    startedAt: 0,
    terminal: {
      ...streams,
      columns: () => terminalSize()?.columns ?? UNKNOWN_COLUMNS,
      rows: () => terminalSize()?.rows ?? 0,
      isHungUp: () => isHungUp(streams),
      restoreBy: (text) => screen.set(text),
    },
    output: new Output({ stdout: Deno.stdout, stderr: Deno.stderr }),
    onSignal: (signal, listener) =>
      onSignal(signal, signal === "SIGTSTP" ? () => isGroupOrphaned() || listener() : listener),
    keyboard: {
      take: (listener) =>
        keyboard.take(listener, () => {
          keyboard.release();
          screen.restore();
          Deno.exit(EXIT.interrupted);
        }),
      answered: () => keyboard.answered(),
      release: () => keyboard.release(),
      signal: (signal) => Deno.kill(Deno.pid, signal),
    },
    suspend: () => {
      keyboard.pause();
      screen.restore();
      Deno.kill(Deno.pid, "SIGSTOP");
    },
    exit: (code) => {
      keyboard.release();
      screen.restore();
      Deno.exit(code);
    },
  };
}

/** @throws {ClientError} if the working directory is removed, or its name is not UTF-8 */
function requireWorkingFolder(): string {
  try {
    return Deno.cwd();
  } catch (error) {
    if (error instanceof Deno.errors.InvalidData) {
      throw new ClientError(
        EXIT.project,
        "Cannot find a project: the working directory has a name that is not UTF-8",
      );
    }
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new ClientError(
      EXIT.project,
      "Cannot find a project: the working directory has been removed",
    );
  }
}

function invocationOf(args: readonly string[], index: number, from: Surroundings): Invocation {
  return {
    ...from,
    args: [...args.slice(0, index), ...args.slice(index + 1)],
    commandLine: shownCommandLine(args),
    clock: briefClock,
    serve: async (request) => {
      const { serveProject } = await import("./app/daemon.ts");
      const { ForwardHost } = await import("./app/forward_host.ts");
      const { bitbake, single, ...rest } = request;
      const { MANY, SINGLE } = await import("./server/policy.ts");
      const { warmUp } = await import("./app/warm_up.ts");
      const options = {
        ...rest,
        // BitBake's clients expect to be alone.
        policy: single || bitbake ? SINGLE : MANY,
        warmUp: (isUnused: () => boolean, signal: AbortSignal) =>
          warmUp({ run: main, clock: systemClock, isUnused, signal }),
      };
      const { keptOutputs } = await import("./app/answer_memo.ts");
      const { descriptorLimit } = await import("./system/process/descriptors.ts");
      if ((descriptorLimit() ?? Infinity) <= FEW_DESCRIPTORS) await loadHosted();
      const outputs = keptOutputs();
      const executes = (context: ExecuteContext): ExecuteHost =>
        new ForwardHost({ ...context, outputs, run: main });
      if (!bitbake) return await serveProject({ ...options, executes });
      const { BitbakeDoor } = await import("./bitbake/serving/door.ts");
      const { bitbakeDialect } = await import("./bitbake/serving/dialect.ts");
      return await serveProject({
        ...options,
        executes,
        openDoors: [{
          name: "cannot serve BitBake's clients",
          isAsked: true,
          open: (context) => BitbakeDoor.open(context),
        }],
        xmlrpcDialect: bitbakeDialect(),
      });
    },
    serveLocally: async (project) => {
      const { serveLocally } = await import("./app/local.ts");
      return serveLocally(project);
    },
    openBitbake: async (place) => {
      const { openGateway } = await import("./bitbake/driving/gateway.ts");
      const { env, cwd } = from;
      return await openGateway(place, briefClock, { env, cwd, words: ["simmer", ...args] });
    },
    cleanCache: async (request) => {
      const { cleanCache } = await import("./app/clean_cache.ts");
      return cleanCache(request, from.env);
    },
    clientScript: async (perl) => {
      const { quickClient, wholeClient } = await import("./forward/quick_client.ts");
      const { selfCommand } = await import("./system/process/self.ts");
      const { os, arch } = Deno.build;
      const whole = selfCommand();
      const isKnown = os === "linux" || os === "darwin";
      return perl === undefined || !isKnown
        ? wholeClient(whole)
        : quickClient({ version: VERSION, whole, perl, os, arch });
    },
    commands: COMMANDS,
  };
}

/**
 * Runs simmer.
 *
 * @param args arguments after the program's name
 * @returns the exit code, when all output is written
 */
export async function main(
  args: readonly string[],
  from: Surroundings = thisProcess(),
): Promise<number> {
  if (args[0] === TASK_SHELL && from.connect === undefined) {
    const { runTaskShell } = await import("./system/process/task_shell.ts");
    return await runTaskShell(args.slice(1));
  }
  const { output } = from;
  const exitCode = await carryOut(args, from);
  const lost = output.failure;
  if (lost === undefined || isReaderGone(lost.error)) return exitCode;
  output.write("stderr", `simmer: ${outputLostText(lost.stream, lost.error)}\n`);
  await output.settled;
  return exitCode === EXIT.ok ? EXIT.outputLost : exitCode;
}

/** Runs a command line until its output is written. Reports expected errors and defects. */
async function carryOut(args: readonly string[], from: Surroundings): Promise<number> {
  const { output } = from;
  try {
    if (from.connect === undefined && hasForeignBytes(args)) throw new UsageError(NOT_UTF8);
    if (!knowsItself()) throw new ClientError(EXIT.noServer, NO_PROC);
    return await dispatch(args, from);
  } catch (error) {
    if (error instanceof RunLocally) throw error;
    const report = reportOf(error) ?? await defect(error, args);
    const { printableLine } = await import("./client/render/printable.ts");
    const lines = report.lines.map(printableLine);
    output.write(
      "stderr",
      lines.map((line, at) => `${at === 0 ? "simmer: " : ""}${line}\n`).join(""),
    );
    return report.exitCode;
  } finally {
    await output.settled;
  }
}

/**
 * Loads the modules for command lines of other processes. Loading them later would need
 * descriptors, which may be used up by then.
 */
async function loadHosted(): Promise<void> {
  const commands = ["run", "tasks", "graph", "why", "status", "ping"];
  await Promise.all(commands.map((name) => COMMANDS[name]?.load()));
}

async function defect(
  error: unknown,
  args: readonly string[],
): Promise<{ exitCode: number; lines: string[] }> {
  const { writeCrashReport } = await import("./client/defect.ts");
  return { exitCode: EXIT.internal, lines: [writeCrashReport(error, redactArguments(args))] };
}

if (import.meta.main) Deno.exit(await main(Deno.args));
