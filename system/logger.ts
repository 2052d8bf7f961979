/**
 * The logger's interface: lines with a level, for a file or a terminal.
 *
 * @module
 */

/** How important a line is; the same words as on the wire. */
export type Level = "debug" | "info" | "warn" | "error";

/** Where lines go. */
export interface Logger {
  /** Writes one record; a message may have several lines. */
  log(level: Level, message: string): void;
  /** Resolves when all that was logged is written. */
  flush(): Promise<void>;
}

/** A logger that keeps records in memory, for tests and embedders. */
export class MemoryLogger implements Logger {
  /** Everything logged, in order. */
  readonly records: { readonly level: Level; readonly message: string }[] = [];

  log(level: Level, message: string): void {
    this.records.push({ level, message });
  }

  flush(): Promise<void> {
    return Promise.resolve();
  }

  /** The messages alone. */
  get messages(): string[] {
    return this.records.map((record) => record.message);
  }
}
