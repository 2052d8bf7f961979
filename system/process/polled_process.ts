/**
 * Watches processes that `posix_spawn` started (Linux). Their exit and their output are awaited by
 * polling descriptors, so that no thread is blocked for each process.
 *
 * @module
 */

import type { ExitStatus, GroupProcess, PipeSource } from "./group_process.ts";
import { ERRNO_SYMBOLS, errnoOf, linkLibc } from "../libc.ts";
import type { MasterTerminal } from "./pseudo_terminal.ts";
import type { Poller } from "./poller.ts";
import type { Spawned } from "./posix_spawn.ts";
import { groupAlive } from "./processes.ts";

const SYMBOLS = {
  read: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  close: { parameters: ["i32"], result: "i32" },
  poll: { parameters: ["buffer", "u64", "i32"], result: "i32" },
  kill: { parameters: ["i32", "i32"], result: "i32" },
  syscall: { parameters: ["isize", "isize", "isize"], result: "isize" },
  waitpid: { parameters: ["i32", "buffer", "i32"], result: "i32" },
  waitLong: {
    name: "waitpid",
    parameters: ["i32", "buffer", "i32"],
    result: "i32",
    nonblocking: true,
  },
  ...ERRNO_SYMBOLS,
} as const satisfies Deno.ForeignLibraryInterface;

/** Has the same number on every processor. Older C libraries have no function for it. */
const SYS_PIDFD_OPEN = 434n;
const WNOHANG = 1;
const EINTR = 4;
const ECHILD = 10;
const EAGAIN = 11;
/** The exit code of a process that other code has collected. */
const UNKNOWN_CODE = 255;

/** Names of the signals in the order of their numbers, starting with 1. */
const SIGNALS = ("SIGHUP SIGINT SIGQUIT SIGILL SIGTRAP SIGABRT SIGBUS SIGFPE SIGKILL SIGUSR1 " +
  "SIGSEGV SIGUSR2 SIGPIPE SIGALRM SIGTERM SIGSTKFLT SIGCHLD SIGCONT SIGSTOP SIGTSTP SIGTTIN " +
  "SIGTTOU SIGURG SIGXCPU SIGXFSZ SIGVTALRM SIGPROF SIGWINCH SIGIO SIGPWR SIGSYS").split(" ");

/** Turns processes that were started into {@linkcode GroupProcess} handles. */
export class PolledProcesses implements Disposable {
  readonly #library: Deno.DynamicLibrary<typeof SYMBOLS>;
  readonly #poller: Poller;

  private constructor(library: Deno.DynamicLibrary<typeof SYMBOLS>, poller: Poller) {
    this.#library = library;
    this.#poller = poller;
  }

  /**
   * Links the C library.
   *
   * @returns `undefined` on platforms other than Linux and with a C library other than glibc
   */
  static open(poller: Poller): PolledProcesses | undefined {
    const library = linkLibc(SYMBOLS);
    return library === undefined ? undefined : new PolledProcesses(library, poller);
  }

  /**
   * Starts to watch a process.
   *
   * @param spawned its descriptors are owned by this object from now on
   */
  adopt({ pid, stdout, stderr, terminal, lacksTerminal }: Spawned): GroupProcess {
    const descriptor = Number(
      this.#library.symbols.syscall(SYS_PIDFD_OPEN, BigInt(pid), 0n),
    );
    return {
      pid,
      stdout: new PolledPipe(this.#library, this.#poller, stdout, terminal),
      ...(stderr === undefined
        ? {}
        : { stderr: new PolledPipe(this.#library, this.#poller, stderr) }),
      ...(terminal === undefined ? {} : { terminal }),
      lacksTerminal,
      exit: descriptor < 0 ? this.#waitInThread(pid) : this.#wait(pid, descriptor),
      // Ask the C library first. `Deno.kill` throws if the group is gone, which would cost an
      // exception for every task that ends.
      groupIsAlive: () => this.#library.symbols.kill(-pid, 0) === 0 && groupAlive(pid),
    };
  }

  /** Closes the library. No process may be watched any more. */
  close(): void {
    this.#library.close();
  }

  /** Calls `close`. */
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

  /**
   * Waits in a thread. Used if the kernel has no process descriptors, or if descriptors are used
   * up.
   */
  async #waitInThread(pid: number): Promise<ExitStatus> {
    const status = statusCell();
    while (await this.#library.symbols.waitLong(pid, status, 0) !== pid) {
      // The error number belongs to the thread that has waited. Ask anew: without this child
      // (ECHILD), as if other code had collected it, its exit code is unknown.
      const again = this.#library.symbols.waitpid(pid, status, WNOHANG);
      if (again === pid) break;
      if (again < 0 && errnoOf(this.#library.symbols) === ECHILD) return { code: UNKNOWN_CODE };
    }
    return statusOf(status);
  }
}

/**
 * Limit of reads for one piece. A pseudo-terminal gives at most 4 KB in one read, however much there
 * is.
 */
const MAX_READS = 64;
/** Bytes in one piece from which on a task counts as one that prints much. */
const BULK_BYTES = 4000;
/** Milliseconds to wait for more of a bulk output, and for all of one piece. */
const REFILL_MS = 1;
const MAX_PIECE_MS = 4;
const POLLIN = 1;

/** The read end of a pipe, or the master of a pseudo-terminal. */
class PolledPipe implements PipeSource {
  readonly #library: Deno.DynamicLibrary<typeof SYMBOLS>;
  readonly #poller: Poller;
  readonly #descriptor: number;
  readonly #terminal: MasterTerminal | undefined;
  #isClosed = false;

  constructor(
    library: Deno.DynamicLibrary<typeof SYMBOLS>,
    poller: Poller,
    descriptor: number,
    terminal?: MasterTerminal,
  ) {
    this.#library = library;
    this.#poller = poller;
    this.#descriptor = descriptor;
    this.#terminal = terminal;
  }

  async read(buffer: ArrayBuffer): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const bytes = new Uint8Array(buffer);
    while (!this.#isClosed && await this.#poller.readable(this.#descriptor)) {
      // After `close`, the number may already belong to another descriptor.
      if (this.#isClosed) return undefined;
      const count = this.#readInto(bytes);
      if (count > 0) return bytes.subarray(0, count);
      // A negative count: another process has read the bytes (EAGAIN), or a signal interrupted the
      // call (EINTR). Any other error is lasting, such as EIO, and ends the pipe.
      if (count === 0 || !isPassing(errnoOf(this.#library.symbols))) break;
    }
    await this.close();
    return undefined;
  }

  /** Reads until nothing is left. Returns the result of the first read if that reads nothing. */
  #readInto(bytes: Uint8Array<ArrayBuffer>): number {
    let length = 0;
    let deadline = 0;
    for (let reads = 0; reads < MAX_READS && length < bytes.length; reads++) {
      const rest = bytes.subarray(length);
      const { read } = this.#library.symbols;
      const count = Number(read(this.#descriptor, rest, BigInt(rest.length)));
      if (count <= 0) {
        if (length < BULK_BYTES) return length === 0 ? count : length;
        deadline ||= performance.now() + MAX_PIECE_MS;
        if (performance.now() > deadline || !this.#hasMoreSoon()) return length;
        continue;
      }
      length += count;
      if (this.#terminal === undefined) break;
    }
    return length;
  }

  /**
   * Waits for more output of a task that prints much. The kernel refills the buffer of a
   * pseudo-terminal within microseconds; a turn of the poller takes a hundred times as long.
   */
  #hasMoreSoon(): boolean {
    const poll = new DataView(new ArrayBuffer(8));
    poll.setInt32(0, this.#descriptor, true);
    poll.setInt16(4, POLLIN, true);
    return this.#library.symbols.poll(new Uint8Array(poll.buffer), 1n, REFILL_MS) > 0;
  }

  close(): Promise<void> {
    if (!this.#isClosed) {
      this.#isClosed = true;
      this.#terminal?.close();
      this.#poller.forget(this.#descriptor);
      this.#library.symbols.close(this.#descriptor);
    }
    return Promise.resolve();
  }
}

function isPassing(errno: number): boolean {
  return errno === EAGAIN || errno === EINTR;
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
