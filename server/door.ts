/**
 * Doors: additional entrances to a server, each with its own listener and protocol. XML-RPC is one.
 *
 * A door translates. The server's loop accepts connections at the door's listener like all others.
 * For each client, the door opens a native connection in memory. Roles, queues, events and limits
 * are therefore the same for all clients.
 *
 * @module
 */

import type { Channel } from "../rpc/channel.ts";
import type { AcceptedStream } from "../system/net/unix_socket.ts";
import type { Listener } from "./listener_source.ts";

/** An additional entrance to a server. */
export interface Door {
  /** Name for the log. */
  readonly name: string;
  /**
   * True if each connection carries one request, so that connections are not logged; default:
   * `false`.
   */
  readonly isPerRequest?: boolean;
  /** Listener of the door. The server closes it at its end. */
  readonly listener: Listener;
  /**
   * Serves a new client. The server's loop calls it, so it must return soon.
   *
   * @param stream the client's connection, which the door closes
   * @param connect opens a native connection to the server, which begins with a hello
   */
  enter(stream: AcceptedStream, connect: () => Channel): void;
  /** Disconnects its clients. Called when the server has sent its last event. */
  close(): Promise<void> | void;
}
