/**
 * How a server's process is named to people.
 *
 * @module
 */

/** @param pid 0 where the server does not tell, as BitBake's own over XML-RPC */
export function processName(pid: number): string {
  return pid === 0 ? "pid unknown" : `pid ${pid}`;
}
