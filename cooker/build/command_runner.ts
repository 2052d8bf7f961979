/**
 * Executes the command of one task of a build, with the streams and attributes of the build's
 * client, and writes its log.
 *
 * @module
 */

import type { Clock } from "../../system/clock.ts";
import type { DescriptorMap } from "../../system/process/passed_descriptors.ts";
import type { StartAttributes } from "../../system/process/start_attributes.ts";
import type { Cancellation } from "../execute/cancellation.ts";
import type { Executor, ExitStatus, OutputSink, TaskCommand } from "../execute/executor.ts";
import { runService } from "../execute/service.ts";
import type { PlannedTask } from "../plan/plan.ts";
import type { BuildTerminals } from "./build_terminals.ts";
import { TaskLog } from "./task_log.ts";
import type { TaskWarnings } from "./task_warnings.ts";

/** The options of a {@linkcode CommandRunner}. */
export interface CommandRunnerOptions {
  readonly executor: Executor;
  readonly clock: Clock;
  /** The process whose stdin is passed to tasks that read it. If absent, none is passed. */
  readonly stdinPid?: number;
  /** Descriptors that the client has passed, including its stdin. If absent, there are none. */
  readonly passed?: DescriptorMap;
  /** The destination of the tasks' output. Default: two pipes for each task. */
  readonly output?: "separate" | "joint" | BuildTerminals;
  /** Returns the client's attributes. Called once, when the first command is executed. */
  readonly attributes?: () => StartAttributes | undefined;
}

/** Callbacks for the progress of a command. */
export interface CommandListener {
  /** The command of the task begins. */
  started(): void;
  /** The service is ready. */
  ready(): void;
  /** The task has a log. Not called if a successful task prints nothing. */
  logged(): void;
  /** Receives the output. */
  readonly sink: OutputSink;
}

/** The request to execute the command of a task. */
export interface CommandRequest {
  readonly task: PlannedTask;
  /** Returns the path of the log. */
  readonly logPath: () => string;
  /** Creates the folder of the log. If it returns `false`, no log is written. */
  readonly ensureLogs: () => boolean;
  readonly ending: Cancellation;
  readonly listener: CommandListener;
}

/** Executes the commands of one build's tasks. */
export class CommandRunner {
  readonly #options: CommandRunnerOptions;
  readonly #warnings: TaskWarnings;
  /** The client's attributes, once they are known. */
  #attributes: Pick<TaskCommand, "attributes"> | undefined;

  constructor(options: CommandRunnerOptions, warnings: TaskWarnings) {
    this.#options = options;
    this.#warnings = warnings;
  }

  /**
   * Executes the command of a task. A task without a command succeeds at once, and so does one that
   * was asked to end before.
   *
   * @param sink receives the output. Default: that of the listener
   */
  async execute(request: CommandRequest, sink = request.listener.sink): Promise<ExitStatus> {
    const { task: { command, stdin, service }, logPath, ensureLogs, ending, listener } = request;
    if (ending.graceful.aborted) return { code: 0 };
    listener.started();
    if (command === undefined) return { code: 0 };
    const warn = this.#warnings.to(listener.sink);
    const { clock } = this.#options;
    const log = new TaskLog({
      path: logPath(),
      prepare: ensureLogs,
      clock,
      // A task may remove the folder itself, as 'git clean' does.
      failed: (error) => warn(`Cannot save output: ${error.message}`),
    });
    try {
      const whole = {
        ...command,
        ...this.#inputOf(stdin),
        ...this.#outputOf(request.task),
        ...this.#attributesFor(listener.sink),
      };
      const logged: OutputSink = {
        write: (stream, bytes) => {
          log.add(bytes);
          return sink.write(stream, bytes);
        },
        warn: (message) => sink.warn(message),
        tagged: (tag) => sink.tagged?.(tag),
        accessed: (files) => sink.accessed?.(files),
      };
      const { executor } = this.#options;
      const status = service === undefined
        ? await executor.execute(whole, logged, ending)
        : await runService({
          command: whole,
          settings: service,
          executor,
          clock,
          sink: logged,
          cancellation: ending,
          ready: () => listener.ready(),
        });
      // Most successful tasks print nothing and get no log. The log of a failed or cancelled task
      // is written at once, because people read it.
      const isLookedAt = status.code !== 0 || ending.graceful.aborted;
      if (isLookedAt ? log.write() : log.isWritten) listener.logged();
      return status;
    } finally {
      log.close();
    }
  }

  #inputOf(
    stdin: PlannedTask["stdin"],
  ): Pick<TaskCommand, "stdinPid" | "lostStdinPid" | "passed"> {
    const { stdinPid, passed } = this.#options;
    const descriptors = passed === undefined ? {} : { passed };
    if (stdinPid === undefined || stdin === undefined) return descriptors;
    return { ...descriptors, ...stdin === "reads" ? { stdinPid } : { lostStdinPid: stdinPid } };
  }

  #outputOf(task: PlannedTask): Pick<TaskCommand, "output" | "connect"> {
    const { output } = this.#options;
    if (output === undefined) return {};
    if (typeof output === "string") return { output };
    return {
      output: output.outputOf(task),
      connect: (terminal) => output.connect(task, terminal),
    };
  }

  /** Returns the client's attributes. The first task reports those that cannot be set. */
  #attributesFor(sink: OutputSink): Pick<TaskCommand, "attributes"> {
    if (this.#attributes === undefined) {
      const attributes = this.#options.attributes?.();
      this.#attributes = attributes === undefined ? {} : { attributes };
      if (attributes?.refusal !== undefined) sink.warn(attributes.refusal);
    }
    return this.#attributes;
  }
}
