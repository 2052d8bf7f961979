/**
 * Errors as the log tells them.
 *
 * @module
 */

import { systemErrorNumber } from "../system/files/files.ts";

/** EMFILE and ENFILE. */
const NO_DESCRIPTORS: readonly (number | undefined)[] = [24, 23];

/**
 * An error with its stack, for the log; people at a terminal never see it. Where there are no
 * descriptors left, there is none: to find the places in it, the runtime would need some, and ends
 * where there are not.
 */
export function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (NO_DESCRIPTORS.includes(systemErrorNumber(error))) return error.message;
  return error.stack ?? error.message;
}
