/**
 * The error of the pickle decoder and encoder, and the limits on the size of a pickle.
 *
 * A connection is closed if the frames, commands or replies that its peer sends cause this error.
 *
 * @module
 */

/**
 * Reports bytes that are not a pickle, a pickle that exceeds a limit, or a value that cannot be
 * pickled.
 */
export class PickleError extends Error {
  /** The class name, as in `Error.prototype.name`. */
  override readonly name = "PickleError";
}

/** Limits of a pickle. They bound memory and time, whatever its content. */
export interface PickleLimits {
  /** The maximum length of the pickle in bytes; default 64 MiB. */
  readonly maxBytes: number;
  /** The maximum nesting depth of containers; default 1000. */
  readonly maxDepth: number;
  /** The maximum number of lists, tuples, dicts, sets and instances; default 2 million. */
  readonly maxContainers: number;
  /** The maximum number of values in the memo; default 4 million. */
  readonly maxMemo: number;
  /**
   * The maximum length of one int, in bytes or, if it is text, in digits; default 4300, as in
   * Python.
   */
  readonly maxIntDigits: number;
}

/** The default limits. */
export const DEFAULT_LIMITS: PickleLimits = {
  maxBytes: 64 * 1024 * 1024,
  maxDepth: 1000,
  maxContainers: 2_000_000,
  maxMemo: 4_000_000,
  maxIntDigits: 4300,
};
