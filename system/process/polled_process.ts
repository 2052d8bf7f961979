/**
 * A process that was started by `posix_spawn`, seen through descriptors that are polled (Linux).
 *
 * @module
 */

import type { ExitStatus, GroupProcess, PipeSource } from "./group_process.ts";
import { linkLibc } from "../libc.ts";
import type { Poller } from "./poller.ts";
import type { Spawned } from "./posix_spawn.ts";
import { groupAlive } from "./processes.ts";

const SYMBOLS = {
  read: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  close: { parameters: ["i32"], result: "i32" },
  kill: { parameters: ["i32", "i32"], result: "i32" },
  syscall: { parameters: ["isize", "isize", "isize"], result: "isize" },
  waitpid: { parameters: ["i32", "buffer", "i32"], result: "i32" },
  waitLong: {
    name: "waitpid",
    parameters: ["i32", "buffer", "i32"],
    result: "i32",
    nonblocking: true,
  },
} as const satisfies Deno.ForeignLibraryInterface;

/** The same number on every processor; older C libraries have no name for it. */
const SYS_PIDFD_OPEN = 434n;
const WNOHANG = 1;

/** The names of signals by their numbers, from 1. */
const SIGNALS = ("SIGHUP SIGINT SIGQUIT SIGILL SIGTRAP SIGABRT SIGBUS SIGFPE SIGKILL SIGUSR1 " +
  "SIGSEGV SIGUSR2 SIGPIPE SIGALRM SIGTERM SIGSTKFLT SIGCHLD SIGCONT SIGSTOP SIGTSTP SIGTTIN " +
  "SIGTTOU SIGURG SIGXCPU SIGXFSZ SIGVTALRM SIGPROF SIGWINCH SIGIO SIGPWR SIGSYS").split(" ");

/** Looks after processes. */
export class PolledProcesses implements Disposable {
  readonly #library: Deno.DynamicLibrary<typeof SYMBOLS>;
  readonly #poller: Poller;

  private constructor(library: Deno.DynamicLibrary<typeof SYMBOLS>, poller: Poller) {
    this.#library = library;
    this.#poller = poller;
  }

  /** @returns `undefined` on other platforms than Linux, and where the C library is another one */
  static open(poller: Poller): PolledProcesses | undefined {
    const library = linkLibc(SYMBOLS);
    return library === undefined ? undefined : new PolledProcesses(library, poller);
  }

  /**
   * Looks after a process.
   *
   * @param spawned its descriptors are this object's from now on
   */
  adopt({ pid, stdout, stderr }: Spawned): GroupProcess {
    const descriptor = Number(
      this.#library.symbols.syscall(SYS_PIDFD_OPEN, BigInt(pid), 0n),
    );
    return {
      pid,
      stdout: new PolledPipe(this.#library, this.#poller, stdout),
      stderr: new PolledPipe(this.#library, this.#poller, stderr),
      exit: descriptor < 0 ? this.#waitInThread(pid) : this.#wait(pid, descriptor),
      // Deno's own answer to a signal that nobody gets is an exception, for each task that ends.
      groupIsAlive: () => this.#library.symbols.kill(-pid, 0) === 0 && groupAlive(pid),
    };
  }

  /** Looks after nobody any more. */
  close(): void {
    this.#library.close();
  }

  /** As `close`. */
  [Symbol.dispose](): void {
    this.close();
  }

  async #wait(pid: number, descriptor: number): Promise<ExitStatus> {
    const { symbols } = this.#library;
    const isSeen = await this.#poller.readable(descriptor);
    this.#poller.forget(descriptor);
    symbols.close(descriptor);
    if (!isSeen) return await this.#waitInThread(pid);
    const status = statusCell();
    symbols.waitpid(pid, status, WNOHANG);
    return statusOf(status);
  }

  /** Where the kernel has no descriptors of processes, or none is left. */
  async #waitInThread(pid: number): Promise<ExitStatus> {
    const status = statusCell();
    while (await this.#library.symbols.waitLong(pid, status, 0) !== pid);
    return statusOf(status);
  }
}

/** The reading end of a pipe. */
class PolledPipe implements PipeSource {
  readonly #library: Deno.DynamicLibrary<typeof SYMBOLS>;
  readonly #poller: Poller;
  readonly #descriptor: number;
  #isClosed = false;

  constructor(library: Deno.DynamicLibrary<typeof SYMBOLS>, poller: Poller, descriptor: number) {
    this.#library = library;
    this.#poller = poller;
    this.#descriptor = descriptor;
  }

  async read(buffer: ArrayBuffer): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const bytes = new Uint8Array(buffer);
    const size = BigInt(bytes.length);
    while (!this.#isClosed && await this.#poller.readable(this.#descriptor)) {
      // Closed meanwhile, its number may be another descriptor's.
      if (this.#isClosed) return undefined;
      const count = Number(this.#library.symbols.read(this.#descriptor, bytes, size));
      if (count > 0) return bytes.subarray(0, count);
      // Less than nothing: somebody else has read it, or a signal came.
      if (count === 0) break;
    }
    await this.close();
    return undefined;
  }

  close(): Promise<void> {
    if (!this.#isClosed) {
      this.#isClosed = true;
      this.#poller.forget(this.#descriptor);
      this.#library.symbols.close(this.#descriptor);
    }
    return Promise.resolve();
  }
}

function statusCell(): Uint8Array<ArrayBuffer> {
  return new Uint8Array(new ArrayBuffer(4));
}

function statusOf(cell: Uint8Array<ArrayBuffer>): ExitStatus {
  const status = new DataView(cell.buffer).getInt32(0, true);
  const number = status & 0x7f;
  if (number === 0) return { code: (status >> 8) & 0xff };
  const signal = SIGNALS[number - 1];
  return { code: 128 + number, ...(signal === undefined ? {} : { signal }) };
}
