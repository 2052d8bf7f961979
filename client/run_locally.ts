/**
 * Error for a command line that the server cannot run for a client, such as one whose env file is a
 * pipe.
 *
 * @module
 */

/** Thrown if the command line has to run in the process that it came from. */
export class RunLocally extends Error {
  /** The class name, as `Error.prototype.name` has it. */
  override readonly name = "RunLocally";
}
