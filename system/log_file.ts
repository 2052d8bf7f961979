/**
 * The server's log: lines with time and level, in a file that is rotated, or on stderr.
 *
 * @module
 */

import type { Clock } from "./clock.ts";
import { removeIfPresent } from "./files.ts";
import type { Level, Logger } from "./logger.ts";

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

/** A {@linkcode Logger} that writes to a file. Each line is written at once. */
export class LogFile implements Logger, Disposable {
  readonly #path: string;
  readonly #clock: Clock;
  readonly #maxBytes: number;
  readonly #keep: number;
  readonly #echo: boolean;
  #file: Deno.FsFile;
  #size: number;

  private constructor(path: string, options: LogFileOptions) {
    this.#path = path;
    this.#clock = options.clock;
    this.#maxBytes = options.maxBytes ?? 10 * 1024 * 1024;
    this.#keep = options.keep ?? 3;
    this.#echo = options.echo ?? false;
    this.#file = openForAppend(path);
    this.#size = this.#file.statSync().size;
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
    const time = new Date(this.#clock.now()).toISOString();
    const bytes = encoder.encode(`${time} ${level.toUpperCase().padEnd(5)} ${message}\n`);
    if (this.#size > 0 && this.#size + bytes.length > this.#maxBytes) this.#rotate();
    writeAllSync(this.#file, bytes);
    this.#size += bytes.length;
    if (this.#echo) writeAllSync(Deno.stderr, bytes);
  }

  flush(): Promise<void> {
    return this.#file.sync();
  }

  /** Closes the file; nothing can be logged any more. */
  close(): void {
    this.#file.close();
  }

  /** As `close`. */
  [Symbol.dispose](): void {
    this.close();
  }

  #rotate(): void {
    this.#file.close();
    removeIfPresent(`${this.#path}.${this.#keep}`);
    for (let number = this.#keep - 1; number >= 0; number--) {
      const from = number === 0 ? this.#path : `${this.#path}.${number}`;
      renameIfPresent(from, `${this.#path}.${number + 1}`);
    }
    this.#file = openForAppend(this.#path);
    this.#size = 0;
  }
}

function openForAppend(path: string): Deno.FsFile {
  return Deno.openSync(path, { create: true, append: true, mode: 0o600 });
}

function renameIfPresent(from: string, to: string): void {
  try {
    Deno.renameSync(from, to);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

function writeAllSync(
  file: { writeSync(bytes: Uint8Array): number },
  bytes: Uint8Array,
): void {
  let offset = 0;
  while (offset < bytes.length) offset += file.writeSync(bytes.subarray(offset));
}
