/**
 * How long a socket's path can be.
 *
 * @module
 */

/** The longest path of a socket, in bytes: Linux has room for 108 with the final zero, macOS for 104. */
export const MAX_SOCKET_PATH_BYTES: number = Deno.build.os === "linux" ? 107 : 103;

/** What is added to the name under which a socket is bound before it is renamed into place. */
export const ASIDE_SUFFIX = ".new";

/** The longest path that a listener can listen at, in bytes. */
export const MAX_LISTEN_PATH_BYTES: number = MAX_SOCKET_PATH_BYTES - ASIDE_SUFFIX.length;

/** Whether a path is too long for a listener. */
export function isPathTooLong(path: string): boolean {
  return new TextEncoder().encode(path).length > MAX_LISTEN_PATH_BYTES;
}
