/**
 * Interface for the execution of a task's command. The scheduler depends only on this interface, so
 * a command can run elsewhere.
 *
 * @module
 */

import type { Cancellation } from "./cancellation.ts";
import type { DescriptorMap } from "../../system/process/passed_descriptors.ts";
import type { FileAccess } from "../../system/process/file_trace.ts";
import type { OutputKind, TaskTerminal } from "../../system/process/group_process.ts";
import type { StartAttributes } from "../../system/process/start_attributes.ts";
import type { NpmBins } from "./node_modules.ts";
import type { NpmScript } from "./npm_script.ts";

/** A task's command line with everything that it needs to run. */
export interface TaskCommand {
  /** The task's name, for messages. */
  readonly name: string;
  /** The shell command line, without arguments. */
  readonly command: string;
  /** Arguments, each of which is one word for the shell. */
  readonly args: readonly string[];
  /** The working directory, absolute. */
  readonly cwd: string;
  /** The whole environment. */
  readonly env: Readonly<Record<string, string>>;
  /**
   * True for a script of a `package.json`, which gets variables that name the program that runs it.
   */
  readonly isScript: boolean;
  /** Present for a script that runs as `npm run` does. Default: as `deno task` does. */
  readonly npm?: NpmScript;
  /** The folders of npm packages' programs on its PATH. If absent, only the shell knows them. */
  readonly npmBins?: NpmBins;
  /**
   * Options for the `deno` whose shell runs the command. If there are any, the shell is always
   * used.
   */
  readonly denoFlags?: readonly string[];
  /** The process whose stdin the command reads. If absent, stdin is empty. */
  readonly stdinPid?: number;
  /**
   * The process whose stdin the command does not read, because another task may run at the same
   * time.
   */
  readonly lostStdinPid?: number;
  /**
   * Descriptors that the client has passed, by their numbers in the client. Descriptor 0 is only
   * used for a task that reads stdin.
   */
  readonly passed?: DescriptorMap;
  /**
   * True if the command is over only when no background process holds its output open any more. So
   * it is with `deno task` for a task whose output is prefixed. Default: false.
   */
  readonly waitsForOutput?: boolean;
  /** The destination of its output. Default: two pipes. */
  readonly output?: OutputKind;
  /** Connects its terminal until the result is disposed of. Called if it gets a terminal. */
  readonly connect?: (terminal: TaskTerminal) => Disposable;
  /** True if the files that it uses are recorded. Default: false. */
  readonly isTraced?: boolean;
  /** Attributes of the client that this process does not have. If absent, there are none. */
  readonly attributes?: StartAttributes;
}

/** Receives the output of a command. */
export interface OutputSink {
  /**
   * Receives a piece of output, in order. The bytes are only valid until the promise resolves. The
   * next piece is read only after that, which gives back-pressure.
   */
  write(stream: "stdout" | "stderr", bytes: Uint8Array): Promise<void>;
  /** Receives a warning about the task, for people. */
  warn(message: string): void;
  /** Receives the files that a traced command has used, after its end. */
  accessed?(files: readonly FileAccess[]): void;
  /** Receives the tag that the processes of the command carry, before they start. */
  tagged?(tag: string): void;
}

/** Processes that a command left behind: members of its group that outlive it. */
export interface LeftoverProcesses {
  /** Ends the processes, waits until they are gone, and names them in a warning. */
  end(cancellation: Cancellation): Promise<void>;
}

/** Outcome of a command. */
export interface ExitStatus {
  /**
   * Exit code from 0 to 255; 128 + signal if a signal ended the command, 127 if it could not be
   * started.
   */
  readonly code: number;
  /** The signal that ended the command. */
  readonly signal?: string;
  /** The reason, if the code does not explain it. */
  readonly reason?: string;
  /** The last lines of output of a service that has failed. */
  readonly lastLines?: readonly string[];
  /** Present if the command left processes behind. */
  readonly leftovers?: LeftoverProcesses;
}

/** Runs commands. */
export interface Executor {
  /**
   * Runs a command until it ends, or until an end was requested and it has ended.
   *
   * If the command cannot be started, the promise resolves with a status that has a reason. After a
   * requested end, no process of the command is left.
   */
  execute(command: TaskCommand, sink: OutputSink, cancellation: Cancellation): Promise<ExitStatus>;
}
