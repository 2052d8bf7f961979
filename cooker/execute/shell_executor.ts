/**
 * Runs the tasks' commands in the shell language of `deno task`, each in its own process group, from
 * the start of their processes until the last one has ended.
 *
 * @module
 */

import type { Clock } from "../../system/clock.ts";
import { FileTrace, traceObstacle } from "../../system/process/file_trace.ts";
import { findProgram } from "../../system/process/find_program.ts";
import type { GroupProcess } from "../../system/process/group_process.ts";
import type { ProcessTags } from "../../system/process/process_tag.ts";
import { signalExitCode } from "../../system/process/signals.ts";
import type { Warden } from "../../system/process/warden.ts";
import { runDirectly } from "./builtins/run.ts";
import { beforeAbort, type Cancellation } from "./cancellation.ts";
import type {
  Executor,
  ExitStatus,
  LeftoverProcesses,
  OutputSink,
  TaskCommand,
} from "./executor.ts";
import { endGracefully } from "./graceful_end.ts";
import { heldOutputText, leftoverText } from "./leftovers.ts";
import { NpmEnvironment } from "./npm_script.ts";
import { OutputPipe } from "./output_pipe.ts";
import { ProcessGroup } from "./process_tree.ts";
import { type Leader, needsDeno, NOT_STARTED } from "./leader.ts";
import { ProcessStarter, type ProcessStarterOptions } from "./process_starter.ts";
import { PAUSING, SignalForwarder } from "./signal_forwarder.ts";

/**
 * Variable that names the execution to a nested run, if processes cannot be marked. It is part of
 * no cache key.
 */
export const EXECUTION_VARIABLE = "SIMMER_EXECUTION";

/** Exit code of a command that SIGKILL has ended. */
const KILLED = signalExitCode("SIGKILL");

/** Exit codes of a command that SIGINT, SIGKILL or SIGTERM has ended. It did not end by itself. */
const ENDED_BY_OTHERS: readonly number[] = [
  signalExitCode("SIGINT"),
  KILLED,
  signalExitCode("SIGTERM"),
];

/** Variables that keep a task that reads no keys from waiting for them. */
const PAGERS = { PAGER: "cat", GIT_PAGER: "cat" } as const;

/** Milliseconds after which a wait for the output of background processes is reported. */
const NOTICE_MS = 3000;

/**
 * Milliseconds that processes in the background have, at the end of a run, to end by themselves or to
 * leave the task's group. The child of `setsid -f` may do that only after its parent has ended.
 */
const LEAVE_MS = 50;

/** Options of a {@linkcode ShellExecutor}. */
interface ShellOptions extends ProcessStarterOptions {
  readonly clock: Clock;
  /**
   * Ends the groups if this process is killed before it can. If absent, the groups then keep
   * running.
   */
  readonly warden?: Warden;
  /**
   * Tags the processes of a task, so that those that leave its group are found. If absent, they
   * are not found.
   */
  readonly tags?: ProcessTags;
}

/** An {@linkcode Executor} with real processes. */
export class ShellExecutor implements Executor {
  readonly #options: ShellOptions;
  readonly #starter: ProcessStarter;
  readonly #npm = new NpmEnvironment();
  #hasReportedShortage = false;

  constructor(options: ShellOptions) {
    this.#options = options;
    this.#starter = new ProcessStarter(options);
  }

  async execute(
    command: TaskCommand,
    sink: OutputSink,
    cancellation: Cancellation,
  ): Promise<ExitStatus> {
    if (command.npm === undefined && command.args.length === 0 && isEmpty(command.command)) {
      return { code: 1, reason: `Cannot run ${command.name}: its command is empty` };
    }
    const forwarder = new SignalForwarder();
    using _listening = cancellation.onSignal((signal) => {
      // After a request to end, the processes get further signals where the end is waited for.
      if (!cancellation.graceful.aborted || PAUSING.has(signal)) forwarder.forward(signal);
    });
    await cancellation.mayStart();
    const isProcess = command.isTraced === true || command.npm !== undefined ||
      needsDeno(command) ||
      command.attributes?.limitsFileSize === true;
    const rest = isProcess ? command.command : await runDirectly(command, sink, cancellation);
    if (rest === "" && command.command !== "") return { code: 0 };
    return await this.#execute({ ...command, command: rest }, sink, cancellation, forwarder);
  }

  async #execute(
    command: TaskCommand,
    sink: OutputSink,
    cancellation: Cancellation,
    forwarder: SignalForwarder,
  ): Promise<ExitStatus> {
    const { clock, warden, tags } = this.#options;
    const own = command.npm === undefined ? command.env : await this.#npm.of(command, command.npm);
    await warden?.ready();
    await cancellation.mayStart();
    if (cancellation.graceful.aborted) return { code: NOT_STARTED, reason: "It was cancelled" };
    const tag = tags?.create();
    // Announce the start to the warden before it happens: this process may be killed at any time,
    // also between the start of the child and the moment when its process id is known.
    warden?.expect(command.cwd, tag?.id);
    const name = tag?.id ?? crypto.randomUUID();
    sink.tagged?.(name);
    const env = {
      ...(readsNoKeys(command) ? PAGERS : {}),
      ...own,
      ...(tag === undefined ? { [EXECUTION_VARIABLE]: name } : {}),
    };
    // Resources that are needed only while the command runs.
    using needed = new DisposableStack();
    const strace = command.isTraced === true ? await this.#tracer(command, sink) : undefined;
    const trace = strace === undefined ? undefined : needed.use(FileTrace.create(strace));
    const begun = this.#starter.start({ ...command, env }, sink, { tag, needed, trace });
    if ("code" in begun) {
      warden?.unexpected(tag?.id);
      return begun;
    }
    // A tracer passes no signals on.
    const leader: Leader = trace === undefined
      ? begun
      : { process: begun.process, kind: "program" };
    const { process: started } = leader;
    const { pid } = started;
    const exit = forwarder.serve(leader);
    warden?.watch(pid, tag?.id);
    this.#reportShortage(command, started, sink);
    const { stdout, stderr, terminal } = started;
    using _connected = terminal === undefined ? undefined : command.connect?.(terminal);
    const pipes = [new OutputPipe(stdout, (bytes) => sink.write("stdout", bytes), clock)];
    if (stderr !== undefined) {
      pipes.push(new OutputPipe(stderr, (bytes) => sink.write("stderr", bytes), clock));
    }

    const end = async (group: ProcessGroup, asked: Cancellation): Promise<boolean> => {
      const isGone = await group.end(asked);
      if (isGone) warden?.release(pid, tag?.id);
      else sink.warn(`Cannot end ${command.name}: process group ${pid} survives SIGKILL`);
      await closeAll(pipes);
      return isGone;
    };
    const everybody = new ProcessGroup(pid, clock, leader, tag);
    forwarder.group = everybody;
    if (!await beforeAbort(exit, cancellation.graceful)) {
      await endGracefully({ group: everybody, exit, clock }, cancellation);
      return await end(everybody, cancellation) ? await exit : { code: KILLED, signal: "SIGKILL" };
    }
    const status = await exit;
    await Promise.all(pipes.map((pipe) => pipe.drain()));
    if (trace !== undefined) sink.accessed?.(await trace.read(command.cwd));
    const isEnded = ENDED_BY_OTHERS.includes(status.code) || forwarder.hasForwarded(status.code);
    if (command.waitsForOutput === true && !isEnded && !pipes.every((pipe) => pipe.isEnded)) {
      const ended = Promise.all(pipes.map((pipe) => pipe.ended()));
      await this.#waitForOutput(ended, cancellation, () => {
        sink.warn(heldOutputText(command.name, everybody.processes));
      });
    }
    const isCutShort = cancellation.graceful.aborted || isEnded;
    // A process that has left the group of a command that ended by itself was meant to do so: it is
    // a daemon.
    const group = isCutShort ? everybody : new ProcessGroup(pid, clock, leader);
    if (isCutShort) {
      await end(group, cancellation);
      return status;
    }
    if (!started.groupIsAlive()) {
      warden?.release(pid, tag?.id);
      await closeAll(pipes);
      return status;
    }
    if (tag !== undefined) warden?.forget(tag.id);
    const leftovers: LeftoverProcesses = {
      end: async (asked) => {
        await group.leftWithin(LEAVE_MS, asked.forced);
        const { processes } = group;
        const isGone = await end(group, asked);
        // Processes that have just ended by themselves are not named.
        if (isGone && processes?.length !== 0) sink.warn(leftoverText(command.name, processes));
      },
    };
    return { ...status, leftovers };
  }

  /**
   * Waits until no process holds the output of a command open, or until an end is requested.
   *
   * @param notify called if that takes long
   */
  async #waitForOutput(
    ended: Promise<unknown>,
    { graceful }: Cancellation,
    notify: () => void,
  ): Promise<void> {
    const over = new AbortController();
    const patience = this.#options.clock
      .sleep(NOTICE_MS, AbortSignal.any([graceful, over.signal]))
      .then(() => graceful.aborted || over.signal.aborted || notify());
    await beforeAbort(ended, graceful);
    over.abort("over");
    await patience;
  }

  /**
   * Returns the path of the `strace` that can trace a command. If there is none, the command runs
   * without, and a warning says why.
   */
  async #tracer({ name, env, cwd }: TaskCommand, sink: OutputSink): Promise<string | undefined> {
    const strace = findProgram("strace", env.PATH ?? "", cwd);
    const obstacle = strace === undefined
      ? "strace is not on the PATH; it is in the package 'strace' of Debian and others (Linux only)"
      : await traceObstacle(strace);
    if (obstacle === undefined) return strace;
    sink.warn(`Cannot record the files of ${name}: ${obstacle}`);
    return undefined;
  }

  /** Warns once if a command has pipes because the system has no pseudo-terminal left. */
  #reportShortage({ name }: TaskCommand, { lacksTerminal }: GroupProcess, sink: OutputSink): void {
    if (!lacksTerminal || this.#hasReportedShortage) return;
    this.#hasReportedShortage = true;
    sink.warn(
      `Cannot give ${name} a terminal: all are in use (kernel.pty.max); its output is a pipe`,
    );
  }
}

/** Returns true if a command has a terminal without a keyboard. */
function readsNoKeys({ output }: TaskCommand): boolean {
  return typeof output === "object" && output.keyboard === undefined;
}

/** Returns true if a command line consists only of blanks and comments. */
function isEmpty(command: string): boolean {
  return command.split("\n").every((line) => /^\s*(#.*)?$/.test(line));
}

async function closeAll(pipes: readonly OutputPipe[]): Promise<void> {
  await Promise.all(pipes.map((pipe) => pipe.drain()));
  await Promise.all(pipes.map((pipe) => pipe.close()));
}
