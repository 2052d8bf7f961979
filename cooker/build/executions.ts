/**
 * Executions of tasks, across all builds of a server.
 *
 * An execution is one run of a task: the lookup of its result, and its processes. Executions of a
 * task that declares `files` never overlap. A second build joins the execution in progress if it
 * would do the same, and otherwise waits for its end.
 *
 * Builds and executions wait for each other, also through nested builds: a `simmer run` inside a
 * task. Before a build waits, a search makes sure that the wait can end.
 *
 * @module
 */

import type { Cancel } from "../../server/cooker.ts";
import type { TaskSignal } from "../../wire/signals.ts";
import type { Known } from "../cache/deferred_results.ts";
import { CancellationController } from "../execute/cancellation.ts";
import type { PlannedTask } from "../plan/plan.ts";
import { SharedOutput } from "./shared_output.ts";
import type { Slot } from "./slot_pool.ts";
import type { SharedTask } from "./task_results.ts";
import type { IsUnchanged, TaskOutcome } from "./task_runner.ts";

/** A build, as executions see it. */
export interface BuildNode {
  /** Id of the build. */
  readonly build: string;
  /** Command line of its client, for messages. */
  readonly command: string;
  /** The execution whose task has started the build's client; absent: none. */
  readonly parent?: Execution | undefined;
  /** The number of tasks that the build may run at once. */
  readonly jobs: number;
  /** True if the build goes on when its client leaves. */
  readonly detached: boolean;
  /** True if the build's client is suspended, and its tasks with it. */
  readonly isSuspended: boolean;
  /** Resolves when nothing of the build runs any more. */
  readonly ended: Promise<void>;
  cancel(how: Cancel): void;
  signal(signal: TaskSignal): boolean;
  /**
   * Requests that the client suspends itself because the person has typed Ctrl-Z. If no shell could
   * continue the client of a nested build, that of the outer build does so. Returns false if no
   * client has a keyboard.
   */
  requestSuspension(): boolean;
}

/** A task that could never end, because it starts itself or waits for itself. */
export class EndlessTaskError extends Error {
  override name = "EndlessTaskError";
}

/** Greatest depth at which a task may start itself, as it may on purpose, by a variable for example. */
const MAX_RECURSION = 3;
/** Greatest depth of nested builds in all. */
const MAX_DEPTH = 32;

/** Progress of an execution: its command has begun, it is ready, or its result was found. */
export type Progress =
  | { readonly kind: "started" }
  | { readonly kind: "ready" }
  | { readonly kind: "cached"; readonly fingerprint: string; readonly replayedBytes: number };

/** Result of an execution, for all builds that need it. */
export interface ExecutionResult {
  readonly outcome: TaskOutcome;
  /** Path of the log, if there is one. */
  readonly logPath: string | undefined;
  /** The part that the runners of other builds take over. */
  readonly shared: SharedTask;
}

/** Parameters of an execution. */
interface ExecutionOptions {
  /** The slot that the execution holds, if it needs one. The caller returns it. */
  readonly slot: Slot | undefined;
  /** True if other builds may join the execution. */
  readonly isShared: boolean;
  /** Facts about the task's dependencies, by their ids; `undefined` if one has no result. */
  readonly dependencies: () => ReadonlyMap<string, Known> | undefined;
  /** Returns what is known of the task so far, for the runners of other builds. */
  readonly share: () => SharedTask;
}

/** One run of a task. */
export class Execution {
  /** The task. */
  readonly task: PlannedTask;
  /** The build that started the execution. */
  readonly starter: BuildNode;
  /** Requests to end that reach the processes. */
  readonly cancellation = new CancellationController();
  /** Output of a task that other builds may join. */
  readonly output = new SharedOutput();
  /** True if other builds may join the execution. */
  readonly isShared: boolean;
  /** As in {@linkcode ExecutionOptions}. */
  readonly dependencies: ExecutionOptions["dependencies"];
  /** As in {@linkcode ExecutionOptions}. */
  readonly share: ExecutionOptions["share"];
  /** Resolves with the result. Rejects if the execution fails by a defect. */
  readonly result: Promise<ExecutionResult>;
  /** Resolves when the execution has ended. */
  readonly ended: Promise<void>;
  readonly #slot: Slot | undefined;
  readonly #builds = new Set<BuildNode>();
  readonly #nested = new Set<BuildNode>();
  readonly #end = Promise.withResolvers<ExecutionResult>();
  readonly #inputs = Promise.withResolvers<IsUnchanged | undefined>();
  readonly #listeners: ((progress: Progress) => void)[] = [];
  readonly #progress: Progress[] = [];
  #loan: Disposable | undefined;
  #isSuspended = false;

  constructor(task: PlannedTask, starter: BuildNode, options: ExecutionOptions) {
    this.task = task;
    this.starter = starter;
    this.isShared = options.isShared;
    this.dependencies = options.dependencies;
    this.share = options.share;
    this.#slot = options.slot;
    this.result = this.#end.promise;
    this.ended = this.result.then(() => {}, () => {});
    this.join(starter);
  }

  /**
   * True if a build can still join: the execution is not ending, and its output is whole. Of a
   * service, a build may miss the beginning.
   */
  get isShareable(): boolean {
    const isWhole = this.output.isWhole || this.task.service !== undefined;
    return this.isShared && !this.cancellation.graceful.aborted && isWhole;
  }

  /** True if the processes are suspended. */
  get isSuspended(): boolean {
    return this.#isSuspended;
  }

  /** Builds that were started by the processes of the execution. */
  get nested(): ReadonlySet<BuildNode> {
    return this.#nested;
  }

  /** Builds that need the execution. */
  get builds(): ReadonlySet<BuildNode> {
    return this.#builds;
  }

  /**
   * Resolves before the command begins, if the inputs are known. Resolves with `undefined` if the
   * command begins without them, and on a cache hit.
   */
  get isUnchanged(): Promise<IsUnchanged | undefined> {
    return this.#inputs.promise;
  }

  /** Records that the command is about to begin with known inputs. */
  pin(isUnchanged: IsUnchanged): void {
    this.#inputs.resolve(isUnchanged);
  }

  /** Reports the progress to all builds that need the execution. */
  progress(progress: Progress): void {
    this.#progress.push(progress);
    this.#inputs.resolve(undefined);
    for (const listener of this.#listeners) listener(progress);
  }

  /** Calls a function with all progress, at once with what there is. */
  onProgress(listener: (progress: Progress) => void): void {
    this.#listeners.push(listener);
    for (const progress of this.#progress) listener(progress);
  }

  /**
   * Passes a signal on to the processes. Those that suspend and continue take effect by
   * {@linkcode BuildNode.isSuspended}.
   *
   * @returns true if there was a receiver
   */
  pass(signal: TaskSignal): boolean {
    if (signal !== "SIGTSTP" && signal !== "SIGCONT") return this.cancellation.pass(signal);
    this.#settleSuspension();
    return true;
  }

  /** Resolves when all nested builds have ended. */
  async nestedEnded(): Promise<void> {
    await Promise.all([...this.#nested].map(({ ended }) => ended));
  }

  /**
   * Adds a build that needs the execution. A suspended execution continues for it, unless the build
   * is suspended, too.
   */
  join(build: BuildNode): void {
    this.#builds.add(build);
    this.#settleSuspension();
  }

  /**
   * Removes a build that no longer needs the execution.
   *
   * @returns true if no build is left, so that the execution is asked to end
   */
  leave(build: BuildNode, how: Cancel): boolean {
    if (this.#builds.size > 1) {
      this.#builds.delete(build);
      this.#settleSuspension();
      return false;
    }
    this.cancel(how);
    return true;
  }

  /**
   * Asks the execution to end. Nested builds are killed with it. Other requests reach them by their
   * clients, which are processes of the execution.
   */
  cancel(how: Cancel): void {
    this.cancellation.cancel(how);
    if (how.kind === "kill") { for (const build of this.#nested) build.cancel(how); }
  }

  /** See {@linkcode BuildNode.requestSuspension}. */
  requestSuspension(): boolean {
    return [...this.#builds].some((build) => build.requestSuspension());
  }

  /** Adds a nested build. While there is one, the execution lends its slot. */
  begin(build: BuildNode): Disposable {
    this.#nested.add(build);
    this.#settleLoan();
    if (this.#isSuspended && !build.detached) build.signal("SIGTSTP");
    return {
      [Symbol.dispose]: () => {
        this.#nested.delete(build);
        this.#settleLoan();
      },
    };
  }

  /**
   * Suspends the processes if all builds that need them are suspended, and continues them if not.
   * Nested builds follow, because their suspended clients cannot pass the signal on.
   */
  #settleSuspension(): void {
    const isSuspended = [...this.#builds].every((build) => build.isSuspended);
    if (isSuspended === this.#isSuspended) return;
    this.#isSuspended = isSuspended;
    this.#settleLoan();
    const signal = isSuspended ? "SIGTSTP" : "SIGCONT";
    this.cancellation.pass(signal);
    for (const build of this.#nested) if (!build.detached) build.signal(signal);
  }

  /** Lends the slot while the execution is suspended or has nested builds. */
  #settleLoan(): void {
    if (this.#isSuspended || this.#nested.size > 0) {
      this.#loan ??= this.#slot?.lend();
      return;
    }
    this.#loan?.[Symbol.dispose]();
    this.#loan = undefined;
  }

  /** Ends the execution, after its processes. */
  finish(end: ExecutionResult | { readonly error: unknown }): void {
    this.#inputs.resolve(undefined);
    this.output.end();
    if ("error" in end) this.#end.reject(end.error);
    else this.#end.resolve(end);
  }
}

/** A build that waits for an execution. */
interface Wait {
  readonly build: BuildNode;
  readonly execution: Execution;
}

/** The executions in progress. */
export class Executions {
  /** Executions of tasks that declare `files`, and of services, by what {@linkcode keyOf} returns. */
  readonly #byKey = new Map<string, Execution>();
  readonly #all = new Set<Execution>();
  readonly #waits = new Set<Wait>();
  /** Functions that are called when an execution begins, by the task's key. */
  readonly #listeners = new Map<string, Set<() => void>>();
  /** Executions by the tag that their processes carry. */
  readonly #byTag = new Map<string, Execution>();

  #begun = 0;

  /** Number of executions that have begun so far. */
  get begun(): number {
    return this.#begun;
  }

  /** Number of executions in progress. */
  get size(): number {
    return this.#all.size;
  }

  /** Returns the execution in progress of a task that declares `files`, or of a service. */
  get(task: PlannedTask): Execution | undefined {
    const key = keyOf(task);
    return key === undefined ? undefined : this.#byKey.get(key);
  }

  /**
   * Calls a function when an execution begins that {@linkcode get} returns, until the result is
   * disposed of.
   */
  onBegin(task: PlannedTask, listener: () => void): Disposable {
    const key = keyOf(task);
    if (key === undefined) return { [Symbol.dispose]: () => {} };
    const listeners = this.#listeners.get(key) ?? new Set();
    this.#listeners.set(key, listeners.add(listener));
    return {
      [Symbol.dispose]: () => {
        listeners.delete(listener);
        if (listeners.size === 0) this.#listeners.delete(key);
      },
    };
  }

  /** Returns the execution whose processes carry a tag. */
  byTag(tag: string): Execution | undefined {
    return this.#byTag.get(tag);
  }

  /** Returns what a build waits for, one line each. */
  waitsOf(build: BuildNode): string[] {
    return [...this.#waits].filter((wait) => wait.build === build)
      .map(({ execution }) => `${execution.task.id} of ${nameOf(execution.starter)}`);
  }

  /**
   * Begins an execution. A task that declares `files` must not be in progress. Of several
   * executions of a service, only the first can be joined.
   *
   * @throws {EndlessTaskError} if the task starts itself without end
   */
  begin(task: PlannedTask, starter: BuildNode, options: ExecutionOptions): Execution {
    this.#requireEnd(task, starter);
    const execution = new Execution(task, starter, options);
    this.#begun++;
    this.#all.add(execution);
    const key = keyOf(task);
    if (key === undefined || this.#byKey.has(key)) return execution;
    this.#byKey.set(key, execution);
    for (const listener of this.#listeners.get(key) ?? []) listener();
    return execution;
  }

  /** Records the tag that the processes of an execution carry. */
  tag(execution: Execution, tag: string): void {
    this.#byTag.set(tag, execution);
    void execution.ended.then(() => this.#byTag.delete(tag));
  }

  /** Ends an execution, and lets those that wait for it go on. */
  end(execution: Execution, result: ExecutionResult): void {
    this.#remove(execution);
    execution.finish(result);
  }

  /** Ends an execution that has failed by a defect. */
  fail(execution: Execution, error: unknown): void {
    if (!this.#all.has(execution)) return;
    this.#remove(execution);
    execution.finish({ error });
  }

  #remove(execution: Execution): void {
    const key = keyOf(execution.task);
    this.#all.delete(execution);
    if (key !== undefined && this.#byKey.get(key) === execution) this.#byKey.delete(key);
  }

  /**
   * Records that a build waits for an execution, until the result is disposed of.
   *
   * @throws {EndlessTaskError} if the execution could never end, because it waits for the build
   */
  wait(build: BuildNode, execution: Execution): Disposable {
    const cycle = this.#pathTo(build, execution, new Set());
    if (cycle !== undefined) throw cycleError([execution, ...cycle, execution]);
    const wait = { build, execution };
    this.#waits.add(wait);
    return { [Symbol.dispose]: () => void this.#waits.delete(wait) };
  }

  /**
   * Returns the executions through which `execution` waits for `build`, or `undefined` if it does
   * not.
   */
  #pathTo(
    build: BuildNode,
    execution: Execution,
    seen: Set<Execution>,
  ): Execution[] | undefined {
    if (seen.has(execution)) return undefined;
    seen.add(execution);
    for (const nested of execution.nested) {
      if (nested === build) return [];
      for (const next of this.#neededBy(nested)) {
        const path = this.#pathTo(build, next, seen);
        if (path !== undefined) return [next, ...path];
      }
    }
    return undefined;
  }

  /** Returns the executions that a build runs or waits for. */
  #neededBy(build: BuildNode): Execution[] {
    const running = [...this.#all].filter(({ builds }) => builds.has(build));
    const waited = [...this.#waits].filter((wait) => wait.build === build);
    return [...running, ...waited.map(({ execution }) => execution)];
  }

  #requireEnd(task: PlannedTask, starter: BuildNode): void {
    const chain: Execution[] = [];
    for (let each = starter.parent; each !== undefined; each = each.starter.parent) {
      chain.push(each);
    }
    const same = chain.filter((each) => each.task.key === task.key && isSameCall(each.task, task));
    const [outer] = same.slice(0, 1);
    if (outer !== undefined && same.length >= MAX_RECURSION) {
      const through = chain.slice(0, chain.indexOf(outer) + 1).reverse();
      throw new EndlessTaskError(
        `it starts itself without end: ${[...through, { task }].map(idOf).join(" → ")}`,
      );
    }
    if (chain.length > MAX_DEPTH) {
      throw new EndlessTaskError(
        `it is nested in more than ${MAX_DEPTH} tasks: … → ` +
          `${[...chain.slice(0, 4).reverse(), { task }].map(idOf).join(" → ")}`,
      );
    }
  }
}

/**
 * Returns the key under which other builds find the execution of a task; `undefined` if each build
 * has its own.
 */
function keyOf({ service, caching, key }: PlannedTask): string | undefined {
  if (service !== undefined) return JSON.stringify(["service", key]);
  return caching?.unstored === "counted" ? undefined : caching?.key;
}

function idOf({ task }: Pick<Execution, "task">): string {
  return task.id;
}

function isSameCall(one: PlannedTask, other: PlannedTask): boolean {
  return JSON.stringify(one.command?.args) === JSON.stringify(other.command?.args);
}

function nameOf({ build, command }: BuildNode): string {
  return `build ${build} (${command})`;
}

function cycleError(cycle: readonly Execution[]): EndlessTaskError {
  return new EndlessTaskError(`it would wait for itself for ever: ${cycle.map(idOf).join(" → ")}`);
}
