/**
 * The builds in progress: starts them, and does the work that follows their ends.
 *
 * @module
 */

import type { Clock } from "../system/clock.ts";
import type { Logger } from "../system/logger.ts";
import { processId } from "../system/environment.ts";
import type { PassedDescriptors } from "../system/process/passed_descriptors.ts";
import { ioTurn } from "../system/macrotask.ts";
import type { GroupSpawner } from "../system/process/group_spawner.ts";
import type { ProcessTags } from "../system/process/process_tag.ts";
import type { OwnedWork } from "../system/owned_work.ts";
import { isGroupOrphaned } from "../system/process/processes.ts";
import type { Journal, RunTasksParams } from "../wire/commands.ts";
import type { ClientInfo } from "../wire/events.ts";
import { Build } from "./build/build.ts";
import type { ResultCache } from "./cache/result_cache.ts";
import { type Execution, Executions } from "./build/executions.ts";
import { ServiceHold } from "./build/service_hold.ts";
import { SlotPool } from "./build/slot_pool.ts";
import { BuildFiles, type BuildFolders, BuildIds, keptJournal } from "./build/build_files.ts";
import type { ProjectConfig } from "./config/project.ts";
import type { Planned } from "./plan/plan_memo.ts";
import { BuildOutcome } from "./build_outcome.ts";
import { ClientInheritance } from "./client_inheritance.ts";
import type { Cancel, CommandCall } from "../server/cooker.ts";
import type { Executor } from "./execute/executor.ts";
import type { ProjectState } from "./project_state.ts";
import type { ChangeSubscriptions } from "./build/change_subscriptions.ts";
import { BuildRetention } from "./build/build_retention.ts";
import type { BuildPlan } from "./plan/plan.ts";
import type { SettledBuilds } from "./settled.ts";
import type { MemoryRelease } from "./memory_release.ts";
import { EXECUTION_VARIABLE } from "./execute/shell_executor.ts";

/** Options of {@linkcode Builds}. */
interface BuildsOptions {
  /** Folders for the files of builds. */
  readonly state: BuildFolders;
  readonly clock: Clock;
  readonly log: Logger;
  readonly project: ProjectState;
  readonly config: ProjectConfig;
  readonly changes: ChangeSubscriptions;
  readonly executor: Executor;
  readonly tags: ProcessTags;
  readonly spawner: GroupSpawner;
  /** Owns work that goes on after a build. */
  readonly beside: OwnedWork;
  readonly memory: MemoryRelease;
  /** Receives builds whose outcome is known, because every task was a cache hit. */
  readonly settled?: SettledBuilds;
  /** Descriptors that clients have passed with their command lines, if any. */
  readonly passed?: PassedDescriptors;
  /** True if results are stored at once. Default: false. */
  readonly isBrief?: boolean;
}

/** The builds of a project. */
export class Builds {
  readonly #options: BuildsOptions;
  readonly #inheritance: ClientInheritance;
  readonly #retention: BuildRetention;
  readonly #ids = new BuildIds(String(processId()));
  readonly #builds = new Set<Build>();
  readonly #executions = new Executions();
  readonly #slots = new SlotPool();
  /** By the process ids of the clients that watch. */
  readonly #holds = new Map<number, ServiceHold>();
  /** Sentences about the config that builds have shown. Each is shown once. */
  readonly #said = new Set<string>();
  /** Number of executions that had begun at the last look. */
  #begunBefore = 0;

  constructor(options: BuildsOptions) {
    this.#options = options;
    this.#inheritance = new ClientInheritance(options.spawner, options.passed);
    this.#retention = new BuildRetention(options.state, options.log);
  }

  /** Number of builds in progress. */
  get size(): number {
    return this.#builds.size;
  }

  /**
   * Starts a build.
   *
   * @param planned the plan with its validity, and the result cache of the run
   * @throws {WireError} if a task cannot be given a descriptor of the client
   */
  start(
    params: RunTasksParams,
    call: CommandCall,
    planned: Planned & { readonly cache: ResultCache },
  ): Build {
    const { plan, validity, cache } = planned;
    const { state, clock, project, spawner, executor, beside } = this.#options;
    const passed = this.#inheritance.descriptorsFor(plan, params);
    const rank = project.rank(plan);
    const outcome = new BuildOutcome(plan, {
      project,
      cache,
      planned: validity,
      inProgress: this.#builds,
    });
    const id = this.#ids.next(clock.now());
    const parent = this.#parentOf(params);
    const build = new Build({
      id,
      plan,
      notes: this.#newNotes(),
      call,
      detached: params.detach,
      executions: this.#executions,
      slots: this.#slots,
      // A nested build that names no number of jobs has that of the build around it.
      ...(parent === undefined || params.jobs !== undefined ? {} : { jobs: parent.starter.jobs }),
      ...(parent === undefined ? {} : { parent }),
      hasInput: (pid) => spawner.hasInput(pid),
      canSuspend: (pid) => !isGroupOrphaned(pid),
      ...(params.watched ? { hold: this.#holdOf(call.client) } : {}),
      own: (what, work) => beside.own(what, this.#inheritance.during(params, work)),
      executor,
      files: BuildFiles.create(id, state),
      clock,
      cache,
      deferred: project.deferred,
      keepsAtOnce: this.#options.isBrief === true || params.watched,
      isWatched: params.watched,
      ran: (task, durationMs) => project.ran(task, durationMs),
      ...(rank === undefined ? {} : { rank }),
      ...(params.stdinPid === undefined ? {} : { stdinPid: params.stdinPid }),
      ...(passed === undefined ? {} : { passed }),
      ...(params.output === undefined ? {} : { output: params.output }),
      ...(params.keyboard === undefined ? {} : { keyboard: params.keyboard }),
      attributes: this.#inheritance.attributesOf(call.client.pid, params.detach),
    });
    this.#builds.add(build);
    project.deferred.pause();
    const watcher = params.watched ? watcherOf(call, plan) : undefined;
    beside.own("comparing a build's inputs", this.#options.changes.begin(build, watcher));
    beside.own(
      "work after a build",
      build.ended.then(async () => {
        this.#builds.delete(build);
        const known = outcome.validityOf(build);
        this.#options.settled?.note(
          known === undefined ? undefined : { pid: call.client.pid, validity: known },
        );
        this.#retention.built();
        project.save();
        // The client learns of the end first.
        await ioTurn();
        if (this.#builds.size === 0) project.deferred.resume();
        project.trim();
        if (!build.isAllCached) this.#options.memory.built(plan.tasks.length);
      }),
    );
    return build;
  }

  /** Returns true if a process belongs to an execution of a task. */
  includesProcess(pid: number): boolean {
    const tag = this.#executions.size === 0 ? undefined : this.#options.tags.of(pid);
    return tag !== undefined && this.#executions.byTag(tag) !== undefined;
  }

  /**
   * Returns the journal of a build; without an id, that of the newest one. Returns `null` if there is
   * none.
   */
  journal(build: string | undefined): Journal | null {
    const running = [...this.#builds];
    const found = build === undefined
      ? running.at(-1)
      : running.find((each) => each.build === build);
    if (found !== undefined) return { build: found.build, path: found.writeJournal() };
    return keptJournal(build, this.#options.state) ?? null;
  }

  /** Does the periodic work of builds: removes old files, stores results, relieves the slots. */
  tidy(): void {
    this.prune();
    this.#storeIfQuiet();
    this.#slots.relieve();
  }

  /** Removes files of old builds that exceed the limits, or the next slice of them. */
  prune(): void {
    this.#retention.prune(new Set([...this.#builds].map(({ build }) => build)));
  }

  /** Ends the services that run for the watch of a client. */
  endWatch(pid: number): void {
    this.#endHold(pid, { kind: "end" });
  }

  /** Cancels all builds and services. Resolves when the builds have ended. */
  async end(how: Cancel): Promise<void> {
    const builds = [...this.#builds];
    for (const build of builds) build.cancel(how);
    for (const pid of [...this.#holds.keys()]) this.#endHold(pid, how);
    await Promise.all(builds.map((build) => build.ended));
  }

  /** Returns what keeps the services of a watching client running. */
  #holdOf(client: ClientInfo): ServiceHold {
    const hold = this.#holds.get(client.pid) ?? new ServiceHold(client);
    this.#holds.set(client.pid, hold);
    return hold;
  }

  #endHold(pid: number, how: Cancel): void {
    this.#holds.get(pid)?.cancel(how);
    this.#holds.delete(pid);
  }

  /** Returns what no build has said yet about the config. */
  #newNotes(): string[] {
    const notes = this.#options.config.notes.filter((note) => !this.#said.has(note));
    for (const note of notes) this.#said.add(note);
    return notes;
  }

  /**
   * Stores deferred results if no task has begun since the last call. A build may run for ever, so
   * its end is not waited for.
   */
  #storeIfQuiet(): void {
    const { begun } = this.#executions;
    if (begun === this.#begunBefore) this.#options.project.deferred.resume();
    this.#begunBefore = begun;
  }

  /**
   * Returns the execution whose task has started the client of a build. A detached build belongs to
   * none: it goes on when its client has left.
   */
  #parentOf({ client, env, detach }: RunTasksParams): Execution | undefined {
    if (detach || this.#executions.size === 0) return undefined;
    const tag = this.#options.tags.of(client.pid) ?? env[EXECUTION_VARIABLE];
    return tag === undefined ? undefined : this.#executions.byTag(tag);
  }
}

/** Returns a key for a client that runs the same tasks repeatedly (`--watch`). */
function watcherOf({ client }: CommandCall, { tasks }: BuildPlan): string {
  return JSON.stringify([client.pid, ...tasks.map(({ key }) => key)]);
}
