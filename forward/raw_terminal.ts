/**
 * Relays the keys of this process's terminal to a task that runs in a terminal of the server. The
 * terminal is in raw mode meanwhile: the task's own terminal edits lines, echoes and sends signals.
 *
 * @module
 */

import { LazyLibc } from "../system/libc.ts";

const SYMBOLS = {
  tcgetattr: { parameters: ["i32", "buffer"], result: "i32" },
  tcsetattr: { parameters: ["i32", "i32", "buffer"], result: "i32" },
  cfmakeraw: { parameters: ["buffer"], result: "void" },
  tcgetpgrp: { parameters: ["i32"], result: "i32" },
  getpgrp: { parameters: [], result: "i32" },
  signal: { parameters: ["i32", "usize"], result: "usize" },
} as const satisfies Deno.ForeignLibraryInterface;

const STDIN = 0;
const SIGTTIN = 21;
const SIG_IGN = 1n;
const TCSANOW = 0;
/** Larger than glibc's `struct termios`. */
const TERMIOS_BYTES = 64;
const READ_BYTES = 16 * 1024;

/** Receives keys. The bytes are valid until it returns. */
type TakeKeys = (keys: Uint8Array) => void;

/** Ctrl-C as a byte. */
const CTRL_C = 0x03;
/** Number of Ctrl-C in a row without an answer after which the server counts as hanging. */
const MOST_UNANSWERED = 4;

/** The keyboard of this process's terminal. */
export class RawTerminal {
  readonly #library = new LazyLibc(SYMBOLS);
  #listener: TakeKeys | undefined;
  /** Modes of the terminal before it was put into raw mode, while it is. */
  #modes: Uint8Array<ArrayBuffer> | undefined;
  #isReading = false;
  #isPrepared = false;
  /** Number of Ctrl-C in a row since the server's last answer. */
  #unanswered = 0;
  #giveUp: (() => void) | undefined;

  /**
   * Puts the terminal into raw mode, and passes keys to a function until `release`.
   *
   * @param giveUp called if the server does not react to Ctrl-C: in raw mode, no key ends this
   *   process
   */
  take(listener: TakeKeys, giveUp: () => void): void {
    this.#listener = listener;
    this.#giveUp = giveUp;
    this.#unanswered = 0;
    if (!this.#isPrepared) {
      this.#isPrepared = true;
      // A read in the background then fails. Otherwise, the kernel would suspend this process.
      this.#library.symbols?.signal(SIGTTIN, SIG_IGN);
      Deno.addSignalListener("SIGCONT", () => this.#resume());
    }
    this.#resume();
  }

  /** The server has reacted. */
  answered(): void {
    this.#unanswered = 0;
  }

  /** Restores the terminal. Does nothing if it is not in raw mode. */
  release(): void {
    this.#listener = undefined;
    this.pause();
  }

  /** Restores the terminal before this process is suspended. SIGCONT undoes that. */
  pause(): void {
    if (this.#modes !== undefined && this.#isInForeground) {
      const { symbols } = this.#library;
      if (symbols === undefined) Deno.stdin.setRaw(false);
      else symbols.tcsetattr(STDIN, TCSANOW, this.#modes);
    }
    this.#modes = undefined;
  }

  /**
   * Puts the terminal into raw mode again. Not in the background: the kernel would suspend this
   * process.
   */
  #resume(): void {
    const { symbols } = this.#library;
    if (this.#listener === undefined || this.#modes !== undefined || !this.#isInForeground) return;
    if (!this.#isReading) void this.#read();
    if (symbols === undefined) {
      this.#modes = new Uint8Array(0);
      return Deno.stdin.setRaw(true);
    }
    const modes = new Uint8Array(new ArrayBuffer(TERMIOS_BYTES));
    if (symbols.tcgetattr(STDIN, modes) !== 0) return;
    this.#modes = modes;
    const raw = modes.slice();
    symbols.cfmakeraw(raw);
    symbols.tcsetattr(STDIN, TCSANOW, raw);
  }

  /** True also where the C library cannot be asked. */
  get #isInForeground(): boolean {
    const { symbols } = this.#library;
    return symbols === undefined || symbols.tcgetpgrp(STDIN) === symbols.getpgrp();
  }

  #typed(keys: Uint8Array): void {
    if (this.#listener === undefined) return;
    this.#unanswered = keys.every((key) => key === CTRL_C) ? this.#unanswered + keys.length : 0;
    this.#listener(keys);
    if (this.#unanswered >= MOST_UNANSWERED) this.#giveUp?.();
  }

  /**
   * Reads until the terminal is closed, or this process is in the background. A read cannot be
   * aborted, so it goes on after `release`.
   */
  async #read(): Promise<void> {
    this.#isReading = true;
    const buffer = new Uint8Array(READ_BYTES);
    try {
      for (let count = await Deno.stdin.read(buffer); count !== null;) {
        this.#typed(buffer.subarray(0, count));
        count = await Deno.stdin.read(buffer);
      }
    } catch (error) {
      // The terminal is closed, which SIGHUP reports too, or it belongs to the foreground (EIO).
      if (!(error instanceof Error)) throw error;
    } finally {
      this.#isReading = false;
    }
  }
}
