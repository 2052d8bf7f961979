/**
 * simmer's version, by itself: the quickest way to a server loads nothing else of the wire.
 *
 * @module
 */

/** simmer's version; a client uses only a server of its own version. */
export const VERSION = "0.2.0";
