/**
 * Starting tasks, each as the leader of a process group of its own, in the quickest way that the
 * platform has.
 *
 * @module
 */

import { spawnChild } from "./child_process.ts";
import { type GroupProcess, type SpawnOptions, stdinPath } from "./group_process.ts";
import { PolledProcesses } from "./polled_process.ts";
import { Poller } from "./poller.ts";
import { PosixSpawn } from "./posix_spawn.ts";

/** What processes are started and looked after with, where the platform has it. */
interface Means {
  readonly start: PosixSpawn;
  readonly poller: Poller;
  readonly processes: PolledProcesses;
}

/** Starts processes. */
export class GroupSpawner implements AsyncDisposable {
  #means: Means | "the runtime's" | undefined;

  /**
   * Starts a process as the leader of a session and a process group of its own.
   *
   * @throws {Deno.errors.NotFound} where there is no such program or working directory
   * @throws {Deno.errors.PermissionDenied} where it may not be run
   * @throws {Error} the system's, where descriptors, memory or processes are used up
   */
  spawn(options: SpawnOptions): GroupProcess {
    const means = this.#means ??= openMeans() ?? "the runtime's";
    if (means === "the runtime's") return spawnChild(options);
    const spawned = means.start.spawn({ ...options, stdin: stdinPath(options.stdin) });
    return means.processes.adopt(spawned);
  }

  /** Closes it when all that it has started has ended, and its output is closed. */
  async close(): Promise<void> {
    const means = this.#means;
    this.#means = undefined;
    if (means === undefined || means === "the runtime's") return;
    await means.poller.close();
    means.start.close();
    means.processes.close();
  }

  /** As `close`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

function openMeans(): Means | undefined {
  using acquired = new DisposableStack();
  const start = acquired.use(PosixSpawn.open());
  const poller = Poller.open();
  if (start === undefined || poller === undefined) return undefined;
  acquired.defer(() => poller.abandon());
  const processes = acquired.use(PolledProcesses.open(poller));
  if (processes === undefined) return undefined;
  acquired.move();
  return { start, poller, processes };
}
