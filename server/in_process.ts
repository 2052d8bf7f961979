/**
 * Process server inside a client's own process. It has the same cooker, commands and events, over a
 * channel in memory. It needs no socket and no lock, and leaves no files behind.
 *
 * @module
 */

import type { Cooker } from "./cooker.ts";
import type { Channel } from "../rpc/channel.ts";
import type { Clock } from "../system/clock.ts";
import type { Logger } from "../system/logger.ts";
import type { ProjectIdentity } from "../wire/hello.ts";
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
  readonly channel: Channel;
  /** Resolves when the server has ended and the processes of its tasks are gone. */
  readonly ended: Promise<void>;
}

/** Starts a server for one client in this process. It ends when the client leaves. */
export function serveInProcess(options: InProcessOptions): InProcessServer {
  const closed = Promise.withResolvers<undefined>();
  // The only client is connected already.
  const listener = {
    path: "in process",
    accept: () => closed.promise,
    unlink: () => false,
    close: () => closed.resolve(undefined),
  };
  const server = new ProcessServer({ ...options, listener, timeoutSeconds: 0 });
  return { channel: server.connect(), ended: server.serve().then(() => undefined) };
}
