/**
 * The host of command lines that come in as `execute`, as the server knows it.
 *
 * @module
 */

import type { AcceptedStream } from "../system/net/unix_socket.ts";
import type { ByteStream } from "../system/net/streams.ts";

/** Carries out command lines of other processes. */
export interface ExecuteHost {
  /**
   * Takes over a connection. It is called by the server's loop and must return soon.
   *
   * @param stream the client's connection, which the host closes
   * @param first the bytes that have been read from it
   * @param connect opens a native connection to the server, which begins with a hello
   */
  enter(
    stream: AcceptedStream,
    first: Uint8Array<ArrayBuffer>,
    connect: () => ByteStream,
  ): void;
  /** Lets its clients go; called when the server has sent its last event. */
  close(): Promise<void> | void;
}
