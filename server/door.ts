/**
 * Doors: other ways into the same server, each with a listener and a dialect of its own.
 *
 * A door translates. What comes in at its listener is accepted by the server's loop like any other
 * connection; towards the server it is a native client over a stream in memory, so that roles,
 * queues, events and limits are the same for everybody.
 *
 * @module
 */

import type { ByteStream } from "../system/net/streams.ts";
import type { AcceptedStream } from "../system/net/unix_socket.ts";
import type { Listener } from "./listener_source.ts";

/** Another way into a server. */
export interface Door {
  /** For the log. */
  readonly name: string;
  /** Whether each connection is one request, whose coming and going is not logged; default: `false`. */
  readonly isPerRequest?: boolean;
  /** Where its clients come in; the server closes it at its end. */
  readonly listener: Listener;
  /**
   * Takes a client in. It is called by the server's loop and must return soon.
   *
   * @param stream the client's connection, which the door closes
   * @param connect opens a native connection to the server, which begins with a hello
   */
  enter(stream: AcceptedStream, connect: () => ByteStream): void;
  /** Lets its clients go; called when the server has sent its last event. */
  close(): Promise<void> | void;
}
