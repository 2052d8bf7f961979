/**
 * The server's log: lines with time and level, in a file that is rotated, or on stderr.
 *
 * @module
 */

import type { Clock } from "../clock.ts";
import { isSystemError, removeIfPresent } from "./files.ts";
import type { Level, Logger } from "../logger.ts";

/** How a log is kept. */
export interface LogFileOptions {
  /** Gives lines their times. */
  readonly clock: Clock;
  /** Bytes at which the file is put aside; default 10 MiB. */
  readonly maxBytes?: number;
  /** How many files put aside are kept as `PATH.1` (the newest), `PATH.2` …; default 3. */
  readonly keep?: number;
  /** Whether lines are written to stderr as well. */
  readonly echo?: boolean;
}

const encoder = new TextEncoder();

/**
 * A {@linkcode Logger} that writes to a file. Each line is written at once; where that can't be
 * done, as on a full disk, it is lost, and the next line that can be written says how many were.
 */
export class LogFile implements Logger, Disposable {
  readonly #path: string;
  readonly #clock: Clock;
  readonly #maxBytes: number;
  readonly #keep: number;
  #echo: boolean;
  #file: Deno.FsFile;
  #size: number;
  /** Lines that could not be written since the last one that could, and why. */
  #lost = 0;
  #reason = "";
  /** Whether the last thing in the file is a line in part. */
  #isTorn = false;

  private constructor(path: string, options: LogFileOptions) {
    this.#path = path;
    this.#clock = options.clock;
    this.#maxBytes = options.maxBytes ?? 10 * 1024 * 1024;
    this.#keep = options.keep ?? 3;
    this.#echo = options.echo ?? false;
    this.#file = openForAppend(path);
    this.#size = sizeOf(this.#file);
  }

  /**
   * Opens a log; lines are added to what is there.
   *
   * @throws {Error} what the system says where the file can't be written
   */
  static open(path: string, options: LogFileOptions): LogFile {
    return new LogFile(path, options);
  }

  log(level: Level, message: string): void {
    if (this.#lost > 0) this.#tellLost();
    const line = this.#line(level, message);
    if (this.#lost > 0 || !this.#write(line)) this.#lost++;
    if (this.#echo) this.#repeat(line);
  }

  /**
   * Resolves at once: every line is written as it is logged. The disk is not waited for: under load
   * `fsync` takes seconds, for which a server that ends would keep its lock.
   */
  flush(): Promise<void> {
    return Promise.resolve();
  }

  /** Closes the file; nothing can be logged any more. */
  close(): void {
    this.#file.close();
  }

  /** As `close`. */
  [Symbol.dispose](): void {
    this.close();
  }

  #line(level: Level, message: string): string {
    const time = new Date(this.#clock.now()).toISOString();
    return `${time} ${level.toUpperCase().padEnd(5)} ${message}\n`;
  }

  #tellLost(): void {
    const lines = this.#lost === 1 ? "1 line" : `${this.#lost} lines`;
    if (this.#write(this.#line("warn", `${lines} lost: ${this.#reason}`))) this.#lost = 0;
  }

  /** @returns whether it could be written, as a whole */
  #write(line: string): boolean {
    const bytes = encoder.encode(this.#isTorn ? `\n${line}` : line);
    let written = 0;
    try {
      if (this.#size > 0 && this.#size + bytes.length > this.#maxBytes) this.#rotate();
      while (written < bytes.length) written += this.#file.writeSync(bytes.subarray(written));
      this.#isTorn = false;
      return true;
    } catch (error) {
      if (!isSystemError(error)) throw error;
      this.#reason = error.message;
      this.#isTorn ||= written > 0;
      return false;
    } finally {
      this.#size += written;
    }
  }

  /** To whoever looks on; who does not any more has the file. */
  #repeat(line: string): void {
    const bytes = encoder.encode(line);
    try {
      for (let at = 0; at < bytes.length;) at += Deno.stderr.writeSync(bytes.subarray(at));
    } catch (error) {
      if (!isSystemError(error)) throw error;
      this.#echo = false;
      this.log("warn", `Nothing more is written to stderr: ${error.message}`);
    }
  }

  /** Where there can't be another file, none is put aside. */
  #rotate(): void {
    const aside = `${this.#path}.new`;
    const next = openForAppend(aside);
    try {
      removeIfPresent(`${this.#path}.${this.#keep}`);
      for (let number = this.#keep - 1; number >= 0; number--) {
        const from = number === 0 ? this.#path : `${this.#path}.${number}`;
        renameIfPresent(from, `${this.#path}.${number + 1}`);
      }
      Deno.renameSync(aside, this.#path);
    } catch (error) {
      next.close();
      throw error;
    }
    this.#file.close();
    this.#file = next;
    this.#size = 0;
  }
}

function openForAppend(path: string): Deno.FsFile {
  return Deno.openSync(path, { create: true, append: true, mode: 0o600 });
}

/** @throws {Error} what the system says; the file is closed then */
function sizeOf(file: Deno.FsFile): number {
  try {
    return file.statSync().size;
  } catch (error) {
    file.close();
    throw error;
  }
}

function renameIfPresent(from: string, to: string): void {
  try {
    Deno.renameSync(from, to);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
