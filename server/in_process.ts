/**
 * The process server inside a client's own process: the same cooker, commands and events over a
 * stream in memory, without socket, lock or anything left behind.
 *
 * @module
 */

import type { Cooker } from "./cooker.ts";
import type { Clock } from "../system/clock.ts";
import type { Logger } from "../system/logger.ts";
import { lanePair } from "../system/net/lane.ts";
import type { ByteStream } from "../system/net/streams.ts";
import type { AcceptedStream } from "../system/net/unix_socket.ts";
import type { ProjectIdentity } from "../wire/hello.ts";
import type { Listener } from "./listener_source.ts";
import { ProcessServer } from "./process_server.ts";

/** What an in-process server is made of. */
export interface InProcessOptions {
  /** What is served. */
  readonly cooker: Cooker;
  /** Time. */
  readonly clock: Clock;
  /** The log. */
  readonly log: Logger;
  /** The project that it serves. */
  readonly project: ProjectIdentity;
}

/** A server in this process. */
export interface InProcessServer {
  /** The client's end; closing it ends the server. */
  readonly stream: ByteStream;
  /** Resolves when the server has ended and nothing of its tasks is left. */
  readonly ended: Promise<void>;
}

/** A listener with one client, who is there already. */
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

/** Starts a server for one client in this process; it ends when the client leaves. */
export function serveInProcess(options: InProcessOptions): InProcessServer {
  const [near, far] = lanePair();
  const server = new ProcessServer({
    ...options,
    listener: new OneClient(far),
    timeoutSeconds: 0,
  });
  return { stream: near, ended: server.serve().then(() => undefined) };
}
