/**
 * The warden: a small `sh` process that outlives a killed server just long enough to end what the
 * server's tasks left running.
 *
 * The server tells it each process group that begins and ends, and its mark, through a pipe. When
 * the pipe ends (the server is gone, however it went), the warden ends what is left, and itself. A
 * server that ends in good order has nothing left by then.
 *
 * @module
 */

import { type Clock, systemClock } from "../clock.ts";
import { isSystemError } from "../files/files.ts";
import { WARDEN_SCRIPT } from "./warden_script.ts";
import { WritePipe } from "../net/write_pipe.ts";

const encoder = new TextEncoder();

/** How many times a warden is followed by another one; somebody who kills more wants none. */
const MAX_SUCCESSORS = 10;

/** Milliseconds that lines wait for others, where nothing is lost by it: each write wakes it. */
const LATER_MS = 20;

/**
 * Ends process groups when this process is gone.
 *
 * It starts when it is asked to be ready. One that is killed is followed by another one. `close` it
 * when no group is left.
 */
export class Warden implements AsyncDisposable {
  readonly #shell: string;
  readonly #clock: Clock;
  readonly #groups = new Set<number>();
  readonly #marks = new Set<string>();
  #guard: Guard | undefined;
  #successors = MAX_SUCCESSORS;
  #buried: Promise<void> = Promise.resolve();

  /** @param shell a POSIX shell */
  constructor(shell = "/bin/sh", clock: Clock = systemClock) {
    this.#shell = shell;
    this.#clock = clock;
  }

  /** Process id of the warden; `undefined` before it has been asked to be ready and after `close`. */
  get pid(): number | undefined {
    return this.#guard?.pid;
  }

  /** Resolves when what it is told from now on counts, whatever becomes of this process. */
  ready(): Promise<void> {
    this.#guard ??= this.#post();
    return this.#guard.ready;
  }

  /**
   * Says that a process is about to be started: `watch` or `unexpected` follows.
   *
   * @param folder where it will be
   * @param mark the mark that it will carry; all who carry it are in the warden's care at once
   */
  expect(folder: string, mark?: string): void {
    if (mark !== undefined) {
      this.#marks.add(mark);
      this.#guard?.tell(`# ${mark}\n`);
    } else if (!folder.includes("\n")) this.#guard?.tell(`? ${folder}\n`);
  }

  /** Says that there is no such process. */
  unexpected(mark?: string): void {
    if (mark === undefined) this.#guard?.tell("!\n");
    else this.forget(mark);
  }

  /**
   * Takes a process group into its care.
   *
   * @param group the group's id, that is its leader's process id
   * @param mark what all of it carries; it is in the warden's care by that already
   */
  watch(group: number, mark?: string): void {
    this.#groups.add(group);
    if (mark === undefined) this.#guard?.tell(`+ ${group}\n`);
    else this.#guard?.tellSoon(`+ ${group}\n`);
  }

  /** Lets a process group go, and those who carry its mark, because nothing is left of them. */
  release(group: number, mark?: string): void {
    this.#groups.delete(group);
    if (mark !== undefined) this.#marks.delete(mark);
    this.#guard?.tellSoon(mark === undefined ? `- ${group}\n` : `- ${group}\n~ ${mark}\n`);
  }

  /** Lets those who carry a mark go, but for its process group. */
  forget(mark: string): void {
    this.#marks.delete(mark);
    this.#guard?.tellSoon(`~ ${mark}\n`);
  }

  /** Ends the warden; safe to call twice. */
  async close(): Promise<void> {
    const guard = this.#guard;
    this.#guard = undefined;
    await Promise.all([guard?.close(), this.#buried]);
  }

  /** As `close`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #post(): Guard {
    const guard = new Guard(this.#shell, this.#clock, () => this.#replace(guard));
    for (const mark of this.#marks) guard.tell(`# ${mark}\n`);
    for (const group of this.#groups) guard.tell(`+ ${group}\n`);
    return guard;
  }

  /** @param gone one that has ended, which nobody may have asked for */
  #replace(gone: Guard): void {
    if (this.#guard !== gone) return;
    this.#guard = undefined;
    this.#buried = Promise.all([this.#buried, gone.close()]).then(() => {});
    if (this.#groups.size + this.#marks.size === 0 || this.#successors === 0) return;
    this.#successors--;
    try {
      this.#guard = this.#post();
    } catch (error) {
      // Without descriptors or processes there is none: the next task asks for one.
      if (!isSystemError(error)) throw error;
    }
  }
}

/** The warden's process. */
class Guard {
  readonly ready: Promise<void>;
  readonly #child: Deno.ChildProcess;
  /** Absent: its stdin is written instead, and a little later. */
  readonly #pipe: WritePipe | undefined;
  readonly #stdin: WritableStreamDefaultWriter<Uint8Array>;
  #lastWrite: Promise<void> = Promise.resolve();
  readonly #clock: Clock;
  readonly #closing = new AbortController();
  #pending = "";
  #flushing: Promise<void> | undefined;

  /** @param ended is called when the process has ended */
  constructor(shell: string, clock: Clock, ended: () => void) {
    this.#clock = clock;
    using acquired = new DisposableStack();
    this.#pipe = acquired.use(WritePipe.open());
    this.#child = spawnWarden(shell, this.#pipe);
    acquired.move();
    this.#stdin = this.#child.stdin.getWriter();
    this.ready = this.#hear();
    // Nobody reads any more: a full pipe would hold this process up for ever.
    this.#child.status.then(() => {
      this.#pipe?.close();
      ended();
    });
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** Says something, after what is yet to be said. */
  tell(line: string): void {
    const lines = this.#pending + line;
    this.#pending = "";
    if (this.#pipe !== undefined) this.#pipe.write(lines);
    else this.#lastWrite = this.#lastWrite.then(() => this.#send(lines));
  }

  /** Says something together with what is said next, but not later than in {@linkcode LATER_MS}. */
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

  /** A warden that ends at once has nothing to say: the tasks go on without its care. */
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
      // A warden that somebody killed: the tasks go on without its care.
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
