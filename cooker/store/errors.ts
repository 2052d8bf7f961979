/**
 * The error class of the result store.
 *
 * @module
 */

/** A result can't be stored or restored. The message says why. */
export class StoreError extends Error {
  override readonly name = "StoreError";
}
