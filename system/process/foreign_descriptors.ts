/**
 * Duplicates descriptors of other processes of the same user with `pidfd_getfd` (Linux 5.6).
 *
 * A duplicate behaves like a descriptor that a child inherits. It shares the file's position, and
 * it works for sockets, which cannot be opened by name. The kernel refuses if this process may not
 * trace the other one: under Yama's `ptrace_scope`, or in a container whose seccomp filter forbids
 * it.
 *
 * @module
 */

import { linkLibc } from "../libc.ts";

const SYMBOLS = {
  syscall: { parameters: ["i64", "i64", "i64", "i64"], result: "i64" },
  ioctl: { parameters: ["i32", "u64", "buffer"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

/** System calls that have the same number on every processor. */
const PIDFD_OPEN = 434n;
const PIDFD_GETFD = 438n;
const FIONREAD = 0x541bn;
const O_CLOEXEC = 0o2000000;

/** Duplicates and inspects descriptors of other processes. */
export class ForeignDescriptors implements Disposable {
  readonly #library: Deno.DynamicLibrary<typeof SYMBOLS>;

  private constructor(library: Deno.DynamicLibrary<typeof SYMBOLS>) {
    this.#library = library;
  }

  /**
   * Links the C library.
   *
   * @returns `undefined` on platforms other than Linux and with a C library other than glibc
   */
  static open(): ForeignDescriptors | undefined {
    const library = linkLibc(SYMBOLS);
    return library === undefined ? undefined : new ForeignDescriptors(library);
  }

  /**
   * Duplicates another process's descriptor, close-on-exec.
   *
   * @returns a descriptor that the caller owns; `undefined` if the kernel refuses, or if the
   *   process or the descriptor does not exist
   */
  take(pid: number, descriptor: number): number | undefined {
    const { syscall, close } = this.#library.symbols;
    const process = Number(syscall(PIDFD_OPEN, BigInt(pid), 0n, 0n));
    if (process < 0) return undefined;
    const taken = Number(syscall(PIDFD_GETFD, BigInt(process), BigInt(descriptor), 0n));
    close(process);
    return taken < 0 ? undefined : taken;
  }

  /** Returns `true` if another process's descriptor can be duplicated. */
  canTake(pid: number, descriptor: number): boolean {
    const taken = this.take(pid, descriptor);
    if (taken === undefined) return false;
    this.#library.symbols.close(taken);
    return true;
  }

  /**
   * Returns `true` if another process's descriptor has bytes to read now: a pipe or a socket with
   * data, or a file before its end.
   */
  hasInput(pid: number, descriptor: number): boolean {
    const taken = this.take(pid, descriptor);
    if (taken === undefined) return false;
    const count = new Int32Array(new ArrayBuffer(4));
    const error = this.#library.symbols.ioctl(taken, FIONREAD, new Uint8Array(count.buffer));
    this.#library.symbols.close(taken);
    return error === 0 && (count[0] ?? 0) !== 0;
  }

  /** Closes the library. Descriptors that were taken stay open. */
  close(): void {
    this.#library.close();
  }

  /** Calls `close`. */
  [Symbol.dispose](): void {
    this.close();
  }
}

/**
 * Returns `true` if a process's stdout and stderr are the same pipe, file or terminal.
 *
 * @returns `false` if that is unknown, as on platforms other than Linux
 */
export function hasOneOutput(pid: number): boolean {
  try {
    const [stdout, stderr] = [1, 2].map((each) => Deno.statSync(`/proc/${pid}/fd/${each}`));
    return stdout?.dev === stderr?.dev && stdout?.ino === stderr?.ino;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    if (error instanceof Deno.errors.PermissionDenied) return false;
    throw error;
  }
}

/**
 * Returns the path of the terminal that is a process's stdin and stdout, if the process is in its
 * foreground.
 *
 * @returns `undefined` if there is none, or if that is unknown, as on platforms other than Linux
 */
export function foregroundTerminal(pid: number): string | undefined {
  try {
    const [stdin, stdout] = [0, 1].map((each) => Deno.readLinkSync(`/proc/${pid}/fd/${each}`));
    return stdin === stdout && isForegroundGroup(pid) ? stdin : undefined;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    if (error instanceof Deno.errors.PermissionDenied) return undefined;
    throw error;
  }
}

/**
 * Returns `true` if a process is in the foreground of its terminal, or if that is unknown, as on
 * platforms other than Linux.
 */
export function isInForeground(pid: number): boolean {
  try {
    return isForegroundGroup(pid);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return true;
    if (error instanceof Deno.errors.PermissionDenied) return true;
    throw error;
  }
}

function isForegroundGroup(pid: number): boolean {
  const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
  const [, , group, , , foreground] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return group === foreground;
}

/**
 * Returns `true` if the programs that a process starts inherit the given descriptor from it.
 *
 * @returns `false` if the process has ended, or does not expose its descriptors
 */
export function isInheritable(pid: number, descriptor: number): boolean {
  try {
    const info = Deno.readTextFileSync(`/proc/${pid}/fdinfo/${descriptor}`);
    return (parseInt(/^flags:\s*(\d+)/m.exec(info)?.[1] ?? "", 8) & O_CLOEXEC) === 0;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    if (error instanceof Deno.errors.PermissionDenied) return false;
    throw error;
  }
}
