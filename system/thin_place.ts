/**
 * Where thin clients find a server.
 *
 * @module
 */

/** The folder below a project's root: a named pipe `door`, and who reads it in `server`. */
export const THIN_FOLDER = ".simmer/thin";
