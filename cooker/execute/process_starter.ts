/**
 * Starts the process that leads a task's group: the shell of `deno task`, the shell of an npm script,
 * or the command's program itself if the shell would only start that program.
 *
 * The shell is `deno task --eval`. From the task's folder, it finds the same config and the same
 * `node_modules/.bin` folders as `deno task NAME` does, and it takes arguments in the same way.
 *
 * @module
 */

import { isSystemError } from "../../system/files/files.ts";
import type { FileTrace } from "../../system/process/file_trace.ts";
import type { GroupProcess, SpawnOptions } from "../../system/process/group_process.ts";
import type { GroupSpawner } from "../../system/process/group_spawner.ts";
import type { ProcessTag } from "../../system/process/process_tag.ts";
import { Programs } from "../../system/process/programs.ts";
import type { ProgramDescription } from "../../system/process/self.ts";
import type { ExitStatus, OutputSink, TaskCommand } from "./executor.ts";
import { findDeno } from "./find_deno.ts";
import { type Leader, needsDeno, NOT_STARTED, startScript, startWithoutDeno } from "./leader.ts";
import { fitsArgument, LongCommand } from "./long_command.ts";
import { pipelineLength, plainCommand } from "./plain_command.ts";
import { stdinOf } from "./task_stdin.ts";

const STDERR = 2;

/** Options of a {@linkcode ProcessStarter}. */
export interface ProcessStarterOptions {
  /** The program that runs simmer. */
  readonly host: ProgramDescription;
  /** Starts the processes. */
  readonly spawner: GroupSpawner;
  /** The config file that the user has named, absolute. */
  readonly config?: string;
}

/** Resources with which the processes of one command are started. */
interface StartContext {
  readonly tag: ProcessTag | undefined;
  /** Holds resources until the command has ended. */
  readonly needed: DisposableStack;
  /** Records the files that the processes use. */
  readonly trace: FileTrace | undefined;
}

/** Starts the leaders of process groups. */
export class ProcessStarter {
  readonly #options: ProcessStarterOptions;
  readonly #programs = new Programs();

  constructor(options: ProcessStarterOptions) {
    this.#options = options;
  }

  /**
   * Starts the leader of a command's process group.
   *
   * @param sink receives warnings
   * @returns the exit status if the command cannot be started
   */
  start(
    command: TaskCommand,
    sink: OutputSink,
    { tag, needed, trace }: StartContext,
  ): Leader | ExitStatus {
    const { host, spawner } = this.#options;
    const spawn = (options: SpawnOptions): GroupProcess => {
      const whole = trace === undefined ? options : traced(options, trace);
      return tag === undefined ? spawner.spawn(whole) : tag.around(() => spawner.spawn(whole));
    };
    const stdin = stdinOf(command, spawner, sink);
    const { attributes } = command;
    const given = {
      cwd: command.cwd,
      stdin,
      ...(command.output === undefined ? {} : { output: command.output }),
      ...aboveStreams(command.passed),
      ...(attributes === undefined ? {} : { attributes }),
    };
    if (command.npm !== undefined) {
      return startScript(
        command,
        command.npm,
        (options) => spawn({ ...given, ...options }),
        needed,
      );
    }
    const deno = findDeno(host, command.env.PATH);
    if (deno === undefined) {
      return startWithoutDeno(command, host, (more) => spawn({ ...given, ...more }), needed);
    }
    // Behind a prefix, only the shell reports a program that cannot be started.
    const plain = needsDeno(command) || (attributes?.prefix ?? []).length > 0
      ? undefined
      : plainCommand(command, deno, this.#programs);
    if (plain !== undefined) {
      const { program, args, env } = plain;
      try {
        const process = spawn({ ...given, command: program, args, env });
        return { process, kind: "program" };
      } catch (error) {
        // The shell reports the error, for example a missing interpreter, with its own exit code.
        if (!isSystemError(error)) throw error;
      }
    }
    try {
      const process = spawn({
        ...given,
        command: deno,
        args: [
          "task",
          "--quiet",
          ...command.denoFlags ?? [],
          ...this.#shellWords(command, needed),
          ...command.args,
        ],
        env: command.isScript
          ? { ...command.env, npm_execpath: deno, npm_node_execpath: deno }
          : command.env,
      });
      return { process, kind: "shell", programs: pipelineLength(command.command) };
    } catch (error) {
      if (!isSystemError(error)) throw error;
      return { code: NOT_STARTED, reason: `Cannot start ${command.name}: ${error.message}` };
    }
  }

  /** Returns the arguments with which `deno task` runs a command line. */
  #shellWords(command: TaskCommand, needed: DisposableStack): readonly string[] {
    const { config } = this.#options;
    // The leading blank keeps a command that begins with a dash from being taken for an option.
    const line = ` ${command.command}`;
    if (!fitsArgument(line)) return needed.use(LongCommand.create(command)).words;
    return [...(config === undefined ? [] : ["--config", config]), "--eval", line];
  }
}

/** Puts the words of a trace in front of a program. */
function traced({ calledAs: _, ...options }: SpawnOptions, { words }: FileTrace): SpawnOptions {
  const [command = "", ...own] = words;
  return { ...options, command, args: [...own, options.command, ...options.args] };
}

/** Returns the descriptors above stderr that a process is given, if there are any. */
function aboveStreams(passed: TaskCommand["passed"]): Pick<SpawnOptions, "descriptors"> {
  const descriptors = [...passed ?? []].filter(([number]) => number > STDERR);
  return descriptors.length === 0 ? {} : { descriptors: new Map(descriptors) };
}
