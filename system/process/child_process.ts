/**
 * Starts a task's process with `Deno.Command`. This works on every platform. `GroupSpawner` uses it
 * if the faster `posix_spawn` is not available.
 *
 * @module
 */

import {
  type GroupProcess,
  type PipeSource,
  type SpawnOptions,
  stdinPath,
} from "./group_process.ts";
import { groupAlive } from "./processes.ts";

/**
 * Starts a process as the leader of its own session and process group. The runtime forks this
 * process for that, which takes 1 ms if this process is small and 15 ms if it holds 400 MB. Its
 * output is always two pipes.
 *
 * @throws {Deno.errors.NotFound} if the program or the working directory does not exist
 * @throws {Deno.errors.PermissionDenied} if the program may not be run
 */
export function spawnChild(options: SpawnOptions): GroupProcess {
  const [command, args] = withStdin(options);
  const child = new Deno.Command(command, {
    args,
    cwd: options.cwd,
    clearEnv: true,
    env: { ...options.env },
    detached: true,
    stdin: options.stdin === "inherited" ? "inherit" : "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  return {
    pid: child.pid,
    stdout: new StreamSource(child.stdout),
    stderr: new StreamSource(child.stderr),
    lacksTerminal: false,
    exit: child.status.then(({ code, signal }) => signal === null ? { code } : { code, signal }),
    groupIsAlive: () => groupAlive(child.pid),
  };
}

/**
 * Wraps a command in a shell if its stdin comes from another process or from a descriptor. The
 * shell opens that stdin in `/proc` and replaces itself with the program by `exec`, so the process
 * id stays the same.
 */
function withStdin({ command, args, stdin }: SpawnOptions): [string, string[]] {
  if (typeof stdin === "string") return [command, [...args]];
  const path = "descriptor" in stdin
    ? stdinPath(Deno.pid, stdin.descriptor)
    : stdinPath(stdin.fromProcess);
  return ["/bin/sh", ["-c", 'exec "$@" < "$0"', path, command, ...args]];
}

/** A pipe that is read through the runtime's streams. */
class StreamSource implements PipeSource {
  readonly #reader: ReadableStreamBYOBReader;

  constructor(stream: ReadableStream<Uint8Array>) {
    this.#reader = stream.getReader({ mode: "byob" });
  }

  async read(buffer: ArrayBuffer): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const { value, done } = await this.#reader.read(new Uint8Array(buffer));
    return done ? undefined : value;
  }

  async close(): Promise<void> {
    await this.#reader.cancel();
  }
}
