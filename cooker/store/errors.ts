/**
 * What goes wrong with a store.
 *
 * @module
 */

/** A result can't be kept or put back; the message says why. */
export class StoreError extends Error {
  override readonly name = "StoreError";
}
