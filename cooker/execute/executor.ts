/**
 * Where a task's command runs: an interface, so that it can be somewhere else without the
 * scheduler knowing.
 *
 * @module
 */

import type { Ending } from "./cancellation.ts";
import type { DescriptorMap } from "../../system/process/passed_descriptors.ts";
import type { NpmBins } from "./node_modules.ts";

/** What a task's command line is given. */
export interface TaskCommand {
  /** The task's name, for messages. */
  readonly name: string;
  /** The shell command line, without arguments. */
  readonly command: string;
  /** Arguments, each one word to the shell. */
  readonly args: readonly string[];
  /** Where it runs, absolute. */
  readonly cwd: string;
  /** The whole environment. */
  readonly env: Readonly<Record<string, string>>;
  /** Whether it is a script of a `package.json`, which is told what runs it. */
  readonly isScript: boolean;
  /** The folders of npm packages' programs on its PATH; absent: only the shell knows them. */
  readonly npmBins?: NpmBins;
  /** Options for the `deno` whose shell runs it, which has to run then; absent: none. */
  readonly denoFlags?: readonly string[];
  /** The process whose stdin it reads; absent: an empty one. */
  readonly stdinPid?: number;
  /** The process whose stdin it does not read, because another task may run beside it. */
  readonly lostStdinPid?: number;
  /** Descriptors that its client has passed, by their numbers there; 0 is only for a task that reads stdin. */
  readonly passed?: DescriptorMap;
}

/** Where output goes. */
export interface OutputSink {
  /**
   * Takes a piece of output, in order; the bytes are only valid until the promise resolves. The
   * next piece is read only then.
   */
  write(stream: "stdout" | "stderr", bytes: Uint8Array): Promise<void>;
  /** Takes a warning about the task, for people. */
  warn(message: string): void;
}

/** What a command left behind: processes of its group that outlive it. */
export interface Remains {
  /** Ends them and waits until they are gone. */
  end(ending: Ending): Promise<void>;
}

/** How a command ended. */
export interface ExitStatus {
  /** 0 to 255; 128 + signal where one ended it, 127 where it could not be started. */
  readonly code: number;
  /** The signal that ended it. */
  readonly signal?: string;
  /** Why, where the code does not tell. */
  readonly reason?: string;
  /** There where the command left processes behind. */
  readonly remains?: Remains;
}

/** Runs commands. */
export interface Executor {
  /**
   * Runs a command until it ends, or until it was asked to and has ended.
   *
   * What it can't start is a status with a reason, not an exception. After an ending that was
   * asked for, nothing of the command is left.
   */
  execute(command: TaskCommand, sink: OutputSink, ending: Ending): Promise<ExitStatus>;
}
