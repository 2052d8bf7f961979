/**
 * Limits for the length of a Unix socket's path.
 *
 * @module
 */

/**
 * Maximum length of a socket's path in bytes. Linux has room for 108 bytes with the final zero, and
 * macOS for 104.
 */
export const MAX_SOCKET_PATH_BYTES: number = Deno.build.os === "linux" ? 107 : 103;

/** Suffix of the temporary name under which a socket is bound before it is renamed into place. */
export const NEW_SUFFIX = ".new";

/** Maximum length in bytes of a path that a listener can use. */
export const MAX_LISTEN_PATH_BYTES: number = MAX_SOCKET_PATH_BYTES - NEW_SUFFIX.length;

/** Returns `true` if a path is too long for a listener. */
export function isPathTooLong(path: string): boolean {
  return new TextEncoder().encode(path).length > MAX_LISTEN_PATH_BYTES;
}
