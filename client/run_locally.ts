/**
 * A command line that a server cannot carry out for the process that it came from.
 *
 * @module
 */

/** The command line has to be carried out in the process that it came from. */
export class RunLocally extends Error {
  /** The class name, as `Error.prototype.name` has it. */
  override readonly name = "RunLocally";
}
