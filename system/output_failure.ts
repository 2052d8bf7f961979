/**
 * Classifies and describes failed writes to the standard streams. Every command loads this module
 * at start.
 *
 * @module
 */

/** Returns true if a write failed because its reader is gone: a pipe or a terminal was closed. */
export function isReaderGone(error: unknown): boolean {
  return error instanceof Error &&
    (error.name === "BrokenPipe" || ("code" in error && error.code === "EIO"));
}

/** Returns the message for an output that could not be written, without the program's name. */
export function outputLostText(stream: "stdout" | "stderr", error: unknown): string {
  return `cannot write to ${stream}: ${error instanceof Error ? error.message : String(error)}`;
}
