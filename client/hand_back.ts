/**
 * A command line that a server carries out for another process, and had better not.
 *
 * @module
 */

/** Thrown where the server is about to end: the other process looks for another one by itself. */
export class HandBack extends Error {
  /** The class name, as `Error.prototype.name` has it. */
  override readonly name = "HandBack";
}
