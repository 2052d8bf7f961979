/**
 * How a server's process is named to people.
 *
 * @module
 */

/** @param pid 0 if the server does not tell, as BitBake's own over XML-RPC */
export function processName(pid = 0): string {
  return pid === 0 ? "pid unknown" : `pid ${pid}`;
}
