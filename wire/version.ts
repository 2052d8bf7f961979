/**
 * simmer's version, in a file of its own: the fast path to a server loads nothing else of the
 * protocol.
 *
 * @module
 */

/** simmer's version. A client uses only a server of its own version. */
export const VERSION = "0.3.0";
