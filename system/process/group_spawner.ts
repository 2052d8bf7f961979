/**
 * Starts tasks, each as the leader of its own process group. Uses `posix_spawn` where the platform
 * has it, and the slower `Deno.Command` elsewhere.
 *
 * @module
 */

import { spawnChild } from "./child_process.ts";
import { type GroupProcess, type SpawnOptions, stdinAccess } from "./group_process.ts";
import { PolledProcesses } from "./polled_process.ts";
import { Poller } from "./poller.ts";
import { PosixSpawn } from "./posix_spawn.ts";
import { withUmask } from "./start_attributes.ts";

/** The parts that start and watch processes with `posix_spawn`. */
interface Means {
  readonly start: PosixSpawn;
  readonly poller: Poller;
  readonly processes: PolledProcesses;
}

/** Starts processes. Links the C library when it is first needed. */
export class GroupSpawner implements AsyncDisposable {
  #means: Means | "the runtime's" | undefined;

  /**
   * Starts a process as the leader of its own session and process group.
   *
   * @throws {Deno.errors.NotFound} if the program or the working directory does not exist
   * @throws {Deno.errors.PermissionDenied} if the program may not be run
   * @throws {Error} the system's error if descriptors, memory or processes are used up
   */
  spawn(options: SpawnOptions): GroupProcess {
    const means = this.#opened();
    const { attributes: { umask, prefix = [] } = {}, calledAs, ...rest } = options;
    const [command = options.command, ...args] = [...prefix, options.command, ...options.args];
    const name = calledAs === undefined || prefix.length > 0 ? {} : { calledAs };
    const whole = { ...rest, ...name, command, args };
    return withUmask(
      umask,
      () =>
        means === "the runtime's"
          ? spawnChild(whole)
          : means.processes.adopt(means.start.spawn(whole)),
    );
  }

  /**
   * Returns `true` if a started process can read another process's stdin exactly as that process
   * would. For a file this includes the shared position.
   */
  sharesStdin(source: { readonly fromProcess: number }): boolean {
    // Most clients have a terminal, a pipe or /dev/null. These need no call of the C library, so it
    // is not linked for them.
    if (stdinAccess(source) === "open") return true;
    const means = this.#opened();
    return means !== "the runtime's" && means.start.sharesStdin(source);
  }

  /** Returns `true` if a process's stdin has bytes to read now, and `false` if that is unknown. */
  hasInput(pid: number): boolean {
    const means = this.#opened();
    return means !== "the runtime's" && means.start.hasInput(pid);
  }

  #opened(): Means | "the runtime's" {
    return this.#means ??= openMeans() ?? "the runtime's";
  }

  /**
   * Waits until no read and no exit is pending, then closes the spawner. All started processes must
   * have ended and their output must be closed.
   */
  async close(): Promise<void> {
    const means = this.#means;
    this.#means = undefined;
    if (means === undefined || means === "the runtime's") return;
    await means.poller.close();
    means.start.close();
    means.processes.close();
  }

  /** Calls `close`. */
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
