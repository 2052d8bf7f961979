/**
 * Options of one build: its plan, the parts of the server that it shares with other builds, and what
 * its client has passed.
 *
 * @module
 */

import type { CommandCall } from "../../server/cooker.ts";
import type { Clock } from "../../system/clock.ts";
import type { DescriptorMap } from "../../system/process/passed_descriptors.ts";
import type { StartAttributes } from "../../system/process/start_attributes.ts";
import type { RunTasksParams } from "../../wire/commands.ts";
import type { DeferredResults } from "../cache/deferred_results.ts";
import type { ResultCache } from "../cache/result_cache.ts";
import type { Executor } from "../execute/executor.ts";
import type { BuildPlan, PlannedTask } from "../plan/plan.ts";
import type { BuildFiles } from "./build_files.ts";
import type { Execution, Executions } from "./executions.ts";
import type { ServiceHold } from "./service_hold.ts";
import type { SlotPool } from "./slot_pool.ts";

/** The options of a build. */
export interface BuildOptions {
  readonly id: string;
  readonly plan: BuildPlan;
  /** Sentences about the config that no build has shown yet. */
  readonly notes?: readonly string[];
  readonly call: CommandCall;
  readonly detached: boolean;
  /** The executions of all builds. */
  readonly executions: Executions;
  /** The job slots of all builds. */
  readonly slots: SlotPool;
  /** The number of tasks that may run at once. If absent, that of the plan. */
  readonly jobs?: number;
  /** The execution whose task has started the client. If absent, the build is not nested. */
  readonly parent?: Execution;
  /** Keeps services running after the build. If absent, they end with the last build. */
  readonly hold?: ServiceHold;
  /** Returns true if a process's stdin has bytes to read now. */
  readonly hasInput: (pid: number) => boolean;
  /** Returns true if a shell can continue a process that has suspended itself. */
  readonly canSuspend: (pid: number) => boolean;
  /** Owns work that goes on after the build. */
  readonly own: (what: string, work: Promise<void>) => void;
  readonly executor: Executor;
  readonly files: BuildFiles;
  readonly clock: Clock;
  /** If absent, every task runs. */
  readonly cache?: ResultCache;
  /** Results that are not stored yet. If absent, caching is not deferred. */
  readonly deferred?: DeferredResults;
  /** True if results are stored before the build goes on. */
  readonly keepsAtOnce?: boolean;
  /** True if the inputs of each task must be recorded when it begins. */
  readonly isWatched?: boolean;
  /**
   * For each task its rank. Of several tasks that could start, the smallest rank starts first.
   * Default: its index.
   */
  readonly rank?: readonly number[];
  /** The process whose stdin the tasks read. If absent, they read an empty stdin. */
  readonly stdinPid?: number;
  /** Descriptors that the client has passed, including its stdin. If absent, there are none. */
  readonly passed?: DescriptorMap;
  /** The destination of the tasks' output. Default: two pipes for each task. */
  readonly output?: RunTasksParams["output"];
  /** Path of the client's terminal. Absent if the client passes no keys on. */
  readonly keyboard?: string;
  /** Returns the client's attributes. Called once, when the first command is executed. */
  readonly attributes?: () => StartAttributes | undefined;
  /** Called with the duration of each successful task that was executed. */
  readonly ran?: (task: PlannedTask, durationMs: number) => void;
}
