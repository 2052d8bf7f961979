/**
 * Code for both TCP and Unix sockets: accepts connections until the listener closes, and creates
 * byte streams over connections.
 *
 * @module
 */

import type { ByteStream } from "./streams.ts";

/**
 * Accepts the next connection. Returns `undefined` once the listener is closed, and closes a
 * connection that was accepted at that time.
 *
 * @param isClosed returns true once the owner has closed the listener
 * @throws {Error} the system's error if descriptors are used up
 */
export async function acceptNext<Connection extends Disposable>(
  listener: { accept(): Promise<Connection> },
  isClosed: () => boolean,
): Promise<Connection | undefined> {
  try {
    const connection = await listener.accept();
    if (!isClosed()) return connection;
    connection[Symbol.dispose]();
    return undefined;
  } catch (error) {
    if (isClosed() && isClosedError(error)) return undefined;
    throw error;
  }
}

/** Wraps a connection so that it can be closed twice. */
export function streamOf(connection: Deno.TcpConn | Deno.UnixConn): ByteStream {
  let isClosed = false;
  return {
    read: (buffer) => connection.read(buffer),
    write: (bytes) => connection.write(bytes),
    close: () => {
      if (isClosed) return;
      isClosed = true;
      connection.close();
    },
  };
}

function isClosedError(error: unknown): boolean {
  return error instanceof Deno.errors.BadResource || error instanceof Deno.errors.Interrupted;
}
