/**
 * Display name of a server's process.
 *
 * @module
 */

/** @param pid 0 if the server does not report it, like BitBake's own over XML-RPC */
export function processName(pid = 0): string {
  return pid === 0 ? "pid unknown" : `pid ${pid}`;
}
