/**
 * What can be wrong with a pickle, and how much of one is accepted.
 *
 * Thrown by the decoder and the encoder alone; whoever reads from a peer closes that one
 * connection on it.
 *
 * @module
 */

/** Bytes that are no pickle, a pickle over its limits, or a value that none can be made of. */
export class PickleError extends Error {
  /** The class name, as `Error.prototype.name` has it. */
  override readonly name = "PickleError";
}

/** How much a pickle may hold; bounds memory and time, whatever the bytes say. */
export interface PickleLimits {
  /** The pickle's length in bytes; default 64 MiB. */
  readonly maxBytes: number;
  /** Containers inside each other; default 1000. */
  readonly maxDepth: number;
  /** Lists, tuples, dicts, sets and instances in all; default 2 million. */
  readonly maxContainers: number;
  /** Values that are kept for being named again; default 4 million. */
  readonly maxMemo: number;
  /** The length of one int in bytes, or in digits where it is text; default 4300, as in Python. */
  readonly maxIntDigits: number;
}

/** The limits where none are given. */
export const DEFAULT_LIMITS: PickleLimits = {
  maxBytes: 64 * 1024 * 1024,
  maxDepth: 1000,
  maxContainers: 2_000_000,
  maxMemo: 4_000_000,
  maxIntDigits: 4300,
};
