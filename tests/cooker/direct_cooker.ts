/** Runs a cooker without a server. Tests call its methods, and read the events afterwards. */

import { assert } from "@std/assert";
import type { AsyncCommand } from "../../server/cooker.ts";
import type { SettledBuilds } from "../../cooker/settled.ts";
import type { Executor } from "../../cooker/execute/executor.ts";
import { TaskCooker } from "../../cooker/task_cooker.ts";
import { statePaths } from "../../project/state.ts";
import { type Clock, systemClock } from "../../system/clock.ts";
import { macrotask } from "../../system/macrotask.ts";
import { MemoryLogger } from "../../system/logger.ts";
import type { PlanTasksResult, RunTasksInput } from "../../wire/commands.ts";
import type { EventBody, SimmerEvent } from "../../wire/events.ts";
import { decodeOutput } from "../../wire/output.ts";
import { WireError } from "../../wire/errors.ts";

/** The outcome of a run. */
export interface DirectRun {
  readonly exitCode: number;
  readonly events: readonly SimmerEvent[];
  /** Names of the tasks whose commands were started, in the order of their start. */
  readonly ran: readonly string[];
  /** Names of the tasks that hit the cache. */
  readonly cached: readonly string[];
  /** The stdout of all tasks. */
  readonly stdout: string;
  /** The error if no build was started. */
  readonly error?: WireError;
}

/** A cooker that is driven by method calls. */
export class DirectCooker implements AsyncDisposable {
  readonly log = new MemoryLogger();
  readonly cooker: TaskCooker;
  readonly root: string;
  readonly #idle: (() => unknown)[] = [];
  /** Events that belong to no run. */
  readonly events: EventBody[] = [];
  readonly #running = new Set<AsyncCommand>();
  #seq = 0;

  constructor(
    root: string,
    options: {
      readonly cache?: string | ((env: Readonly<Record<string, string>>) => string);
      readonly clock?: Clock;
      readonly settled?: SettledBuilds;
      readonly executor?: Executor;
    } = {},
  ) {
    this.root = root;
    const clock = options.clock ?? systemClock;
    this.cooker = new TaskCooker({
      root,
      state: statePaths(root),
      cache: options.cache ?? `${root}/.simmer/cache`,
      clock,
      log: this.log,
      ...(options.settled === undefined ? {} : { settled: options.settled }),
      ...(options.executor === undefined ? {} : { executor: options.executor }),
    });
    this.cooker.preServe({
      clock,
      log: this.log,
      registerIdle: (_, idle) => {
        this.#idle.push(idle);
        return { [Symbol.dispose]: () => {} };
      },
      emit: (event) => {
        this.events.push(event);
        return this.#stamp(event);
      },
      hasUIs: () => true,
    });
  }

  /** Does what the server's loop does on a tick. */
  async tick(): Promise<void> {
    for (const idle of this.#idle) idle();
    // A tick may start work that continues in later turns of the event loop.
    await macrotask();
  }

  /** Ticks until there is an event that belongs to no run, at most 10,000 times. */
  async tickUntilEvent(): Promise<void> {
    for (let tick = 0; tick < 10_000 && this.events.length === 0; tick++) await this.tick();
  }

  /** Cancels all runs. */
  cancelAll(): void {
    for (const command of this.#running) command.cancel({ kind: "end" });
  }

  /**
   * Runs tasks to their end, or cancels them at an event.
   *
   * @param told called with each event
   */
  async run(
    tasks: readonly string[],
    more: Partial<RunTasksInput> = {},
    cancelAt?: SimmerEvent["type"],
    told: (event: SimmerEvent) => void = () => {},
  ): Promise<DirectRun> {
    const events: SimmerEvent[] = [];
    const take = (event: SimmerEvent): void => {
      events.push(event);
      told(event);
      if (event.type === cancelAt) queueMicrotask(() => command.cancel({ kind: "end" }));
    };
    let command: AsyncCommand;
    try {
      command = this.#call("runTasks", tasks, more, take) as AsyncCommand;
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      return { exitCode: 5, events, ran: [], cached: [], stdout: "", error };
    }
    this.#running.add(command);
    for (let next = command.step(); next !== false; next = command.step()) {
      assert(next instanceof Promise);
      await next;
    }
    this.#running.delete(command);
    const outcome = command.outcome();
    return {
      exitCode: outcome.kind === "exit" ? outcome.exitCode : 0,
      events,
      ran: events.flatMap((event) => event.type === "TaskStarted" ? event.name : []),
      cached: events.flatMap((event) => event.type === "TaskCached" ? event.name : []),
      stdout: events.map((event) =>
        event.type === "TaskOutput" && event.stream === "stdout"
          ? new TextDecoder().decode(decodeOutput(event))
          : ""
      ).join(""),
    };
  }

  /** Plans a run, without running a task. */
  async plan(
    tasks: readonly string[],
    more: Partial<RunTasksInput> = {},
  ): Promise<PlanTasksResult> {
    return await this.#call("planTasks", tasks, more, () => {}) as PlanTasksResult;
  }

  /** Watches the inputs of tasks. Changes are reported as `InputsChanged` in `events`. */
  watchInputs(tasks: readonly string[], watch: string, build?: string): void {
    const more = { watch, ...(build === undefined ? {} : { build }) };
    this.#call("watchInputs", tasks, more, (event) => this.events.push(event));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.cooker.shutdown(false);
    this.cooker.notifier.stop();
    this.cooker.configNotifier.stop();
    await this.cooker.postServe();
  }

  #call(
    name: string,
    tasks: readonly string[],
    more: object,
    take: (event: SimmerEvent) => void,
  ): unknown {
    const client = { pid: Deno.pid, command: "test" };
    return this.cooker.runCommand({
      name,
      client,
      params: {
        tasks,
        args: [],
        cwd: this.root,
        env: { PATH: Deno.env.get("PATH") ?? "", NO_COLOR: "1" },
        eval: false,
        ifPresent: false,
        force: false,
        denoFlags: [],
        audit: false,
        keepGoing: false,
        detach: false,
        replayLogs: "none",
        watched: false,
        client,
        ...more,
      },
      emit: (body) => {
        const event = this.#stamp(body);
        take(event);
        return { event };
      },
    });
  }

  #stamp(event: EventBody): SimmerEvent {
    return { ...event, seq: ++this.#seq, time: 0 };
  }
}
