/**
 * The logger's interface, which writes lines with a level, and a logger in memory.
 *
 * @module
 */

/** The importance of a line. The wire protocol uses the same words. */
export type Level = "debug" | "info" | "warn" | "error";

/** A destination of log records. */
export interface Logger {
  /** Writes one record. A message may have several lines. */
  log(level: Level, message: string): void;
  /** Resolves when all logged records are written. */
  flush(): Promise<void>;
}

/** A logger that stores records in memory, for tests and embedders. */
export class MemoryLogger implements Logger {
  /** All records, in order. */
  readonly records: { readonly level: Level; readonly message: string }[] = [];

  log(level: Level, message: string): void {
    this.records.push({ level, message });
  }

  flush(): Promise<void> {
    return Promise.resolve();
  }

  /** The messages without their levels. */
  get messages(): string[] {
    return this.records.map((record) => record.message);
  }
}
