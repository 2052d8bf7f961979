/**
 * Formats errors for the server's log.
 *
 * @module
 */

import { systemErrorNumber } from "../system/files/files.ts";

/** Error numbers EMFILE and ENFILE. */
const NO_DESCRIPTORS: readonly (number | undefined)[] = [24, 23];

/**
 * Returns an error with its stack, for the log. Users at a terminal never see it. The stack is
 * omitted if the error says that no descriptors are left: the runtime needs descriptors to find the
 * source positions, and ends the process if it gets none.
 */
export function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (NO_DESCRIPTORS.includes(systemErrorNumber(error))) return error.message;
  return error.stack ?? error.message;
}
