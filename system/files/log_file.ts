/**
 * The server's log file. Each line has a time and a level. The file is rotated when it reaches a
 * size limit, and lines may be copied to stderr.
 *
 * @module
 */

import type { Clock } from "../clock.ts";
import { isSystemError, removeIfPresent } from "./files.ts";
import type { Level, Logger } from "../logger.ts";

/** Options of a {@linkcode LogFile}. */
export interface LogFileOptions {
  /** The clock for the times of lines. */
  readonly clock: Clock;
  /** The size in bytes at which the file is rotated. Default: 10 MiB. */
  readonly maxBytes?: number;
  /** The number of rotated files, `PATH.1` (the newest), `PATH.2` and so on. Default: 3. */
  readonly keep?: number;
  /** Also writes lines to stderr. Default: `false`. */
  readonly echo?: boolean;
}

const encoder = new TextEncoder();

/**
 * A {@linkcode Logger} that writes to a file. Each line is written immediately. A line that can't
 * be written, for example because the disk is full, is lost. Before the next line that can be
 * written, a warning reports the number of lost lines.
 */
export class LogFile implements Logger, Disposable {
  readonly #path: string;
  readonly #clock: Clock;
  readonly #maxBytes: number;
  readonly #keep: number;
  #echo: boolean;
  #file: Deno.FsFile;
  #size: number;
  /** The number of lines lost since the last successful write. */
  #lost = 0;
  /** The reason of the last failed write. */
  #reason = "";
  /** The file ends with a partial line. */
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
   * Opens a log. New lines are appended to an existing file.
   *
   * @throws {Error} the system's error if the file can't be opened for writing
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
   * Resolves immediately, because every line is written when it is logged. It does not call
   * `fsync`, which takes seconds under load. A server that is shutting down would hold its lock for
   * that time.
   */
  flush(): Promise<void> {
    return Promise.resolve();
  }

  /** Closes the file. Nothing can be logged afterwards. */
  close(): void {
    this.#file.close();
  }

  /** Same as `close`. */
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

  /** @returns true if the whole line was written */
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

  /** Copies a line to stderr. After a failed write, the copying stops and the log says so. */
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

  /** Rotates the log. The new file is opened first: if that fails, the old file stays in place. */
  #rotate(): void {
    const temporary = `${this.#path}.new`;
    const next = openForAppend(temporary);
    try {
      removeIfPresent(`${this.#path}.${this.#keep}`);
      for (let number = this.#keep - 1; number >= 0; number--) {
        const from = number === 0 ? this.#path : `${this.#path}.${number}`;
        renameIfPresent(from, `${this.#path}.${number + 1}`);
      }
      Deno.renameSync(temporary, this.#path);
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

/** @throws {Error} the system's error, after closing the file */
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
