/**
 * Pseudo-terminals for tasks (Linux, glibc). This process owns the master, which it reads like a
 * pipe. The task has the other end.
 *
 * @module
 */

import { linkLibc } from "../libc.ts";
import type { TerminalSize } from "./group_process.ts";

const SYMBOLS = {
  posix_openpt: { parameters: ["i32"], result: "i32" },
  grantpt: { parameters: ["i32"], result: "i32" },
  unlockpt: { parameters: ["i32"], result: "i32" },
  ptsname_r: { parameters: ["i32", "buffer", "usize"], result: "i32" },
  tcgetattr: { parameters: ["i32", "buffer"], result: "i32" },
  tcsetattr: { parameters: ["i32", "i32", "buffer"], result: "i32" },
  ioctl: { parameters: ["i32", "u64", "buffer"], result: "i32" },
  open: { parameters: ["buffer", "i32"], result: "i32" },
  fcntl: { parameters: ["i32", "i32", "i32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

const O_RDWR = 2;
const O_NOCTTY = 0o400;
const O_NONBLOCK = 0o4000;
const O_CLOEXEC = 0o2000000;
const F_SETFL = 4;
const TIOCSWINSZ = 0x5414n;
/** Larger than glibc's `struct termios`. */
const TERMIOS_BYTES = 64;
const OFLAG_OFFSET = 4;
const OPOST = 0x1;
const TCSANOW = 0;
const MAX_NAME_BYTES = 64;

/** Both ends of a pseudo-terminal. The caller owns the descriptors. */
interface PseudoTerminal {
  /** Non-blocking. A read fails with EIO when no process has the other end open any more. */
  readonly master: number;
  readonly slave: number;
}

/** Creates pseudo-terminals. */
export class PseudoTerminals implements Disposable {
  readonly #library: Deno.DynamicLibrary<typeof SYMBOLS>;

  private constructor(library: Deno.DynamicLibrary<typeof SYMBOLS>) {
    this.#library = library;
  }

  /**
   * Links the C library.
   *
   * @returns `undefined` on platforms other than Linux and with a C library other than glibc
   */
  static open(): PseudoTerminals | undefined {
    const library = linkLibc(SYMBOLS);
    return library === undefined ? undefined : new PseudoTerminals(library);
  }

  /**
   * Creates a pseudo-terminal whose output is not processed (`-opost`): the master reads what the
   * task writes, as from a pipe, and reads it several times faster.
   *
   * @returns `undefined` if all are in use (`kernel.pty.max`), or if descriptors are used up
   */
  create(size: TerminalSize): PseudoTerminal | undefined {
    const { symbols } = this.#library;
    const master = symbols.posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (master < 0) return undefined;
    const slave = this.#openSlave(master);
    if (slave === undefined) {
      symbols.close(master);
      return undefined;
    }
    this.#resize(master, size);
    const termios = new Uint8Array(new ArrayBuffer(TERMIOS_BYTES));
    symbols.tcgetattr(master, termios);
    const view = new DataView(termios.buffer);
    view.setUint32(OFLAG_OFFSET, view.getUint32(OFLAG_OFFSET, true) & ~OPOST, true);
    symbols.tcsetattr(master, TCSANOW, termios);
    symbols.fcntl(master, F_SETFL, O_RDWR | O_NONBLOCK);
    return { master, slave };
  }

  /** Closes the library. Pseudo-terminals stay open. */
  close(): void {
    this.#library.close();
  }

  /** Calls `close`. */
  [Symbol.dispose](): void {
    this.close();
  }

  #openSlave(master: number): number | undefined {
    const { symbols } = this.#library;
    const name = new Uint8Array(new ArrayBuffer(MAX_NAME_BYTES));
    const isNamed = symbols.grantpt(master) === 0 && symbols.unlockpt(master) === 0 &&
      symbols.ptsname_r(master, name, BigInt(MAX_NAME_BYTES)) === 0;
    const slave = isNamed ? symbols.open(name, O_RDWR | O_NOCTTY | O_CLOEXEC) : -1;
    return slave < 0 ? undefined : slave;
  }

  #resize(master: number, { columns, rows }: TerminalSize): void {
    const size = new Uint8Array(new Uint16Array([rows, columns, 0, 0]).buffer);
    this.#library.symbols.ioctl(master, TIOCSWINSZ, size);
  }
}
