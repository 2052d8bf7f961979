/**
 * A listener as a source of connections for the server's loop.
 *
 * @module
 */

import type { Clock } from "../system/clock.ts";
import type { Source } from "../system/source.ts";
import type { AcceptedStream } from "../system/net/unix_socket.ts";
import type { Door } from "./door.ts";

/** Delay after a failed accept, in milliseconds. Accepting fails if descriptors are used up. */
const RETRY_MS = 100;

/** Listener of a process server, for example a `UnixListener`. */
export interface Listener {
  /** Address, for logs and for clients. */
  readonly path: string;
  /** Returns the next connection, or `undefined` if the listener is closed. */
  accept(): Promise<AcceptedStream | undefined>;
  /** Deletes the socket file if it still belongs to this listener. Returns true if it did. */
  unlink(): boolean;
  /** Stops listening. */
  close(): void;
}

/** Ready when a client connects. */
export class ListenerSource implements Source<AcceptedStream | undefined> {
  readonly kind = "accept";
  readonly name: string;
  /** Door of the listener; absent: the listener is the server's own. */
  readonly door: Door | undefined;
  readonly #listener: Listener;
  readonly #clock: Clock;
  readonly #signal: AbortSignal;
  #hasFailed = false;

  /**
   * @param signal ends the delay after a failure when the server ends
   * @param door door of the listener; absent: the listener is the server's own
   */
  constructor(listener: Listener, clock: Clock, signal: AbortSignal, door?: Door) {
    this.name = door === undefined ? "listener" : `${door.name} listener`;
    this.door = door;
    this.#listener = listener;
    this.#clock = clock;
    this.#signal = signal;
  }

  async read(): Promise<AcceptedStream | undefined> {
    if (this.#hasFailed) await this.#clock.sleep(RETRY_MS, this.#signal);
    this.#hasFailed = true;
    const stream = await this.#listener.accept();
    this.#hasFailed = false;
    return stream;
  }
}
