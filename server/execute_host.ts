/**
 * Interface between the process server and the host of `execute` connections. Such a connection
 * runs a command line of another process inside the server's process.
 *
 * @module
 */

import type { Channel } from "../rpc/channel.ts";
import type { AcceptedStream } from "../system/net/unix_socket.ts";

/** Runs command lines of other processes. */
export interface ExecuteHost {
  /** True if a client is connected. */
  readonly isBusy: boolean;
  /**
   * Takes over a connection. The server's loop calls it, so it must return soon.
   *
   * @param stream the client's connection, which the host closes
   * @param first the bytes that have been read from it
   * @param connect opens a native connection to the server, which begins with a hello
   */
  enter(
    stream: AcceptedStream,
    first: Uint8Array<ArrayBuffer>,
    connect: () => Channel,
  ): void;
  /** Disconnects its clients. Called when the server has sent its last event. */
  close(): Promise<void> | void;
}
