/**
 * Process server inside a client's own process. It has the same cooker, commands and events, over a
 * stream in memory. It needs no socket and no lock, and leaves no files behind.
 *
 * @module
 */

import type { Cooker } from "./cooker.ts";
import type { Clock } from "../system/clock.ts";
import type { Logger } from "../system/logger.ts";
import { channelPair } from "../system/net/object_channel.ts";
import type { ByteStream } from "../system/net/streams.ts";
import type { AcceptedStream } from "../system/net/unix_socket.ts";
import type { ProjectIdentity } from "../wire/hello.ts";
import type { Listener } from "./listener_source.ts";
import { ProcessServer } from "./process_server.ts";

/** Parts of an in-process server. */
export interface InProcessOptions {
  /** The program to serve. */
  readonly cooker: Cooker;
  /** Clock of the server. */
  readonly clock: Clock;
  /** Log of the server. */
  readonly log: Logger;
  /** Project that the server serves. */
  readonly project: ProjectIdentity;
}

/** A server in this process. */
export interface InProcessServer {
  /** The client's end of the connection. Closing it ends the server. */
  readonly stream: ByteStream;
  /** Resolves when the server has ended and the processes of its tasks are gone. */
  readonly ended: Promise<void>;
}

/** A listener that accepts one connection, which already exists. */
class OneClient implements Listener {
  readonly path = "in process";
  #stream: AcceptedStream | undefined;
  readonly #closed = Promise.withResolvers<undefined>();

  constructor(stream: AcceptedStream) {
    this.#stream = stream;
  }

  accept(): Promise<AcceptedStream | undefined> {
    const stream = this.#stream;
    this.#stream = undefined;
    return stream === undefined ? this.#closed.promise : Promise.resolve(stream);
  }

  unlink(): boolean {
    return false;
  }

  close(): void {
    this.#closed.resolve(undefined);
  }
}

/** Starts a server for one client in this process. It ends when the client leaves. */
export function serveInProcess(options: InProcessOptions): InProcessServer {
  const [near, far] = channelPair();
  const server = new ProcessServer({
    ...options,
    listener: new OneClient(far),
    timeoutSeconds: 0,
  });
  return { stream: near, ended: server.serve().then(() => undefined) };
}
