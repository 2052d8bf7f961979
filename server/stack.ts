/**
 * Errors as the log tells them.
 *
 * @module
 */

/** An error with its stack, for the log; people at a terminal never see it. */
export function stackOf(error: unknown): string {
  return error instanceof Error ? error.stack ?? error.message : String(error);
}
