/**
 * Runs the warden: a small `sh` process that outlives a killed server just long enough to end what
 * the server's tasks left running.
 *
 * The server sends it each process group that begins or ends, and each tag, through a pipe. The
 * pipe closes when the server ends, even if it was killed. The warden then ends the remaining
 * processes and exits. After a graceful shutdown no processes remain.
 *
 * @module
 */

import { type Clock, systemClock } from "../clock.ts";
import { isSystemError } from "../files/files.ts";
import { WARDEN_SCRIPT } from "./warden_script.ts";
import { WritePipe } from "../net/write_pipe.ts";

const encoder = new TextEncoder();

/**
 * Maximum number of times that a killed warden process is replaced. A user who kills it more often
 * does not want one.
 */
const MAX_SUCCESSORS = 10;

/**
 * Milliseconds for which lines that are not urgent are collected. Each write wakes the warden
 * process.
 */
const LATER_MS = 20;

/**
 * Ends process groups when this process has ended.
 *
 * The warden process starts at the first call of `ready`. It is replaced if it is killed. Call
 * `close` when no group is left.
 */
export class Warden implements AsyncDisposable {
  readonly #shell: string;
  readonly #clock: Clock;
  readonly #groups = new Set<number>();
  readonly #tags = new Set<string>();
  #guard: Guard | undefined;
  #successors = MAX_SUCCESSORS;
  #buried: Promise<void> = Promise.resolve();

  /** @param shell a POSIX shell */
  constructor(shell = "/bin/sh", clock: Clock = systemClock) {
    this.#shell = shell;
    this.#clock = clock;
  }

  /**
   * The id of the warden process; `undefined` before the first call of `ready` and after `close`.
   */
  get pid(): number | undefined {
    return this.#guard?.pid;
  }

  /**
   * Starts the warden process if there is none. Resolves when every later message takes effect,
   * even if this process is killed afterwards.
   */
  ready(): Promise<void> {
    this.#guard ??= this.#post();
    return this.#guard.ready;
  }

  /**
   * Announces that a process is about to be started. A call of `watch` or `unexpected` must follow.
   *
   * @param folder the working directory of the process
   * @param tag the tag that the process will carry; from now on, all processes that carry it are
   *   among those that the warden ends
   */
  expect(folder: string, tag?: string): void {
    if (tag !== undefined) {
      this.#tags.add(tag);
      this.#guard?.tell(`# ${tag}\n`);
    } else if (!folder.includes("\n")) this.#guard?.tell(`? ${folder}\n`);
  }

  /** Reports that the announced process was not started. */
  unexpected(tag?: string): void {
    if (tag === undefined) this.#guard?.tell("!\n");
    else this.forget(tag);
  }

  /**
   * Adds a process group to those that the warden ends.
   *
   * @param group the group's id, which is the process id of its leader
   * @param tag the tag that all of its processes carry; the warden already finds them by it, so
   *   this message is not urgent
   */
  watch(group: number, tag?: string): void {
    this.#groups.add(group);
    if (tag === undefined) this.#guard?.tell(`+ ${group}\n`);
    else this.#guard?.tellSoon(`+ ${group}\n`);
  }

  /** Removes a process group and its tag, because none of its processes is left. */
  release(group: number, tag?: string): void {
    this.#groups.delete(group);
    if (tag !== undefined) this.#tags.delete(tag);
    this.#guard?.tellSoon(tag === undefined ? `- ${group}\n` : `- ${group}\n~ ${tag}\n`);
  }

  /** Removes a tag, but not its process group. */
  forget(tag: string): void {
    this.#tags.delete(tag);
    this.#guard?.tellSoon(`~ ${tag}\n`);
  }

  /** Ends the warden process. Safe to call twice. */
  async close(): Promise<void> {
    const guard = this.#guard;
    this.#guard = undefined;
    await Promise.all([guard?.close(), this.#buried]);
  }

  /** Calls `close`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #post(): Guard {
    const guard = new Guard(this.#shell, this.#clock, () => this.#replace(guard));
    for (const tag of this.#tags) guard.tell(`# ${tag}\n`);
    for (const group of this.#groups) guard.tell(`+ ${group}\n`);
    return guard;
  }

  /**
   * Replaces a warden process that has ended, unless `close` has asked it to end.
   *
   * @param gone the process that has ended
   */
  #replace(gone: Guard): void {
    if (this.#guard !== gone) return;
    this.#guard = undefined;
    this.#buried = Promise.all([this.#buried, gone.close()]).then(() => {});
    if (this.#groups.size + this.#tags.size === 0 || this.#successors === 0) return;
    this.#successors--;
    try {
      this.#guard = this.#post();
    } catch (error) {
      // Descriptors or processes are used up. The next task starts a warden process by `ready`.
      if (!isSystemError(error)) throw error;
    }
  }
}

/** The warden process and the pipe to it. */
class Guard {
  readonly ready: Promise<void>;
  readonly #child: Deno.ChildProcess;
  /**
   * A pipe with synchronous writes. If there is none, stdin is written instead, with a small delay.
   */
  readonly #pipe: WritePipe | undefined;
  readonly #stdin: WritableStreamDefaultWriter<Uint8Array>;
  #lastWrite: Promise<void> = Promise.resolve();
  readonly #clock: Clock;
  readonly #closing = new AbortController();
  #pending = "";
  #flushing: Promise<void> | undefined;

  /** @param ended called when the process has ended */
  constructor(shell: string, clock: Clock, ended: () => void) {
    this.#clock = clock;
    using acquired = new DisposableStack();
    this.#pipe = acquired.use(WritePipe.open());
    this.#child = spawnWarden(shell, this.#pipe);
    acquired.move();
    this.#stdin = this.#child.stdin.getWriter();
    this.ready = this.#hear();
    // The pipe has no reader any more. Writing to it would block this process for ever once it is
    // full.
    this.#child.status.then(() => {
      this.#pipe?.close();
      ended();
    });
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** Sends a line at once, after the lines that are still pending. */
  tell(line: string): void {
    const lines = this.#pending + line;
    this.#pending = "";
    if (this.#pipe !== undefined) this.#pipe.write(lines);
    else this.#lastWrite = this.#lastWrite.then(() => this.#send(lines));
  }

  /** Queues a line. It is sent with the next line, after {@linkcode LATER_MS} at the latest. */
  tellSoon(line: string): void {
    this.#pending += line;
    this.#flushing ??= this.#clock.sleep(LATER_MS, this.#closing.signal).then(() => {
      this.#flushing = undefined;
      if (this.#pending !== "") this.tell("");
    });
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#flushing;
    await this.ready;
    this.#child.ref();
    this.#pipe?.close();
    await this.#lastWrite;
    try {
      await this.#stdin.close();
    } catch (error) {
      if (!isGone(error)) throw error;
    }
    await this.#child.status;
  }

  /**
   * Waits until the warden process reports that it is ready. If it ends at once, stdout closes and
   * tasks run without a warden.
   */
  async #hear(): Promise<void> {
    const reader = this.#child.stdout.getReader();
    await reader.read();
    await reader.cancel();
    this.#child.unref();
  }

  async #send(line: string): Promise<void> {
    try {
      await this.#stdin.write(encoder.encode(line));
    } catch (error) {
      // The warden process was killed. Tasks run without it.
      if (!isGone(error)) throw error;
    }
  }
}

function spawnWarden(shell: string, pipe: WritePipe | undefined): Deno.ChildProcess {
  return new Deno.Command(shell, {
    args: ["-c", WARDEN_SCRIPT, shell, pipe?.path ?? "", String(Deno.pid)],
    detached: true,
    cwd: "/",
    clearEnv: true,
    env: { PATH: "/usr/bin:/bin" },
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
}

function isGone(error: unknown): boolean {
  return error instanceof Deno.errors.BrokenPipe || error instanceof TypeError;
}
