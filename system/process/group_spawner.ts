/**
 * Starting tasks, each as the leader of a process group of its own, in the quickest way that the
 * platform has.
 *
 * @module
 */

import { spawnChild } from "./child_process.ts";
import { type GroupProcess, type SpawnOptions, stdinAccess } from "./group_process.ts";
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
    const means = this.#opened();
    if (means === "the runtime's") return spawnChild(options);
    return means.processes.adopt(means.start.spawn(options));
  }

  /**
   * Whether a process that is started can read another one's stdin as that process does: a file from
   * its position, which is shared.
   */
  sharesStdin(source: { readonly fromProcess: number }): boolean {
    // Most clients have a terminal, a pipe or /dev/null, for which nothing has to be linked.
    if (stdinAccess(source) === "open") return true;
    const means = this.#opened();
    return means !== "the runtime's" && means.start.sharesStdin(source);
  }

  /** Whether a process's stdin has bytes to read now; `false` if that is unknown. */
  hasInput(pid: number): boolean {
    const means = this.#opened();
    return means !== "the runtime's" && means.start.hasInput(pid);
  }

  #opened(): Means | "the runtime's" {
    return this.#means ??= openMeans() ?? "the runtime's";
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
