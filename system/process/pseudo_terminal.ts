/**
 * Pseudo-terminals for tasks (Linux, glibc). This process owns the master, which it reads like a
 * pipe. The task has the other end.
 *
 * @module
 */

import { ERRNO_SYMBOLS, errnoOf, linkLibc } from "../libc.ts";
import type {
  SignalKey,
  TaskTerminal,
  TerminalOutput,
  TerminalSize,
  TypedSignal,
} from "./group_process.ts";

const SYMBOLS = {
  posix_openpt: { parameters: ["i32"], result: "i32" },
  grantpt: { parameters: ["i32"], result: "i32" },
  unlockpt: { parameters: ["i32"], result: "i32" },
  ptsname_r: { parameters: ["i32", "buffer", "usize"], result: "i32" },
  tcgetattr: { parameters: ["i32", "buffer"], result: "i32" },
  tcsetattr: { parameters: ["i32", "i32", "buffer"], result: "i32" },
  tcgetpgrp: { parameters: ["i32"], result: "i32" },
  ioctl: { parameters: ["i32", "u64", "buffer"], result: "i32" },
  ioctlNumber: { name: "ioctl", parameters: ["i32", "u64", "usize"], result: "i32" },
  open: { parameters: ["buffer", "i32"], result: "i32" },
  fcntl: { parameters: ["i32", "i32", "i32"], result: "i32" },
  write: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  close: { parameters: ["i32"], result: "i32" },
  ...ERRNO_SYMBOLS,
} as const satisfies Deno.ForeignLibraryInterface;

type Library = Deno.DynamicLibrary<typeof SYMBOLS>;

const O_RDWR = 2;
const O_NOCTTY = 0o400;
const O_NONBLOCK = 0o4000;
const O_CLOEXEC = 0o2000000;
const F_SETFL = 4;
const TIOCSWINSZ = 0x5414n;
/** Opens the slave of a master. */
const TIOCGPTPEER = 0x5441n;
const TCFLSH = 0x540Bn;
const TCIFLUSH = 0n;
const EINTR = 4;
const EAGAIN = 11;
const TCSANOW = 0;
const MAX_NAME_BYTES = 64;

/** Larger than glibc's `struct termios`, whose members begin at these offsets. */
const TERMIOS_BYTES = 64;
const OFLAG_OFFSET = 4;
const LFLAG_OFFSET = 12;
const CC_OFFSET = 17;
const OPOST = 0x1;
const ISIG = 0x1;
const ICANON = 0x2;
const ECHO = 0x8;
const NOFLSH = 0x80;
const ECHOCTL = 0x200;

/** Signals of keys, with the index of the key among the control characters. */
const SIGNAL_KEYS = [["SIGINT", 0], ["SIGQUIT", 1], ["SIGTSTP", 10]] as const;
/** Bit of SIGTSTP in the masks of `/proc/PID/status`. */
const SIGTSTP_BIT = 1n << 19n;

/** Limit of typed keys that the task has not read, in bytes. Further keys are dropped. */
const MAX_TYPED_BYTES = 1024 * 1024;
/** Milliseconds until another try to write keys for which the kernel has no room. */
const RETRY_MS = 10;

/** Both ends of a pseudo-terminal. The caller owns the descriptors. */
interface PseudoTerminal {
  /** Non-blocking. A read fails with EIO when no process has the other end open any more. */
  readonly master: number;
  readonly slave: number;
  /** Path of the slave. */
  readonly path: string;
}

/** Creates pseudo-terminals. */
export class PseudoTerminals implements Disposable {
  readonly #library: Library;

  private constructor(library: Library) {
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
   * Creates a pseudo-terminal. Without a keyboard its output is not processed (`-opost`): the master
   * reads what the task writes, as from a pipe, and reads it several times faster.
   *
   * @returns `undefined` if all are in use (`kernel.pty.max`), or if descriptors are used up
   */
  create({ keyboard, ...size }: TerminalOutput): PseudoTerminal | undefined {
    const { symbols } = this.#library;
    const master = symbols.posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (master < 0) return undefined;
    const slave = this.#openSlave(master);
    if (slave === undefined) {
      symbols.close(master);
      return undefined;
    }
    resize(this.#library, master, size);
    const modes = keyboard === undefined ? undefined : this.#modesOf(keyboard.path);
    const termios = modes ?? modesOf(this.#library, master);
    if (keyboard === undefined) {
      termios.setUint32(OFLAG_OFFSET, termios.getUint32(OFLAG_OFFSET, true) & ~OPOST, true);
    }
    symbols.tcsetattr(master, TCSANOW, bytesOf(termios));
    symbols.fcntl(master, F_SETFL, O_RDWR | O_NONBLOCK);
    return { master, ...slave };
  }

  /** Returns the part of a pseudo-terminal that the client's keys and sizes go to. */
  terminalOf(master: number, leader: number): MasterTerminal {
    return new MasterTerminal(this.#library, master, leader);
  }

  /** Closes the library. Pseudo-terminals stay open. */
  close(): void {
    this.#library.close();
  }

  /** Calls `close`. */
  [Symbol.dispose](): void {
    this.close();
  }

  #openSlave(master: number): Omit<PseudoTerminal, "master"> | undefined {
    const { symbols } = this.#library;
    const name = new Uint8Array(new ArrayBuffer(MAX_NAME_BYTES));
    const isNamed = symbols.grantpt(master) === 0 && symbols.unlockpt(master) === 0 &&
      symbols.ptsname_r(master, name, BigInt(MAX_NAME_BYTES)) === 0;
    const slave = isNamed ? symbols.open(name, O_RDWR | O_NOCTTY | O_CLOEXEC) : -1;
    if (slave < 0) return undefined;
    return { slave, path: new TextDecoder().decode(name.subarray(0, name.indexOf(0))) };
  }

  /** Returns the modes of a person's terminal, or `undefined` if it cannot be opened. */
  #modesOf(path: string): DataView<ArrayBuffer> | undefined {
    const { symbols } = this.#library;
    const name = new TextEncoder().encode(`${path}\0`);
    const terminal = symbols.open(name, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (terminal < 0) return undefined;
    const modes = modesOf(this.#library, terminal);
    symbols.close(terminal);
    // The client has already put the terminal into raw mode for another task of the build.
    const isRaw = (modes.getUint32(OFLAG_OFFSET, true) & OPOST) === 0;
    return isRaw ? undefined : modes;
  }
}

/** The master of a task's pseudo-terminal, as the target of keys and sizes. */
export class MasterTerminal implements TaskTerminal {
  readonly #library: Library;
  readonly #master: number;
  readonly #leader: number;
  /** Keys that are not written yet. */
  #typed: Uint8Array<ArrayBuffer>[] = [];
  #typedBytes = 0;
  /** True if the last key was one that interrupts. */
  #isInterrupted = false;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #isClosed = false;

  constructor(library: Library, master: number, leader: number) {
    this.#library = library;
    this.#master = master;
    this.#leader = leader;
  }

  type(keys: Uint8Array, listener: (key: SignalKey) => void): void {
    if (this.#isClosed) return;
    const modes = modesOf(this.#library, this.#master);
    const characters = this.#signalCharacters(modes);
    let start = 0;
    for (let at = 0; at < keys.length; at++) {
      const character = keys[at] ?? 0;
      const signal = characters.get(character);
      if (signal === undefined) {
        this.#isInterrupted = false;
        continue;
      }
      this.#write(keys.subarray(start, at));
      start = at + 1;
      const isRepeated = this.#isInterrupted && signal !== "SIGTSTP";
      if (signal !== "SIGTSTP") this.#isInterrupted = true;
      const flags = modes.getUint32(LFLAG_OFFSET, true);
      if ((flags & NOFLSH) === 0) this.#discardTyped();
      listener({ signal, isRepeated, echo: echoOf(character, flags) });
    }
    this.#write(keys.subarray(start));
  }

  resize(size: TerminalSize): void {
    if (!this.#isClosed) resize(this.#library, this.#master, size);
  }

  /** Must be called before the master is closed. */
  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#retry);
    this.#typed = [];
  }

  /**
   * Returns the characters for which the terminal would send signals to the task itself. A program
   * that handles keys itself, or that has moved the foreground to another process group, as a shell
   * with job control does, gets the characters instead.
   */
  #signalCharacters(modes: DataView): ReadonlyMap<number, TypedSignal> {
    const flags = modes.getUint32(LFLAG_OFFSET, true);
    const isOwn = this.#library.symbols.tcgetpgrp(this.#master) === this.#leader;
    if ((flags & ISIG) === 0 || !isOwn) return new Map();
    const isCooked = (flags & ICANON) !== 0;
    return new Map(
      SIGNAL_KEYS.filter(([name]) =>
        name === "SIGTSTP" ? !ignoresSuspension(this.#leader) : isCooked
      ).map(([name, index]) => [modes.getUint8(CC_OFFSET + index), name]),
    );
  }

  /** Discards keys that the task has not read, as a terminal does that sends a signal. */
  #discardTyped(): void {
    const { symbols } = this.#library;
    this.#typed = [];
    this.#typedBytes = 0;
    const flags = BigInt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    const slave = symbols.ioctlNumber(this.#master, TIOCGPTPEER, flags);
    if (slave < 0) return;
    symbols.ioctlNumber(slave, TCFLSH, TCIFLUSH);
    symbols.close(slave);
  }

  #write(keys: Uint8Array): void {
    if (keys.length === 0 || this.#typedBytes + keys.length > MAX_TYPED_BYTES) return;
    this.#typed.push(keys.slice());
    this.#typedBytes += keys.length;
    if (this.#retry === undefined) this.#flush();
  }

  #flush(): void {
    this.#retry = undefined;
    const { symbols } = this.#library;
    for (let keys = this.#typed[0]; keys !== undefined; keys = this.#typed[0]) {
      const count = Number(symbols.write(this.#master, keys, BigInt(keys.length)));
      if (count < 0) {
        const errno = errnoOf(symbols);
        if (errno !== EAGAIN && errno !== EINTR) return this.close();
        this.#retry = setTimeout(() => this.#flush(), RETRY_MS);
        return;
      }
      this.#typedBytes -= count;
      if (count === keys.length) this.#typed.shift();
      else this.#typed[0] = keys.subarray(count);
    }
  }
}

/** Returns what a terminal shows for a control character. */
function echoOf(character: number, flags: number): string {
  if ((flags & ECHO) === 0) return "";
  const isVisible = (flags & ECHOCTL) !== 0;
  return isVisible ? `^${String.fromCharCode(character ^ 0x40)}` : String.fromCharCode(character);
}

/** Returns true if a process ignores SIGTSTP, as an interactive shell does. */
function ignoresSuspension(pid: number): boolean {
  try {
    const status = Deno.readTextFileSync(`/proc/${pid}/status`);
    const [, ignored = "0"] = /^SigIgn:\s*([0-9a-f]+)/m.exec(status) ?? [];
    return (BigInt(`0x${ignored}`) & SIGTSTP_BIT) !== 0n;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return true;
    throw error;
  }
}

function modesOf({ symbols }: Library, terminal: number): DataView<ArrayBuffer> {
  const modes = new DataView(new ArrayBuffer(TERMIOS_BYTES));
  symbols.tcgetattr(terminal, bytesOf(modes));
  return modes;
}

function resize({ symbols }: Library, master: number, { columns, rows }: TerminalSize): void {
  const size = new Uint8Array(new Uint16Array([rows, columns, 0, 0]).buffer);
  symbols.ioctl(master, TIOCSWINSZ, size);
}

function bytesOf(view: DataView<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  return new Uint8Array(view.buffer);
}
